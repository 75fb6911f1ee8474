package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/signin/password"
)

// withMails runs f with a handler that has /link, /totp and /stepup, in a bubble. mails
// returns the lines of -dev.
func withMails(t *testing.T, f func(t *testing.T, h http.Handler, mails func() []string)) {
	if _, err := password.Rehash(t.Context(), "x"); err != nil { // its semaphore is not to be made in a bubble
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		log := slog.New(slog.NewTextHandler(io.Discard, nil))
		set := settings{dev: true, secret: []byte(strings.Repeat("s", 32)), seal: []guard.Secret{[]byte(strings.Repeat("k", 32))}, publicURL: "http://localhost:8080"}
		var out bytes.Buffer
		set.mails = newMailer(set, &out, log)
		h, err := newHandler(t.Context(), set, log)
		if err != nil {
			t.Fatal(err)
		}
		f(t, h, func() []string {
			set.mails.wait()
			return strings.Split(strings.TrimSpace(out.String()), "\n")
		})
	})
}

func tokenIn(mail string) string {
	_, token, _ := strings.Cut(mail, "token=")
	return token
}

func cookieOf(w *httptest.ResponseRecorder) string {
	cookie, _, _ := strings.Cut(w.Header().Get("Set-Cookie"), ";")
	return cookie
}

// code is that of an authenticator, now.
func code(secret string) string { return `{"code":"` + codeAt(secret, 0) + `"}` }

// wrongCode is one that no step near now has.
func wrongCode(secret string) string {
	for n := 0; ; n++ {
		text := fmt.Sprintf("%06d", n)
		if text != codeAt(secret, -1) && text != codeAt(secret, 0) && text != codeAt(secret, 1) {
			return `{"code":"` + text + `"}`
		}
	}
}

func codeAt(secret string, steps int64) string {
	key, _ := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(secret)
	mac := hmac.New(sha1.New, key)
	_ = binary.Write(mac, binary.BigEndian, time.Now().Unix()/30+steps)
	sum := mac.Sum(nil)
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[sum[19]&15:])&0x7fffffff%1e6)
}

const badLink = `{"error":"Bad Request","message":"Invalid or expired link"}`

func TestLinksExpire(t *testing.T) {
	for path, lives := range map[string]time.Duration{"/link/reset": time.Hour, "/link/login": 15 * time.Minute} {
		withMails(t, func(t *testing.T, h http.Handler, mails func() []string) {
			expect(t, "asked", send(h, "POST "+path, `{"email":"alice@example.com"}`), 202, "")
			token := tokenIn(mails()[0])
			body := `{"token":"` + token + `","password":"battery staple"}`
			time.Sleep(lives + time.Second)
			expect(t, "its page", send(h, "GET "+path+"?token="+token, ""), 400, badLink)
			expect(t, "expired", send(h, "POST "+path, body), 400, badLink)
			expect(t, "asked again", send(h, "POST "+path, `{"email":"alice@example.com"}`), 202, "")
			lines := mails()
			token = tokenIn(lines[len(lines)-1])
			time.Sleep(lives - time.Second)
			expect(t, "in time", send(h, "POST "+path, `{"token":"`+token+`","password":"battery staple"}`), 200, "")
		})
	}
}

// TestMailsAgain: a fourth mail is sent 15 minutes after the first.
func TestMailsAgain(t *testing.T) {
	withMails(t, func(t *testing.T, h http.Handler, mails func() []string) {
		for i := range 4 {
			expect(t, "asked", send(h, "POST /link/reset", `{"email":"alice@example.com"}`), 202, "")
			if n := len(mails()); n != min(i+1, 3) {
				t.Errorf("%d mails after %d requests", n, i+1)
			}
		}
		time.Sleep(15 * time.Minute)
		expect(t, "asked", send(h, "POST /link/reset", `{"email":"alice@example.com"}`), 202, "")
		if n := len(mails()); n != 4 {
			t.Errorf("%d mails, want 4", n)
		}
	})
}

// enrolled adds a factor to the account of Alice.
func enrolled(t *testing.T, h http.Handler) (secret string, recovery []string) {
	t.Helper()
	cookie := cookieOf(send(h, "POST /totp/login", alice))
	secret = field(t, send(h, "POST /totp/enroll", "", "Cookie", cookie), "secret")
	confirmed := send(h, "POST /totp/confirm", code(secret), "Cookie", cookie)
	expect(t, "confirm", confirmed, 200, "")
	return secret, regexp.MustCompile(`[A-Z2-7]{4}-[-A-Z2-7]+`).FindAllString(confirmed.Body.String(), -1)
}

