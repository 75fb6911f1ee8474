package session_test

import (
	"crypto/tls"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-guard/guard/session"
)

// TestDevice: the life of a bound session, as a browser leads it.
func TestDevice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := deviceManager(t, nil)
		b := newHolder(t, m).signIn("alice")
		b.want("200")
		if w := b.register(); w.Code != 200 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		withoutBound := b.copied()
		delete(withoutBound.cookies, boundName)
		time.Sleep(9 * time.Second)
		withoutBound.want("200") // a request that was sent before the registration
		time.Sleep(2 * time.Second)
		withoutBound.want(notBound)
		b.want("200")
		time.Sleep(every - 12*time.Second)
		b.want("200")
		time.Sleep(2 * time.Second)
		b.want(notBound) // and the cookie is cleared, so that the browser refreshes it
		if _, ok := b.cookies[boundName]; ok {
			t.Error("the expired bound cookie was not cleared")
		}
		for range 3 {
			if code := b.refresh(); code != 200 {
				t.Fatalf("refresh: %d", code)
			}
			b.want("200")
			time.Sleep(every - time.Second)
			b.want("200")
		}
		s, err := m.Authenticate(b.request("GET", "/"))
		if err != nil || !s.Bound() {
			t.Fatalf("bound: %v, %v", s, err)
		}
	})
}

// TestDeviceKeepsOthers: without support in the browser, a session lives as ever.
func TestDeviceKeepsOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := deviceManager(t, nil)
		b := newHolder(t, m).signIn("alice")
		for range 100 {
			time.Sleep(every)
			b.want("200")
		}
		s, err := m.Authenticate(b.request("GET", "/"))
		if err != nil || s.Bound() {
			t.Errorf("bound: %v, %v", s, err)
		}
	})
}

// TestDeviceEnds: a logout needs the long cookie alone; with the session ends its key.
func TestDeviceEnds(t *testing.T) {
	for name, end := range map[string]func(t *testing.T, b *holder){
		"logout without the bound cookie": func(t *testing.T, b *holder) {
			r := b.copied().request("POST", "/logout", "Accept: text/html")
			r.Header.Set("Cookie", longName+"="+b.cookies[longName])
			w := recorder()
			b.m.LogoutHandler("/login").ServeHTTP(w, r)
			b.keep(w)
			if w.Code != 303 || len(b.cookies) != 0 {
				t.Errorf("%d, the browser keeps %v", w.Code, b.cookies)
			}
		},
		"log out everywhere": func(t *testing.T, b *holder) {
			if n, err := b.m.DestroyAll(t.Context(), "alice"); n != 1 || err != nil {
				t.Error(n, err)
			}
		},
		"an ID from the list": func(t *testing.T, b *holder) {
			list, err := b.m.List(t.Context(), "alice")
			if err != nil || len(list) != 1 || !list[0].Bound() {
				t.Fatal(list, err)
			}
			if found, err := b.m.DestroyID(t.Context(), "alice", list[0].ID()); !found || err != nil {
				t.Error(found, err)
			}
		},
		"the idle timeout": func(t *testing.T, _ *holder) { time.Sleep(31 * time.Minute) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := bound(t, deviceManager(t, nil), "alice")
				end(t, b)
				if code := b.refresh(); code != 401 {
					t.Errorf("refresh: %d", code)
				}
				if w := b.answer(strings.Repeat("A", 32)); w.Code != 401 || len(cookies(w)) != 0 {
					t.Errorf("a signed challenge: %d %s", w.Code, w.Body)
				}
				if w := b.register(); w.Code != 401 && w.Code != 400 {
					t.Errorf("registration: %d %s", w.Code, w.Body)
				}
				if got := b.get(); got == "200" {
					t.Error("GET is answered 200")
				}
			})
		})
	}
}

// TestDeviceList: the list shows which sessions are bound.
func TestDeviceList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := deviceManager(t, nil)
		b := bound(t, m, "alice")
		newHolder(t, m).signIn("alice")
		list, err := m.List(t.Context(), "alice")
		if err != nil || len(list) != 2 || list[0].Bound() || !list[1].Bound() {
			t.Errorf("%v, %v", list, err)
		}
		b.want("200")
	})
}

