package main

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-guard/guard/signin/password"
)

// The rows of the guide's table that need time to pass: the program's own
// handler, in a bubble whose clock is moved. All else is tested over TCP.
func inTime(t *testing.T, f func(t *testing.T, h http.Handler)) {
	if _, err := password.Rehash(t.Context(), "x"); err != nil { // its semaphore is not to be made in a bubble
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		set := settings{dev: true, secret: []byte(strings.Repeat("s", 32))}
		h, err := newHandler(t.Context(), set, slog.New(slog.NewTextHandler(io.Discard, nil)))
		if err != nil {
			t.Fatal(err)
		}
		f(t, h)
	})
}

// send returns the handler's answer to do, a method and a path.
func send(h http.Handler, do, body string, header ...string) *httptest.ResponseRecorder {
	method, path, _ := strings.Cut(do, " ")
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

const (
	alice = `{"email":"alice@example.com","password":"secret"}`
	wrong = `{"email":"alice@example.com","password":"wrong"}`
)

func expect(t *testing.T, what string, w *httptest.ResponseRecorder, status int, body string) {
	t.Helper()
	if w.Code != status || body != "" && w.Body.String() != body {
		t.Errorf("%s: %d %s, want %d %s", what, w.Code, w.Body, status, body)
	}
}

func field(t *testing.T, w *httptest.ResponseRecorder, name string) string {
	t.Helper()
	var members map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &members); err != nil {
		t.Fatalf("%v: %d %s", err, w.Code, w.Body)
	}
	s, _ := members[name].(string)
	return s
}

const expiredToken = `{"error":"Unauthorized","message":"Token expired"}`

func TestTokensExpire(t *testing.T) {
	for _, tt := range []struct {
		login, profile string
		lives          time.Duration
	}{
		{"POST /jwt/login", "GET /jwt/profile", 24 * time.Hour},
		{"POST /refresh/login", "GET /refresh/profile", time.Hour},
		{"POST /practices/login", "GET /practices/profile", 24 * time.Hour},
		{"POST /complete/login", "GET /complete/profile", 24 * time.Hour},
	} {
		t.Run(tt.login, func(t *testing.T) {
			inTime(t, func(t *testing.T, h http.Handler) {
				auth := "Bearer " + field(t, send(h, tt.login, alice), "access_token")
				time.Sleep(tt.lives - 2*time.Second)
				expect(t, "shortly before", send(h, tt.profile, "", "Authorization", auth), 200, "")
				time.Sleep(3 * time.Second)
				expect(t, "after", send(h, tt.profile, "", "Authorization", auth), 401, expiredToken)
			})
		})
	}
}

func TestRefreshTokensExpire(t *testing.T) {
	inTime(t, func(t *testing.T, h http.Handler) {
		refresh := func(token string) *httptest.ResponseRecorder {
			return send(h, "POST /refresh/refresh", `{"refresh_token":"`+token+`"}`)
		}
		unused := field(t, send(h, "POST /refresh/login", alice), "refresh_token")
		used := field(t, send(h, "POST /refresh/login", alice), "refresh_token")
		time.Sleep(15 * 24 * time.Hour)
		used = field(t, refresh(used), "refresh_token")
		time.Sleep(15*24*time.Hour - time.Minute)
		used = field(t, refresh(used), "refresh_token")
		time.Sleep(2 * time.Minute)
		expect(t, "after 30 days, unused", refresh(unused), 401, `{"error":"Invalid refresh token"}`)
		expect(t, "after 30 days, used", refresh(used), 401, `{"error":"Invalid refresh token"}`)
	})
}

func TestRefreshGrace(t *testing.T) {
	for _, tt := range []struct {
		name  string
		after time.Duration
		want  int
	}{{"within 10 s", 9 * time.Second, 200}, {"after 10 s", 11 * time.Second, 401}} {
		t.Run(tt.name, func(t *testing.T) {
			inTime(t, func(t *testing.T, h http.Handler) {
				first := field(t, send(h, "POST /refresh/login", alice), "refresh_token")
				refresh := func(token string) *httptest.ResponseRecorder {
					return send(h, "POST /refresh/refresh", `{"refresh_token":"`+token+`"}`)
				}
				next := field(t, refresh(first), "refresh_token")
				time.Sleep(tt.after)
				again := refresh(first)
				expect(t, "again", again, tt.want, "")
				expect(t, "the successor", refresh(next), tt.want, "")
				if tt.want == 200 && field(t, again, "refresh_token") != next {
					t.Error("another successor")
				}
			})
		})
	}
}