const (
	notRecent = `{"error":"Unauthorized","message":"Recent authentication required"}`
	badCode   = `{"error":"Unauthorized","message":"Invalid code"}`
)

// TestRecentSignIns: five minutes, for the half sign-in and for what needs a recent one. Use
// does not renew it.
func TestRecentSignIns(t *testing.T) {
	withMails(t, func(t *testing.T, h http.Handler, _ func() []string) {
		session := cookieOf(send(h, "POST /totp/login", alice))
		time.Sleep(5*time.Minute - time.Second)
		expect(t, "in time", send(h, "POST /totp/enroll", "", "Cookie", session), 200, "")
		time.Sleep(time.Second)
		expect(t, "too late", send(h, "POST /totp/enroll", "", "Cookie", session), 401, notRecent)

		secret, _ := enrolled(t, h)
		half := cookieOf(send(h, "POST /totp/login", alice))
		time.Sleep(5*time.Minute - time.Second)
		full := send(h, "POST /totp/verify", code(secret), "Cookie", half)
		expect(t, "in time", full, 200, "")
		expect(t, "at once", send(h, "POST /stepup/transfer", "", "Cookie", cookieOf(full)), 200, "")
		time.Sleep(5 * time.Minute)
		expect(t, "too late", send(h, "POST /stepup/transfer", "", "Cookie", cookieOf(full)), 401, notRecent)
		expect(t, "too late", send(h, "POST /totp/enroll", "", "Cookie", cookieOf(full)), 401, notRecent)
		half = cookieOf(send(h, "POST /totp/login", alice))
		time.Sleep(5*time.Minute + time.Second)
		expect(t, "too late", send(h, "POST /totp/verify", code(secret), "Cookie", half), 401, "")
	})
}

// TestFactorLocks: after 100 wrong codes the owner gets a mail, and the factor waits for a
// reset or a recovery code.
func TestFactorLocks(t *testing.T) {
	for name, unlock := range map[string]func(t *testing.T, h http.Handler, mails func() []string, recovery string){
		"a reset": func(t *testing.T, h http.Handler, mails func() []string, _ string) {
			expect(t, "asked", send(h, "POST /link/reset", `{"email":"alice@example.com"}`), 202, "")
			lines := mails()
			expect(t, "reset", send(h, "POST /link/reset", `{"token":"`+tokenIn(lines[len(lines)-1])+`","password":"new secret"}`), 200, "")
		},
		"a recovery code": func(t *testing.T, h http.Handler, _ func() []string, recovery string) {
			half := cookieOf(send(h, "POST /totp/login", alice))
			expect(t, "recovery", send(h, "POST /totp/verify", `{"code":"`+recovery+`"}`, "Cookie", half), 200, "")
		},
	} {
		t.Run(name, func(t *testing.T) {
			withMails(t, func(t *testing.T, h http.Handler, mails func() []string) {
				secret, recovery := enrolled(t, h)
				for i := range 100 {
					half := cookieOf(send(h, "POST /totp/login", alice))
					expect(t, fmt.Sprint("wrong code ", i+1), send(h, "POST /totp/verify", wrongCode(secret), "Cookie", half), 401, badCode)
					if i%5 == 4 {
						expect(t, "the sixth", send(h, "POST /totp/verify", code(secret), "Cookie", half), 429, "")
						time.Sleep(15 * time.Minute)
					}
				}
				lines := mails()
				if n := strings.Count(strings.Join(lines, "\n"), "100 wrong codes"); n != 1 {
					t.Errorf("%d mails about the lock: %q", n, lines)
				}
				half := cookieOf(send(h, "POST /totp/login", alice))
				expect(t, "a right code", send(h, "POST /totp/verify", code(secret), "Cookie", half), 429, "")
				unlock(t, h, mails, recovery[0])
				half = ""
				for _, login := range []string{alice, strings.Replace(alice, `"secret"`, `"new secret"`, 1)} {
					if w := send(h, "POST /totp/login", login); w.Code == 200 {
						half = cookieOf(w)
					}
				}
				expect(t, "then", send(h, "POST /totp/verify", code(secret), "Cookie", half), 200, "")
			})
		})
	}
}