// TestDeviceRotate: a rotation keeps the key and the bound cookie, and offers nothing; a
// session that is not bound yet can be bound behind one.
func TestDeviceRotate(t *testing.T) {
	rotate := func(t *testing.T, b *holder) {
		t.Helper()
		b.offer = ""
		r := b.request("POST", "/")
		s, err := b.m.Authenticate(r)
		if err != nil {
			t.Fatal(err)
		}
		w := recorder()
		if _, err := b.m.Rotate(w, r, s); err != nil {
			t.Fatal(err)
		}
		b.keep(w)
	}
	t.Run("bound", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := bound(t, deviceManager(t, nil), "alice")
			for range 2 {
				rotate(t, b)
				b.want("200")
				if b.offer != "" {
					t.Error("the rotation of a bound session offers to bind it")
				}
				time.Sleep(every)
				b.want(notBound)
				if code := b.refresh(); code != 200 {
					t.Errorf("refresh: %d", code)
				}
				b.want("200")
			}
		})
	})
	t.Run("not bound", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := newHolder(t, deviceManager(t, nil)).signIn("alice")
			first := b.offer
			rotate(t, b)
			rotate(t, b)
			last := b.offer
			b.offer = first
			if w := b.register(); w.Code != 400 {
				t.Errorf("the challenge before the rotation: %d %s", w.Code, w.Body)
			}
			b.want("200")
			b.offer = last
			for range 2 { // the second is answered as the first
				if w := b.register(); w.Code != 200 {
					t.Errorf("the challenge of the rotation: %d %s", w.Code, w.Body)
				}
			}
			time.Sleep(11 * time.Second)
			b.want("200")
			delete(b.cookies, boundName)
			b.want(notBound)
			if code := b.refresh(); code != 200 {
				t.Errorf("refresh: %d", code)
			}
		})
	})
}

// TestDeviceIsOffered: on https, for a complete login, with a challenge of its own.
func TestDeviceIsOffered(t *testing.T) {
	m := deviceManager(t, nil)
	offer := func(m *profiles, change func(*http.Request), opts ...session.CreateOption) string {
		r := request("POST", "Origin: https://example.com")
		if change != nil {
			change(r)
		}
		w := recorder()
		if _, err := m.Create(w, r, "alice", profile{}, opts...); err != nil {
			t.Fatal(err)
		}
		return w.Header().Get("Secure-Session-Registration")
	}
	http1 := func(r *http.Request) { r.TLS = nil }
	seen := map[string]bool{}
	for name, tt := range map[string]struct {
		m      *profiles
		change func(*http.Request)
		opts   []session.CreateOption
		want   bool
	}{
		"https":                  {m, func(r *http.Request) { r.TLS = new(tls.ConnectionState) }, nil, true},
		"behind a proxy":         {m, http1, nil, true},
		"http, by Origin":        {m, func(r *http.Request) { http1(r); r.Host = "example.com"; r.Header.Set("Origin", "http://example.com") }, nil, false},
		"http, by the proxy":     {m, func(r *http.Request) { http1(r); r.Header.Set("X-Forwarded-Proto", "HTTP") }, nil, false},
		"a half sign-in":         {m, nil, []session.CreateOption{session.Pending("totp", time.Minute)}, false},
		"without the option":     {manager(t, nil), nil, nil, false},
		"a login that is longer": {m, nil, []session.CreateOption{session.For(24 * time.Hour)}, true},
	} {
		t.Run(name, func(t *testing.T) {
			got := offer(tt.m, tt.change, tt.opts...)
			if (got != "") != tt.want || seen[got] && got != "" {
				t.Errorf("%q", got)
			}
			seen[got] = true
		})
	}
	w := recorder()
	if _, err := m.Guest(w, request("POST"), profile{}); err != nil || w.Header().Get("Secure-Session-Registration") != "" {
		t.Error("a guest's session is offered to be bound", err)
	}
}

// TestNextLogin: another login in the browser needs no cookie of the first one's device.
func TestNextLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bound(t, deviceManager(t, nil), "alice")
		first := *b
		b.signIn("bob")
		if _, ok := b.cookies[boundName]; ok {
			t.Error("the bound cookie of the session before was not cleared")
		}
		b.want("200")
		if code := first.refresh(); code != 401 {
			t.Errorf("a refresh of the session before: %d", code)
		}
		if w := b.register(); w.Code != 200 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		time.Sleep(time.Minute)
		b.want("200")
	})
}
