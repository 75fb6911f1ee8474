package passkey_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/signin/passkey"
	"github.com/go-guard/guard/signin/passkey/passkeytest"
)

func TestManage(t *testing.T) {
	a := newApp(t, passkey.Options{})
	first := a.registered(alice)
	a.device = passkeytest.NewAuthenticator(origin)
	second := a.registered(alice)
	do := func(f func(r *http.Request) error) result {
		return a.serve(a.request(""), func(_ http.ResponseWriter, r *http.Request) (*passkey.Credential, error) { return nil, f(r) })
	}
	rename := func(subject, id, name string) result {
		return do(func(r *http.Request) error { return a.Rename(r.Context(), subject, id, name) })
	}
	remove := func(subject, id string) result {
		return do(func(r *http.Request) error { return a.Remove(r.Context(), subject, id) })
	}
	if out := rename("1", first.ID, "Blue key"); out.status != 200 || a.last().Action != "rename" || a.last().Outcome != guard.Allowed || a.last().Subject != "1" {
		t.Errorf("Rename: %d %+v", out.status, a.last())
	}
	for _, name := range []string{"", " ", strings.Repeat("n", 65), strings.Repeat("é", 33), "a\x00b", "\xff"} {
		out := rename("1", first.ID, name)
		// 33 letters may be too long, so that the message names no number of them.
		if a.refused(out, 422, "name_invalid", "name"); out.message != "Enter a short name, such as that of the device." {
			t.Errorf("%q: %q", name, out.message)
		}
	}
	a.refused(rename("2", first.ID, "mine"), 404, "not_found", "Not found")
	a.refused(rename("1", "unknown", "mine"), 404, "not_found", "Not found")
	a.refused(remove("2", first.ID), 404, "not_found", "Not found")
	if d := a.last(); d.Action != "remove" || d.Subject != "2" || d.Outcome != guard.Refused {
		t.Errorf("decision %+v", d)
	}
	list, err := a.List(t.Context(), "1")
	if err != nil || len(list) != 2 || list[0].ID != first.ID || list[0].Name != "Blue key" || list[1].ID != second.ID {
		t.Errorf("List: %+v, %v", list, err)
	}
	if out := remove("1", first.ID); out.status != 200 || a.last().Outcome != guard.Allowed {
		t.Errorf("Remove: %d %+v", out.status, a.last())
	}
	a.refused(remove("1", first.ID), 404, "not_found", "Not found")
	for _, subject := range []string{"", strings.Repeat("s", 256)} {
		if out := rename(subject, second.ID, "n"); out.status != 500 {
			t.Errorf("a subject of %d bytes: %d", len(subject), out.status)
		}
	}
	if _, err := a.List(t.Context(), ""); err == nil {
		t.Error("List of no subject")
	}
}

// TestAccepted: what the page passes to signalAllAcceptedCredentials.
func TestAccepted(t *testing.T) {
	a := newApp(t, passkey.Options{})
	c := a.registered(alice)
	text := func(subject string) string {
		accepted, err := a.Accepted(t.Context(), subject)
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(accepted)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	want := fmt.Sprintf(`{"rpId":"example.com","userId":%q,"allAcceptedCredentialIds":[%q]}`, c.UserHandle, c.ID)
	if got := text("1"); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if err := a.Remove(t.Context(), "1", c.ID); err != nil {
		t.Fatal(err)
	}
	want = fmt.Sprintf(`{"rpId":"example.com","userId":%q,"allAcceptedCredentialIds":[]}`, c.UserHandle)
	if got := text("1"); got != want {
		t.Errorf("after the last was removed: %s, want %s", got, want)
	}
	if got := text("2"); strings.Contains(got, c.UserHandle) || !strings.HasSuffix(got, `"allAcceptedCredentialIds":[]}`) {
		t.Errorf("of another account: %s", got)
	}
}

func TestRelatedOrigins(t *testing.T) {
	a := newApp(t, passkey.Options{})
	for _, c := range []struct {
		method string
		status int
		body   string
	}{
		{"GET", 200, `{"origins":["https://app.example.com","https://example.de"]}`}, {"HEAD", 200, `{"origins":["https://app.example.com","https://example.de"]}`},
		{"POST", 405, ""},
	} {
		w := httptest.NewRecorder()
		a.RelatedOrigins().ServeHTTP(w, httptest.NewRequest(c.method, "/.well-known/webauthn", nil))
		if w.Code != c.status || c.body != "" && (w.Body.String() != c.body || w.Header().Get("Content-Type") != "application/json") {
			t.Errorf("%s: %d %v %s", c.method, w.Code, w.Header(), w.Body)
		}
	}
	a.device.Origin = "https://example.de"
	a.registered(alice)
	if out := a.login(a.got()); out.status != 200 {
		t.Errorf("Login at a related origin: %d", out.status)
	}
	a.device.Origin = "android:apk-key-hash:abc"
	if out := a.login(a.got()); out.status != 200 {
		t.Errorf("Login by an app: %d", out.status)
	}
}

// TestLimit: an account has at most MaxPerAccount passkeys.
func TestLimit(t *testing.T) {
	a := newApp(t, passkey.Options{MaxPerAccount: 2})
	a.registered(alice)
	a.device = passkeytest.NewAuthenticator(origin)
	early := a.created(alice)
	a.device = passkeytest.NewAuthenticator(origin)
	a.registered(alice)
	a.refused(a.registerOptions(alice), 409, "passkey_limit", "MaxPerAccount")
	a.refused(a.register("1", early), 409, "passkey_limit", "MaxPerAccount")
	if out := a.registerOptions(passkey.Account{Subject: "2", Name: "bob"}); out.status != 200 {
		t.Errorf("another account: %d", out.status)
	}
}

// A utf8Store is a store whose database fails on a text that is none, as PostgreSQL does.
type utf8Store struct{ passkey.Store }

var errText = errors.New("invalid byte sequence for encoding \"UTF8\"")

func isStorable(s string) bool { return utf8.ValidString(s) && !strings.Contains(s, "\x00") }

func (s utf8Store) Rename(ctx context.Context, subject, id, name string) (bool, error) {
	if !isStorable(id) {
		return false, errText
	}
	return s.Store.Rename(ctx, subject, id, name)
}

func (s utf8Store) Remove(ctx context.Context, subject, id string) (bool, error) {
	if !isStorable(id) {
		return false, errText
	}
	return s.Store.Remove(ctx, subject, id)
}

// An ID comes from a URL: one that no credential has is not found, and no failure of the
// store.
func TestManageIDs(t *testing.T) {
	p := guard.Must(passkey.New(rpID, origins, key, utf8Store{guard.Must(passkey.NewMemory(nil))}, nil))
	for _, id := range []string{"", "\x00", "\xff", "YQ\n", "YQ==", "Y\x00Q", strings.Repeat("AAAA", 342)} {
		for _, err := range []error{p.Rename(t.Context(), "1", id, "mine"), p.Remove(t.Context(), "1", id)} {
			if e, ok := errors.AsType[*guard.Error](err); !ok || e.Status != 404 {
				t.Errorf("%.10q: %v, want 404", id, err)
			}
		}
	}
}
