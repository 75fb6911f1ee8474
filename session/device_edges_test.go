package session_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/session"
)

// TestRequireDeviceAtOnce: RequireDevice demands the bound cookie from the registration
// on. A cookie that was copied before it has no 10 seconds there.
func TestRequireDeviceAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := deviceManager(t, nil)
		b := newHolder(t, m).signIn("alice")
		thief := b.copied()
		if w := b.register(); w.Code != 200 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		for range 2 {
			thief.want("200") // a request that was under way, elsewhere
			strict := guard.Chain(m.Wrap, m.RequireDevice())
			if w, reached := serve(t, strict, thief.request("GET", "/")); reached || w.Code != 401 || !strings.Contains(w.Body.String(), "another device") {
				t.Errorf("without the bound cookie: %d %s", w.Code, w.Body)
			}
			if w, reached := serve(t, strict, b.request("GET", "/")); !reached {
				t.Errorf("the browser: %d %s", w.Code, w.Body)
			}
			time.Sleep(5 * time.Second)
		}
	})
}

// TestLateRegistrationOfSignIn: a browser that is asked twice, by a sign-in and by a
// rotation just behind it, makes two keys. The first may arrive last: it changes nothing.
func TestLateRegistrationOfSignIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := deviceManager(t, nil)
		b := newHolder(t, m).signIn("alice")
		late := b.copied()
		late.offer = b.offer
		r := b.request("POST", "/")
		s, err := m.Authenticate(r)
		if err != nil {
			t.Fatal(err)
		}
		w := recorder()
		if _, err := m.Rotate(w, r, s); err != nil {
			t.Fatal(err)
		}
		b.keep(w)
		if w := b.register(); w.Code != 200 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		if w := late.register(); w.Code != 400 || len(cookies(w)) != 0 {
			t.Errorf("the challenge of the sign-in: %d %s", w.Code, w.Body)
		}
		time.Sleep(time.Minute)
		b.want("200")
		if code := b.refresh(); code != 200 {
			t.Errorf("refresh: %d", code)
		}
	})
}

// TestDeviceOfOtherKinds: guests and half sign-ins have no device: to name one is no
// failure of ours.
func TestDeviceOfOtherKinds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := deviceManager(t, nil)
		guest, err := m.Guest(recorder(), request("POST"), profile{})
		if err != nil {
			t.Fatal(err)
		}
		half, err := m.Create(recorder(), request("POST"), "alice", profile{}, session.Pending("totp", time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		b := newHolder(t, m)
		for stored, s := range map[string]*login{guest.Sub(): guest, "\x01alice": half} {
			id, err := base64.RawURLEncoding.DecodeString(s.ID())
			if err != nil || len(id) != 12 {
				t.Fatal(s.ID(), err)
			}
			tag := sha256.Sum256([]byte(stored))
			name := append(tag[:8:8], id...)
			var now [8]byte
			binary.BigEndian.PutUint64(now[:], uint64(time.Now().UnixMilli()))
			challenge := append(append(name[:20:20], now[2:]...), make([]byte, 18)...)
			point, _ := b.private.PublicKey.Bytes()
			identifier := base64.RawURLEncoding.EncodeToString(append(name[:20:20], point[1:]...))
			for name, r := range map[string]*http.Request{
				"a registration": request("POST", response+b.proofOf(base64.RawURLEncoding.EncodeToString(challenge))),
				"a refresh":      request("POST", byID+identifier),
			} {
				w, decisions := deviceDecisions(m.Device(), r)
				if w.Code != 401 || len(decisions) != 1 || decisions[0].Outcome != guard.Refused {
					t.Errorf("%s of %q: %d %s %+v", name, stored, w.Code, w.Body, decisions)
				}
			}
		}
	})
}
