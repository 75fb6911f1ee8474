package interop_test

import (
	"io"
	"net/http"
	"testing"
)

func readAll(t *testing.T, res *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// TestSignIn signs in at each provider, with each way of a client to authenticate.
func TestSignIn(t *testing.T) {
	for _, each := range providers {
		t.Run(each.name, func(t *testing.T) {
			a := startApplication(t)
			p := each.start(t, a)
			a.signInAt(t, p.issuer, "/client_secret_basic/login", clients...)
			for _, c := range clients {
				t.Run(c.ID, func(t *testing.T) {
					v := newVisitor(t, a, p)
					if got := v.signIn(c.ID, "?next=/me"); got.status != 303 || got.location != a.URL+"/me" {
						t.Fatalf("%d %q %s", got.status, got.location, a.reason())
					}
					me, _ := v.me()
					if me.Issuer != p.issuer || me.Subject != p.subject || me.Email != p.email || !me.EmailVerified || me.Name == "" || me.IDToken == "" {
						t.Errorf("%+v", me)
					}
				})
			}
		})
	}
}
