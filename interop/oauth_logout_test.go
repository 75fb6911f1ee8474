package interop_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/go-guard/guard"
)

// TestSignOutAtTheProvider: the provider posts a logout token to the application, whose
// session is dead when the person has the provider's answer. oidc-provider names the one
// session that ended, by sid; zitadel names the person.
func TestSignOutAtTheProvider(t *testing.T) {
	for _, each := range providers {
		t.Run(each.name, func(t *testing.T) {
			a := startApplication(t)
			p := each.start(t, a)
			a.signInAt(t, p.issuer, "/client_secret_basic/login", clients...)
			for _, c := range clients { // and so each algorithm of ID tokens
				t.Run(c.ID, func(t *testing.T) {
					leaves, other := newVisitor(t, a, p), newVisitor(t, a, p)
					for _, v := range []*visitor{leaves, other} {
						if got := v.signIn(c.ID, ""); got.status != 303 {
							t.Fatalf("%d %s", got.status, a.reason())
						}
					}
					if p.node != nil {
						leaves.signOutAtProvider()
					} else if err := p.zitadel.TerminateSession(t.Context(), p.subject, c.ID); err != nil {
						t.Fatal(err)
					}
					if _, signedIn := leaves.me(); signedIn {
						t.Errorf("the session did not end: %s", a.reason())
					}
					if _, signedIn := other.me(); signedIn != (p.node != nil) {
						t.Errorf("another browser of the person: signed in %t", signedIn)
					}
				})
			}
			if p.zitadel != nil {
				p.zitadel.mu.Lock()
				defer p.zitadel.mu.Unlock()
				if slices.ContainsFunc(p.zitadel.logouts, func(status int) bool { return status != 200 }) {
					t.Errorf("answers to logout tokens: %v", p.zitadel.logouts)
				}
			}
		})
	}
}

// signOutAtProvider is oidc-provider's own page to sign out of everything.
func (v *visitor) signOutAtProvider() {
	v.t.Helper()
	page := v.get(v.p.issuer + "/session/end")
	action := formAction.FindStringSubmatch(page.body)
	if action == nil {
		v.t.Fatalf("%d %s", page.status, page.body)
	}
	form := url.Values{"logout": {"yes"}}
	for _, input := range formHidden.FindAllStringSubmatch(page.body, -1) {
		form.Set(input[1], input[2])
	}
	if got := v.post(action[1], form); got.status != 303 {
		v.t.Fatalf("%d %s", got.status, got.body)
	}
}

// TestSignOut: the application ends its session and then the provider its own, and sends
// the browser back.
func TestSignOut(t *testing.T) {
	for _, each := range providers {
		t.Run(each.name, func(t *testing.T) {
			a := startApplication(t)
			p := each.start(t, a)
			a.signInAt(t, p.issuer, "/client_secret_basic/login", clients...)
			for _, c := range clients {
				t.Run(c.ID, func(t *testing.T) {
					v := newVisitor(t, a, p)
					if got := v.signIn(c.ID, ""); got.status != 303 {
						t.Fatalf("%d %s", got.status, a.reason())
					}
					got := v.post(a.URL+"/"+c.ID+"/logout", nil)
					q := guard.Must(url.Parse(got.location)).Query()
					if got.status != 303 || !strings.HasPrefix(got.location, p.issuer+"/") || q.Get("id_token_hint") == "" {
						t.Fatalf("%d %s", got.status, got.location)
					}
					if _, signedIn := v.me(); signedIn {
						t.Error("the session is alive on the way to the provider")
					}
					if back := v.visit(got.location, "yes"); back.String() != a.URL+"/" {
						t.Errorf("back at %s", back)
					}
					v.visit(v.begin(c.ID, ""), "yes")
					if !slices.Contains(v.pages, signInPage) {
						t.Errorf("the provider still knows the person: %q", v.pages)
					}
					// Without a session, and so without a hint, there is nothing to end.
					if got := v.post(a.URL+"/"+c.ID+"/logout", nil); got.status != http.StatusSeeOther || got.location != a.URL+"/" {
						t.Errorf("again: %d %q", got.status, got.location)
					}
				})
			}
		})
	}
}
