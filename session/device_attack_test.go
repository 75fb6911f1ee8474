package session_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/session"
)

// TestCookieStolenBeforeRegistration: the thief has the cookie and no challenge.
func TestCookieStolenBeforeRegistration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newHolder(t, deviceManager(t, nil)).signIn("alice")
		thief := b.copied()
		other := newHolder(t, b.m).signIn("mallory")
		for _, challenge := range []string{"", other.offer[:21] + swapCase(other.offer[21:]), b.cookies[longName], strings.Repeat("A", 43)} {
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

// swapCase returns s with the case of its letters changed.
func swapCase(s string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsUpper(c) {
			return unicode.ToLower(c)
		}
		return unicode.ToUpper(c)
	}, s)
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
