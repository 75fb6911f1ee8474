package session_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/session"
)

// TestCookieStolenBeforeRegistration: the thief has the cookie and no challenge.
func TestCookieStolenBeforeRegistration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newHolder(t, deviceManager(t, nil)).signIn("alice")
		thief := b.copied()
		other := newHolder(t, b.m).signIn("mallory")
		for _, challenge := range []string{"", other.offer[:42] + "A", b.cookies[longName], strings.Repeat("A", 43)} {
			thief.offer = challenge
			if w := thief.register(); w.Code != 400 && w.Code != 401 {
				t.Errorf("the challenge %q: %d %s", challenge, w.Code, w.Body)
			}
		}
		thief.offer = other.offer // it binds the session that it belongs to
		if w := thief.register(); w.Code != 200 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		time.Sleep(time.Minute)
		thief.want("200") // as ever: alice's browser has not bound the session
		if w := b.register(); w.Code != 400 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

// TestSecondKey: a thief who has also seen the response to the sign-in registers a key,
// before the browser or after it: the session ends, for both.
func TestSecondKey(t *testing.T) {
	for name, thiefFirst := range map[string]bool{"the thief first": true, "the browser first": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newHolder(t, deviceManager(t, nil)).signIn("alice")
				thief := b.copied()
				thief.offer = b.offer
				first, second := b, thief
				if thiefFirst {
					first, second = thief, b
				}
				for range 2 { // the same key and challenge: after a lost answer
					if w := first.register(); w.Code != 200 {
						t.Fatalf("%d %s", w.Code, w.Body)
					}
				}
				w, decisions := deviceDecisions(b.m.Device(), request("POST", "Secure-Session-Response: "+second.proofOf(second.offer)))
				if w.Code != 401 || !strings.Contains(w.Body.String(), "Session is bound to another device") || len(cookies(w)) != 0 {
					t.Errorf("the second key: %d %s", w.Code, w.Body)
				}
				if len(decisions) != 2 || decisions[0].Action != "sign-out" || decisions[0].Subject != "alice" || decisions[0].Outcome != guard.Allowed ||
					decisions[1].Outcome != guard.Refused || !strings.Contains(decisions[1].Reason, "a second key") {
					t.Errorf("%+v", decisions)
				}
				for _, holder := range []*holder{b, thief} {
					holder.want(e401("Invalid session"))
					if holder.identifier != "" && holder.refresh() != 401 {
						t.Error("the key lives on")
					}
				}
			})
		})
	}
}

// TestLateRegistration: the challenge of a sign-in is good for a minute.
func TestLateRegistration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newHolder(t, deviceManager(t, nil)).signIn("alice")
		time.Sleep(time.Minute)
		if w := b.register(); w.Code != 400 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		b.want("200") // it lives on without a key
		b = newHolder(t, b.m).signIn("alice")
		time.Sleep(time.Minute - time.Millisecond)
		if w := b.register(); w.Code != 200 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

// TestStolenJar: a copy of all cookies is refused within one period; the browser is not
// signed out by it.
func TestStolenJar(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bound(t, deviceManager(t, nil), "alice")
		thief := b.copied()
		thief.identifier = b.identifier // the profile's files have it, too
		start := time.Now()
		for thief.get() == "200" {
			time.Sleep(time.Second)
		}
		if took := time.Since(start); took > every {
			t.Errorf("the copy was good for %v", took)
		}
		if code := thief.refresh(); code != 400 { // its signature is of another key
			t.Errorf("the thief's refresh: %d", code)
		}
		thief.want(notBound)
		if code := b.refresh(); code != 200 {
			t.Errorf("the browser's refresh: %d", code)
		}
		b.want("200")
	})
}

// TestChallenges: each is good once, for a minute and for one session; another is
// answered with a new one, and is no refusal.
func TestChallenges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := deviceManager(t, nil)
		b, other := bound(t, m, "alice"), bound(t, m, "alice")
		challenge := func(b *holder) string {
			t.Helper()
			w, decisions := deviceDecisions(m.Device(), request("POST", "Sec-Secure-Session-Id: "+b.identifier))
			b.keep(w)
			if w.Code != 403 || len(decisions) != 0 || w.Body.Len() != 0 || len(cookies(w)) != 0 {
				t.Fatalf("%d %s, %v", w.Code, w.Body, decisions)
			}
			return b.challenge
		}
		again := func(name, challenge string) {
			t.Helper()
			r := request("POST", "Sec-Secure-Session-Id: "+b.identifier, "Secure-Session-Response: "+b.answerTo(challenge))
			w, decisions := deviceDecisions(m.Device(), r)
			if w.Code != 403 || w.Header().Get("Secure-Session-Challenge") == "" || len(decisions) != 0 || len(cookies(w)) != 0 {
				t.Errorf("%s: %d %s, %v", name, w.Code, w.Body, decisions)
			}
		}
		first := challenge(b)
		time.Sleep(time.Millisecond)
		second := challenge(b)
		if w := b.answer(second); w.Code != 200 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		again("replayed", second)
		again("issued before the last one that was used", first)
		again("of another session", challenge(other))
		again("of the registration", b.offer)
		again("empty", "")
		again("forged", second[:8]+strings.Repeat("A", 24))
		time.Sleep(time.Second)
		expired := challenge(b)
		time.Sleep(time.Minute)
		again("expired", expired)
		last := challenge(b)
		time.Sleep(time.Minute - time.Millisecond)
		if w := b.answer(last); w.Code != 200 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		b.want("200")
	})
}

