package session_test

import (
	"strings"
	"sync"
	"testing"
)

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
