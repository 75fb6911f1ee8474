package interop_test

import (
	"crypto/rand"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/signin/passkey"
	"github.com/go-guard/guard/signin/passkey/passkeytest"
)

const (
	passkeyID     = "example.com"
	passkeyOrigin = "https://app.example.com"
)

// passkeyProcesses are two relying parties that share their stores, as two processes do.
type passkeyProcesses struct {
	parties [2]*passkey.RelyingParty
	store   passkey.Store
}

// onPasskeyBackends runs f on each kind of stores.
func onPasskeyBackends(t *testing.T, f func(t *testing.T, p passkeyProcesses)) {
	key := guard.Secret(strings.Repeat("k", 32))
	for _, b := range passkeyBackends {
		t.Run(b.name, func(t *testing.T) {
			var p passkeyProcesses
			for i, s := range b.open(t) {
				p.parties[i] = guard.Must(passkey.New(passkeyID, []string{passkeyOrigin}, key, s.credentials, &passkey.Options{Once: s.challenges}))
				p.store = s.credentials
			}
			f(t, p)
		})
	}
}

// An exchange is a body with the cookies of a browser.
type exchange struct {
	body    []byte
	cookies []*http.Cookie
}

func (e exchange) request() *http.Request {
	r := httptest.NewRequest("POST", passkeyOrigin+"/", strings.NewReader(string(e.body)))
	for _, c := range e.cookies {
		r.AddCookie(c)
	}
	return r
}

// begin asks for options, and returns them with the browser's cookies.
func begin(t *testing.T, options func(w http.ResponseWriter, r *http.Request) error) exchange {
	t.Helper()
	w := httptest.NewRecorder()
	if err := options(w, exchange{}.request()); err != nil {
		t.Fatal(err)
	}
	return exchange{w.Body.Bytes(), w.Result().Cookies()}
}

// creation begins a registration.
func (p passkeyProcesses) creation(t *testing.T, subject string) exchange {
	t.Helper()
	return begin(t, func(w http.ResponseWriter, r *http.Request) error {
		return p.parties[0].RegisterOptions(w, r, passkey.Account{Subject: subject, Name: "alice@example.com"})
	})
}

// answer replaces the options by what the device answers.
func (e exchange) answer(t *testing.T, device func([]byte) ([]byte, error)) exchange {
	t.Helper()
	body, err := device(e.body)
	if err != nil {
		t.Fatal(err)
	}
	return exchange{body, e.cookies}
}

// race sends 64 requests at once, half of them to each process, and returns what was
// accepted. The others are refused as a replay is.
func (p passkeyProcesses) race(t *testing.T, send func(p *passkey.RelyingParty, i int) (*passkey.Credential, error)) (accepted []*passkey.Credential) {
	t.Helper()
	var mu sync.Mutex
	var all sync.WaitGroup
	start := make(chan struct{})
	for i := range 64 {
		all.Go(func() {
			<-start
			c, err := send(p.parties[i%2], i)
			mu.Lock()
			defer mu.Unlock()
			if e, ok := errors.AsType[*guard.Error](err); ok && e.Status == 401 && e.Code == "passkey_invalid" {
				return
			}
			if err != nil {
				t.Error(err)
				return
			}
			accepted = append(accepted, c)
		})
	}
	close(start)
	all.Wait()
	return accepted
}

// registered registers a passkey of the device.
func (p passkeyProcesses) registered(t *testing.T, device *passkeytest.Authenticator, subject string) *passkey.Credential {
	t.Helper()
	c, err := p.parties[0].Register(httptest.NewRecorder(), p.creation(t, subject).answer(t, device.Create).request(), subject)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestPasskeyReplays: of 64 sign-ins with one response, one is accepted, whether or not the
// authenticator counts.
func TestPasskeyReplays(t *testing.T) {
	onPasskeyBackends(t, func(t *testing.T, p passkeyProcesses) {
		for _, count := range []uint32{0, 7} {
			subject, device := rand.Text(), passkeytest.NewAuthenticator(passkeyOrigin)
			device.SignCount = count
			c := p.registered(t, device, subject)
			e := begin(t, p.parties[0].LoginOptions).answer(t, device.Get)
			accepted := p.race(t, func(party *passkey.RelyingParty, _ int) (*passkey.Credential, error) {
				return party.Login(httptest.NewRecorder(), e.request())
			})
			if len(accepted) != 1 || accepted[0].Subject != subject || accepted[0].ID != c.ID || accepted[0].SignCount != device.SignCount {
				t.Errorf("counter %d: %d of 64 sign-ins: %+v", count, len(accepted), accepted)
			}
		}
	})
}

// TestPasskeyRegistrationRaces: of 64 registrations with one challenge, one is accepted: of one
// response, and of 64 authenticators.
func TestPasskeyRegistrationRaces(t *testing.T) {
	onPasskeyBackends(t, func(t *testing.T, p passkeyProcesses) {
		for _, devices := range []int{1, 64} {
			subject := rand.Text()
			e := p.creation(t, subject)
			var answers []exchange
			for range devices {
				answers = append(answers, e.answer(t, passkeytest.NewAuthenticator(passkeyOrigin).Create))
			}
			accepted := p.race(t, func(party *passkey.RelyingParty, i int) (*passkey.Credential, error) {
				return party.Register(httptest.NewRecorder(), answers[i%devices].request(), subject)
			})
			list, err := p.store.List(t.Context(), subject)
			if err != nil || len(accepted) != 1 || len(list) != 1 || list[0].ID != accepted[0].ID {
				t.Errorf("%d responses: %d of 64 registrations, %d stored, %v", devices, len(accepted), len(list), err)
			}
		}
	})
}

// TestPasskeyCounterRaces: of 64 sign-ins at once with a challenge and a counter each, the one with the
// highest is accepted, and its counter stays. Those below one that was faster are refused.
func TestPasskeyCounterRaces(t *testing.T) {
	onPasskeyBackends(t, func(t *testing.T, p passkeyProcesses) {
		subject, device := rand.Text(), passkeytest.NewAuthenticator(passkeyOrigin)
		device.SignCount = 7
		c := p.registered(t, device, subject)
		var answers []exchange
		for range 64 {
			answers = append(answers, begin(t, p.parties[0].LoginOptions).answer(t, device.Get))
		}
		accepted := p.race(t, func(party *passkey.RelyingParty, i int) (*passkey.Credential, error) {
			return party.Login(httptest.NewRecorder(), answers[i].request())
		})
		counters := map[uint32]bool{}
		for _, c := range accepted {
			counters[c.SignCount] = true
		}
		stored, found, err := p.store.Load(t.Context(), c.ID)
		if err != nil || !found || stored.SignCount != 7+64 || !counters[7+64] || len(counters) != len(accepted) {
			t.Errorf("stored %+v, %t, %v; %d accepted: %v", stored, found, err, len(accepted), counters)
		}
	})
}