// TestRefreshRaces: of 64 refreshes with one challenge, one gets the bound cookie; none
// of 64 that get a challenge each ends anything.
func TestRefreshRaces(t *testing.T) {
	m := deviceManager(t, nil)
	b := newHolder(t, m).signIn("alice")
	if w := b.register(); w.Code != 200 {
		t.Fatal(w.Code)
	}
	w := b.send(request("POST", "Sec-Secure-Session-Id: "+b.identifier))
	b.keep(w)
	count := func(send func() int) map[int]int {
		codes := map[int]int{}
		var mu sync.Mutex
		var group sync.WaitGroup
		for range 64 {
			group.Go(func() {
				code := send()
				mu.Lock()
				defer mu.Unlock()
				codes[code]++
			})
		}
		group.Wait()
		return codes
	}
	proof := b.answerTo(b.challenge)
	serve := func(header ...string) (int, string) {
		w := recorder()
		m.Device().ServeHTTP(w, request("POST", append(header, "Sec-Secure-Session-Id: "+b.identifier)...))
		challenge, _, _ := strings.Cut(strings.TrimPrefix(w.Header().Get("Secure-Session-Challenge"), `"`), `"`)
		return w.Code, challenge
	}
	if codes := count(func() int { code, _ := serve("Secure-Session-Response: " + proof); return code }); codes[200] != 1 || codes[403] != 63 {
		t.Errorf("with one challenge: %v", codes)
	}
	if codes := count(func() int {
		_, challenge := serve()
		code, _ := serve("Secure-Session-Response: " + b.answerTo(challenge))
		return code
	}); codes[200] < 1 || codes[200]+codes[403] != 64 {
		t.Errorf("with a challenge each: %v", codes)
	}
	for tries := 0; b.refresh() != 200; tries++ {
		if tries == 100 {
			t.Fatal("no refresh succeeds any more")
		}
	}
	b.want("200")
}

// TestRegistrationRaces: of 64 keys with one challenge none is left, and the session has
// ended.
func TestRegistrationRaces(t *testing.T) {
	m := deviceManager(t, nil)
	b := newHolder(t, m).signIn("alice")
	var group sync.WaitGroup
	for range 64 {
		thief := b.copied()
		proof := thief.proofOf(b.offer)
		group.Go(func() {
			w := recorder()
			m.Device().ServeHTTP(w, request("POST", "Secure-Session-Response: "+proof))
			if w.Code != 200 && w.Code != 401 {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
	group.Wait()
	b.want(e401("Invalid session"))
}

// TestCrossSiteRefresh: a page of another site triggers no refresh and no registration.
func TestCrossSiteRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bound(t, deviceManager(t, nil), "alice")
		for _, line := range []string{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site", "Origin: https://evil.example", "Origin: null"} {
			for _, id := range []string{"Sec-Secure-Session-Id: " + b.identifier, "Secure-Session-Response: " + b.proofOf(b.offer)} {
				w, decisions := deviceDecisions(b.m.Device(), request("POST", line, id))
				if w.Code != 403 || w.Header().Get("Secure-Session-Challenge") != "" || len(cookies(w)) != 0 ||
					len(decisions) != 1 || decisions[0].Outcome != guard.Refused {
					t.Errorf("%s: %d %s", line, w.Code, w.Body)
				}
			}
		}
		if code := b.refresh(); code != 200 {
			t.Error(code)
		}
	})
}

// TestOldNames: the draft of 2024 called the fields Sec-Session-*. They are ignored.
func TestOldNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newHolder(t, deviceManager(t, nil)).signIn("alice")
		if w := b.send(request("POST", "Sec-Session-Response: "+b.proofOf(b.offer))); w.Code != 400 {
			t.Errorf("registration: %d %s", w.Code, w.Body)
		}
		if w := b.register(); w.Code != 200 {
			t.Fatal(w.Code)
		}
		if w := b.send(request("POST", "Sec-Session-Id: "+b.identifier, "Sec-Session-Response: "+b.answerTo("x"))); w.Code != 400 {
			t.Errorf("refresh: %d %s", w.Code, w.Body)
		}
		w := recorder()
		if _, err := b.m.Create(w, request("POST"), "bob", profile{}); err != nil || w.Header().Get("Sec-Session-Registration") != "" {
			t.Error(err)
		}
	})
}

