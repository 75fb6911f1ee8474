package compose_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/apikey"
	"github.com/go-guard/guard/clientip"
	"github.com/go-guard/guard/dpop"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/jwtauth/refresh"
	"github.com/go-guard/guard/once"
	"github.com/go-guard/guard/ratelimit"
	"github.com/go-guard/guard/session"
)

// Stores of an application, which was never made.
type (
	sessionStore  struct{ session.Store }
	keyStore      struct{ apikey.Store }
	familyStore   struct{ refresh.Store }
	countStore    struct{ ratelimit.Store }
	tokenDenylist struct{ jwtauth.Denylist }
)

// TestTypedNilOptions: an option that holds a nil is a mistake, and not a panic at the
// first request.
func TestTypedNilOptions(t *testing.T) {
	key := jwtauth.HMAC("HS256", []byte(strings.Repeat("k", 32)))
	limit := ratelimit.Limit{Name: "l", Quota: 1, Window: time.Minute}
	issuer := guard.Must(jwtauth.NewIssuer[struct{}](key, nil))
	reload := func(context.Context, string, map[string]any) (struct{}, bool, error) { return struct{}{}, true, nil }
	secret := []byte(strings.Repeat("s", 32))
	errorOf := func(_ any, err error) error { return err }
	for want, err := range map[string]error{
		"session: Options.Store is a nil *compose_test.sessionStore": errorOf(session.New[struct{}](&session.Options{Store: (*sessionStore)(nil)})),
		"session: Options.Store is a nil *session.Memory":            errorOf(session.New[struct{}](&session.Options{Store: (*session.Memory)(nil)})),
		"apikey: RingOptions.Store is a nil *compose_test.keyStore":  errorOf(apikey.NewRing(&apikey.RingOptions{Prefix: "app", Store: (*keyStore)(nil)})),
		"apikey: RingOptions.Store is a nil *apikey.Memory":          errorOf(apikey.NewRing(&apikey.RingOptions{Prefix: "app", Store: (*apikey.Memory)(nil)})),
		"refresh: Options.Store is a nil *compose_test.familyStore":  errorOf(refresh.New(issuer, reload, &refresh.Options{Store: (*familyStore)(nil)})),
		"refresh: Options.Store is a nil *refresh.Memory":            errorOf(refresh.New(issuer, reload, &refresh.Options{Store: (*refresh.Memory)(nil)})),
		"jwtauth: Denylist is a nil *compose_test.tokenDenylist":     errorOf(jwtauth.NewIssuer[struct{}](key, &jwtauth.IssuerOptions{Denylist: (*tokenDenylist)(nil)})),
		"jwtauth: Denylist is a nil *jwtauth.Memory":                 errorOf(jwtauth.NewVerifier[struct{}](key, &jwtauth.VerifierOptions{Denylist: (*jwtauth.Memory)(nil)})),
		"ratelimit: the Store is a nil *compose_test.countStore":     errorOf(ratelimit.New(limit, ratelimit.ByIP(clientip.Direct()), &ratelimit.Options{Store: (*countStore)(nil), Secret: secret})),
		"ratelimit: the Store is a nil *ratelimit.Memory":            errorOf(ratelimit.NewLogin(clientip.Direct(), &ratelimit.LoginOptions{Store: (*ratelimit.Memory)(nil)})),
		"jwtauth: Bound is a nil *dpop.Proofs":                       errorOf(jwtauth.NewVerifier[struct{}](key, &jwtauth.VerifierOptions{Bound: (*dpop.Proofs)(nil)})),
		"dpop: Once is a nil *once.Memory":                           errorOf(dpop.New("https://api.example.com", &dpop.Options{Once: (*once.Memory)(nil)})),
		"refresh: Options.Proofs is a nil *dpop.Proofs":              errorOf(refresh.New(issuer, reload, &refresh.Options{Proofs: (*dpop.Proofs)(nil)})),
		"ratelimit: Fallback of nil":                                 errorOf(ratelimit.New(limit, ratelimit.ByIP(clientip.Direct()), &ratelimit.Options{OnFailure: ratelimit.Fallback((*ratelimit.Memory)(nil))})),
		"jwtauth: no keys":                                           errorOf(jwtauth.NewVerifier[struct{}]((*jwtauth.Key)(nil), nil)),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want %q", err, want)
		}
	}
}

// A broken store panics where it records a use.
type (
	brokenKeys     struct{ apikey.Store }
	brokenSessions struct{ session.Store }
)

func (brokenKeys) Used(context.Context, string, apikey.Digest, time.Time) error { panic("a bug") }

func (brokenSessions) Touch(context.Context, session.Key, time.Time, time.Time) error { panic("a bug") }

// TestRecordingAUsePanics: the use is not recorded, the request is served, and the
// panic is reported as our own failure.
func TestRecordingAUsePanics(t *testing.T) {
	clock := harness.NewClock()
	ring := guard.Must(apikey.NewRing(&apikey.RingOptions{Prefix: "app", Now: clock.Now, Store: brokenKeys{guard.Must(apikey.NewMemory(&apikey.MemoryOptions{Now: clock.Now}))}}))
	key, _, err := ring.Issue(t.Context(), apikey.Grant{Subject: "1"})
	if err != nil {
		t.Fatal(err)
	}
	sessions := guard.Must(session.New[struct{}](&session.Options{Now: clock.Now, Store: brokenSessions{guard.Must(session.NewMemory(&session.MemoryOptions{Now: clock.Now}))}}))
	login := harness.NewDiscard()
	if _, err := sessions.Create(login, harness.Request("/"), "1", struct{}{}); err != nil {
		t.Fatal(err)
	}
	clock.Advance(10 * time.Minute)
	for name, tt := range map[string]struct {
		step  guard.Middleware
		field string
		value string
	}{
		"apikey":  {ring.Wrap, "X-API-Key", key.Reveal()},
		"session": {sessions.Wrap, "Cookie", strings.Split(login.Header().Get("Set-Cookie"), ";")[0]},
	} {
		var failed []string
		observe := guard.Observe(func(_ *http.Request, d guard.Decision) {
			if d.Outcome == guard.Failed {
				failed = append(failed, d.Package+": "+d.Reason)
			}
		})
		r := harness.Request("/")
		r.Header.Set(tt.field, tt.value)
		w, reached := harness.Serve(t, guard.Chain(observe, tt.step), func(http.ResponseWriter, *http.Request) {}, r)
		if !reached || w.Code != 200 || len(failed) != 1 || !strings.Contains(failed[0], name+": the store panicked: a bug") {
			t.Errorf("%s: %d, reached %t, %q", name, w.Code, reached, failed)
		}
	}
}
