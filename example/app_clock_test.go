package main

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard/signin/passkey/passkeytest"
)

// TestUndoLeavesOldFactors: the old mailbox alone gets no one around a factor that was there a
// day before the address was changed. The undoing works for seven days.
func TestUndoLeavesOldFactors(t *testing.T) {
	for age, want := range map[time.Duration]string{25 * time.Hour: `{"next":"totp"}`, 23 * time.Hour: `{"message":"Logged in successfully"}`} {
		withMails(t, func(t *testing.T, h http.Handler, mails func() []string) {
			post := func(path, cookie string, pairs ...string) *httptest.ResponseRecorder {
				values := url.Values{"as": {"1"}}
				for i := 0; i < len(pairs); i += 2 {
					values.Set(pairs[i], pairs[i+1])
				}
				return send(h, "POST "+path, values.Encode(), "Cookie", cookie, "Content-Type", "application/x-www-form-urlencoded")
			}
			token := func(path string) string {
				all := slices.DeleteFunc(mails(), func(mail string) bool { return !strings.Contains(mail, path) })
				if len(all) == 0 {
					t.Fatalf("no mail of %s: %q", path, mails())
				}
				return tokenIn(all[len(all)-1])
			}
			secret, _ := enrolled(t, h)
			time.Sleep(time.Minute)
			half := cookieOf(send(h, "POST /totp/login", alice))
			full := cookieOf(send(h, "POST /totp/verify", code(secret), "Cookie", half))
			device := passkeytest.NewAuthenticator(passkeyOrigin)
			body, cookies := respond(t, h, "register", full, device)
			expect(t, "a passkey", send(h, "POST /passkey/register", body, "Cookie", cookies), 200, "")
			time.Sleep(age)
			half = cookieOf(send(h, "POST /totp/login", alice))
			full = cookieOf(send(h, "POST /totp/verify", code(secret), "Cookie", half))
			expect(t, "ask", post("/app/email", full, "email", "eve@example.com"), 202, "")
			expect(t, "change", post("/app/email/link", full, "token", token("/app/email/link")), 303, "")

			time.Sleep(7*24*time.Hour - time.Minute)
			expect(t, "undo", post("/app/email/undo", "", "token", token("/app/email/undo")), 303, "")
			expect(t, "reset", post("/app/reset", "", "token", token("/app/reset"), "password", "battery staple"), 303, "")
			expect(t, age.String(), send(h, "POST /totp/login", strings.Replace(alice, "secret", "battery staple", 1)), 200, want)
			body, cookies = respond(t, h, "login", "", device)
			if w := send(h, "POST /passkey/login", body, "Cookie", cookies); (w.Code == 200) != (age > 24*time.Hour) {
				t.Errorf("%v: the passkey: %d %s", age, w.Code, w.Body)
			}
		})
	}
}