func TestSessionsExpire(t *testing.T) {
	inTime(t, func(t *testing.T, h http.Handler) {
		cookie, _, _ := strings.Cut(send(h, "POST /session/login", alice).Header().Get("Set-Cookie"), ";")
		profile := func() *httptest.ResponseRecorder { return send(h, "GET /session/profile", "", "Cookie", cookie) }
		time.Sleep(6 * 24 * time.Hour)
		expect(t, "after six days unused", profile(), 200, "")
		time.Sleep(24*time.Hour - time.Second)
		expect(t, "shortly before its end", profile(), 200, "")
		time.Sleep(time.Second)
		expect(t, "past its end", profile(), 401, `{"error":"Unauthorized","message":"Session expired"}`)
		time.Sleep(59 * time.Minute)
		expect(t, "for an hour", profile(), 401, `{"error":"Unauthorized","message":"Session expired"}`)
		for mode, cleared := range map[string]string{"navigate": "session=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax", "cors": ""} {
			page := send(h, "GET /session/", "", "Cookie", cookie, "Accept", "text/html", "Sec-Fetch-Mode", mode)
			expect(t, "its page", page, 200, "")
			if got := page.Header().Get("Set-Cookie"); got != cleared || !strings.Contains(page.Body.String(), "<h1>Sign in</h1>") {
				t.Errorf("%s: Set-Cookie %q, %s", mode, got, page.Body)
			}
		}
		logout := send(h, "POST /session/logout", "", "Cookie", cookie)
		expect(t, "its logout", logout, 200, `{"message":"Logged out successfully"}`)
		if !strings.Contains(logout.Header().Get("Set-Cookie"), "Max-Age=0") {
			t.Error("the cookie is not cleared")
		}
	})
	inTime(t, func(t *testing.T, h http.Handler) {
		cookie, _, _ := strings.Cut(send(h, "POST /session/login", alice).Header().Get("Set-Cookie"), ";")
		time.Sleep(7*24*time.Hour + time.Hour)
		expect(t, "an hour past its end", send(h, "GET /session/profile", "", "Cookie", cookie), 401, `{"error":"Unauthorized","message":"Invalid session"}`)
	})
}

// TestRetryAfterIsTrue: who waits as long as they were told is served.
func TestRetryAfterIsTrue(t *testing.T) {
	for _, path := range []string{"/practices/login", "/complete/login"} {
		t.Run(path, func(t *testing.T) {
			inTime(t, func(t *testing.T, h http.Handler) {
				for range 5 {
					expect(t, "an attempt", send(h, "POST "+path, wrong), 401, "")
					time.Sleep(time.Minute)
				}
				for _, body := range []string{wrong, alice} {
					refused := send(h, "POST "+path, body)
					expect(t, "the sixth", refused, 429, "")
					wait, err := strconv.Atoi(refused.Header().Get("Retry-After"))
					if err != nil || wait > 10*60 {
						t.Fatalf("Retry-After %q, want at most 10 min", refused.Header().Get("Retry-After"))
					}
					time.Sleep(time.Duration(wait)*time.Second - time.Second)
					expect(t, "a second too soon", send(h, "POST "+path, body), 429, "")
					time.Sleep(time.Second)
					expect(t, "after the wait", send(h, "POST "+path, wrong), 401, "")
				}
			})
		})
	}
}

func TestAccountsOpenAgain(t *testing.T) {
	inTime(t, func(t *testing.T, h http.Handler) {
		try := func(n int, body string) *httptest.ResponseRecorder {
			r := httptest.NewRequest("POST", "/complete/login", strings.NewReader(body))
			r.RemoteAddr = "192.0.2." + strconv.Itoa(n) + ":1234"
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			return w
		}
		for n := range 10 {
			expect(t, "a failure", try(n, wrong), 401, "")
		}
		expect(t, "right, but the account is closed", try(20, alice), 429, "")
		time.Sleep(time.Hour)
		expect(t, "an hour later", try(20, alice), 200, "")
	})
}