// TestWithoutTheOption: a manager that binds none refuses bound sessions, as a store of
// one is shared by another version of the program.
func TestWithoutTheOption(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newMemory(t, nil)
		b := bound(t, deviceManager(t, &session.Options{Store: store}), "alice")
		plain := *b
		plain.m = manager(t, &session.Options{Store: store})
		plain.want(notBound)
		b.want("200")
	})
}

// down is a store of devices that fails.
type down struct {
	session.DeviceStore
	fails bool
}

func (d *down) LoadID(ctx context.Context, tag [8]byte, id session.ID) (session.Record, bool, error) {
	if d.fails {
		return session.Record{}, false, errDown
	}
	return d.DeviceStore.LoadID(ctx, tag, id)
}

func (d *down) SetDevice(ctx context.Context, tag [8]byte, id session.ID, old, device string) (session.Record, bool, error) {
	if d.fails {
		return session.Record{}, false, errDown
	}
	return d.DeviceStore.SetDevice(ctx, tag, id, old, device)
}

func (d *down) AdvanceDevice(ctx context.Context, tag [8]byte, id session.ID, key string, step int64) (session.Record, bool, bool, error) {
	if d.fails {
		return session.Record{}, false, false, errDown
	}
	return d.DeviceStore.AdvanceDevice(ctx, tag, id, key, step)
}

// TestDeviceStoreDown: 503 without text, and nothing ends.
func TestDeviceStoreDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &down{DeviceStore: newMemory(t, nil)}
		b := newHolder(t, deviceManager(t, &session.Options{Store: store})).signIn("alice")
		outage := func(name string, r *http.Request) {
			t.Helper()
			store.fails = true
			defer func() { store.fails = false }()
			w, decisions := deviceDecisions(b.m.Device(), r)
			if w.Code != 503 || strings.Contains(w.Body.String(), "refused") || len(cookies(w)) != 0 || w.Header().Get("Secure-Session-Challenge") != "" ||
				len(decisions) != 1 || decisions[0].Outcome != guard.Failed {
				t.Errorf("%s: %d %s %+v", name, w.Code, w.Body, decisions)
			}
		}
		outage("registration", request("POST", "Secure-Session-Response: "+b.proofOf(b.offer)))
		b.want("200")
		if w := b.register(); w.Code != 200 {
			t.Fatal(w.Code)
		}
		outage("a refresh without a challenge", request("POST", "Sec-Secure-Session-Id: "+b.identifier))
		w := b.send(request("POST", "Sec-Secure-Session-Id: "+b.identifier))
		b.keep(w)
		outage("a refresh", request("POST", "Sec-Secure-Session-Id: "+b.identifier, "Secure-Session-Response: "+b.answerTo(b.challenge)))
		if w := b.answer(b.challenge); w.Code != 200 {
			t.Errorf("the same afterwards: %d %s", w.Code, w.Body)
		}
		// A rotation succeeds without its offer.
		c := newHolder(t, b.m).signIn("bob")
		c.offer = ""
		r := c.request("POST", "/")
		s, err := b.m.Authenticate(r)
		if err != nil {
			t.Fatal(err)
		}
		store.fails = true
		rotated := recorder()
		if _, err := b.m.Rotate(rotated, r, s); err != nil {
			t.Error(err)
		}
		store.fails = false
		c.keep(rotated)
		if c.want("200"); c.offer != "" {
			t.Error("an offer that was not stored")
		}
	})
}

// TestDeviceClocks: processes whose clocks differ, and a clock that is set back.
func TestDeviceClocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newMemory(t, nil)
		ahead := time.Duration(0)
		fast := deviceManager(t, &session.Options{Store: store, Now: func() time.Time { return time.Now().Add(ahead) }})
		exact := deviceManager(t, &session.Options{Store: store})
		ahead = 30 * time.Second
		b := bound(t, exact, "alice")
		on := func(m *profiles) *holder { b.m = m; return b }
		for range 3 {
			for _, m := range []*profiles{fast, exact} {
				if code := on(m).refresh(); code != 200 {
					t.Errorf("refresh: %d", code)
				}
				on(fast).want("200")
				on(exact).want("200")
			}
			time.Sleep(time.Minute)
		}
		// What the fast process has issued is used at the other.
		w := on(fast).send(request("POST", "Sec-Secure-Session-Id: "+b.identifier))
		b.keep(w)
		if w := on(exact).answer(b.challenge); w.Code != 200 {
			t.Errorf("a challenge of the future: %d", w.Code)
		}
		// The browser has a bound cookie that a process takes for expired: it is cleared.
		if code := on(exact).refresh(); code != 200 {
			t.Error(code)
		}
		time.Sleep(every - 29*time.Second)
		on(fast).want(notBound)
		if _, ok := b.cookies[boundName]; ok {
			t.Error("the bound cookie was not cleared")
		}
		if code := on(fast).refresh(); code != 200 {
			t.Error(code)
		}
		on(fast).want("200")
	})
}
