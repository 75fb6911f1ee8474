package passkey_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/once"
	"github.com/go-guard/guard/signin/passkey"
	"github.com/go-guard/guard/signin/passkey/passkeytest"
)

// TestReplay: of 64 uses of one response one signs in, and of one registration one adds.
func TestReplay(t *testing.T) {
	a := newApp(t, passkey.Options{})
	body := a.created(alice)
	race := func(f func(r *http.Request) result, body string) {
		t.Helper()
		requests := make([]*http.Request, 64)
		for i := range requests {
			requests[i] = a.request(body)
		}
		var won, refused atomic.Int32
		var all sync.WaitGroup
		for _, r := range requests {
			all.Go(func() {
				switch out := f(r); {
				case out.status == 200:
					won.Add(1)
				case out.status == 401 && out.code == "passkey_invalid":
					refused.Add(1)
				}
			})
		}
		all.Wait()
		if won.Load() != 1 || refused.Load() != 63 {
			t.Errorf("%d won, %d were refused", won.Load(), refused.Load())
		}
	}
	race(func(r *http.Request) result {
		return a.serve(r, func(w http.ResponseWriter, r *http.Request) (*passkey.Credential, error) {
			return a.Register(w, r, "1")
		})
	}, body)
	race(func(r *http.Request) result { return a.serve(r, a.Login) }, a.got())
	if l, err := a.List(t.Context(), "1"); err != nil || len(l) != 1 {
		t.Errorf("%d passkeys, %v", len(l), err)
	}
}

// TestReplayedLater: a response is refused after its use, with the cookie that the browser
// had then.
func TestReplayedLater(t *testing.T) {
	a := newApp(t, passkey.Options{})
	a.registered(alice)
	body := a.got()
	cookies := maps.Clone(a.browser)
	if out := a.login(body); out.status != 200 {
		t.Fatal(out.status)
	}
	a.refused(a.login(body), 401, "passkey_invalid", "no cookie of this challenge")
	a.browser = cookies
	a.refused(a.login(body), 401, "passkey_invalid", "used before")
}

// TestLifetime: a challenge lives five minutes.
func TestLifetime(t *testing.T) {
	a := newApp(t, passkey.Options{})
	a.registered(alice)
	for _, step := range []struct {
		after time.Duration
		ok    bool
	}{{5*time.Minute - time.Millisecond, true}, {5 * time.Minute, false}, {-time.Minute, true}, {-time.Minute - time.Millisecond, false}} {
		body := a.got()
		a.clock.Advance(step.after)
		if out := a.login(body); step.ok != (out.status == 200) {
			t.Errorf("after %s: %d", step.after, out.status)
		} else if !step.ok {
			a.refused(out, 401, "passkey_invalid", "older than five minutes")
		}
		a.clock.Advance(-step.after)
	}
}

// TestSeveralPending: eight ceremonies of a browser may be pending, and the oldest ends.
func TestSeveralPending(t *testing.T) {
	a := newApp(t, passkey.Options{})
	a.registered(alice)
	var bodies []string
	for range 9 {
		bodies = append(bodies, a.got())
		a.clock.Advance(time.Second)
	}
	if len(a.browser) != 8 {
		t.Errorf("%d cookies", len(a.browser))
	}
	a.refused(a.login(bodies[0]), 401, "passkey_invalid", "no cookie of this challenge")
	for i := 8; i > 0; i-- {
		if out := a.login(bodies[i]); out.status != 200 {
			t.Errorf("%d: %d %s", i, out.status, a.last().Reason)
		}
	}
}

// TestKeys: what an old key sealed opens, and what another one sealed does not.
func TestKeys(t *testing.T) {
	a := newApp(t, passkey.Options{})
	a.registered(alice)
	newer := guard.Secret(strings.Repeat("n", 32))
	for name, c := range map[string]struct {
		id string
		o  passkey.Options
		ok bool
	}{
		"the key in OldKeys": {rpID, passkey.Options{OldKeys: []guard.Secret{key}}, true}, "another key": {rpID, passkey.Options{}, false},
		"another relying party": {"app.example.com", passkey.Options{OldKeys: []guard.Secret{key}}, false},
	} {
		body := a.got()
		c.o.Now = a.clock.Now
		p := guard.Must(passkey.New(c.id, origins, newer, a.store, &c.o))
		out := a.serve(a.request(body), p.Login)
		if c.ok != (out.status == 200) {
			t.Errorf("%s: %d %s", name, out.status, a.last().Reason)
		} else if !c.ok {
			a.refused(out, 401, "passkey_invalid", "another relying party or key")
		}
	}
}

// TestOtherCeremony: the challenge of one ceremony is none of the other.
func TestOtherCeremony(t *testing.T) {
	a := newApp(t, passkey.Options{})
	a.registered(alice)
	challengeOf := func(options string) string {
		var o struct{ Challenge string }
		if err := json.Unmarshal([]byte(options), &o); err != nil {
			t.Fatal(err)
		}
		return o.Challenge
	}
	a.device.Tamper = client("challenge", challengeOf(a.registerOptions(alice).body))
	a.refused(a.login(a.got()), 401, "passkey_invalid", "other ceremony")
	a.device = passkeytest.NewAuthenticator(origin)
	a.device.Tamper = client("challenge", challengeOf(a.loginOptions().body))
	a.refused(a.register("1", a.created(alice)), 401, "passkey_invalid", "other ceremony")
}

func BenchmarkLogin(b *testing.B) {
	a := newApp(b, passkey.Options{})
	a.registered(alice)
	store, err := once.NewMemory(nil)
	if err != nil {
		b.Fatal(err)
	}
	body := a.got()
	o := a.opts
	o.Once = again{store}
	a.RelyingParty = guard.Must(passkey.New(rpID, origins, key, a.store, &o))
	r := a.request("")
	b.ReportAllocs()
	for b.Loop() {
		r.Body = io.NopCloser(strings.NewReader(body))
		if _, err := a.Login(httptest.NewRecorder(), r); err != nil {
			b.Fatal(err)
		}
	}
}

// again accepts each challenge again, so that a benchmark need not sign.
type again struct{ once.Store }

func (again) Take(context.Context, [32]byte, time.Time) (bool, error) { return true, nil }

func BenchmarkBareSignature(b *testing.B) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	digest := make([]byte, 32)
	signature, err := ecdsa.SignASN1(rand.Reader, key, digest)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if !ecdsa.VerifyASN1(&key.PublicKey, digest, signature) {
			b.Fatal("invalid")
		}
	}
}
