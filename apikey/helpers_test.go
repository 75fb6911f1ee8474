package apikey_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/apikey"
	"github.com/go-guard/guard/internal/testing/harness"
)

type user struct{ ID, Name string }

var users = map[string]user{"key_12345": {"1", "Alice"}, "key_67890": {"2", "Bob"}}

func byKey(_ context.Context, key string) (user, bool, error) {
	switch key {
	case "outage":
		return user{}, false, context.DeadlineExceeded
	case "bug":
		return user{}, false, errors.New("a bug that mentions key_12345")
	case "abstains":
		return user{}, false, guard.ErrNoCredentials
	case "forgot":
		return user{ID: "1"}, false, nil
	case "typednil":
		var e *guard.Error
		return user{}, false, e
	}
	u, found := users[key]
	return u, found, nil
}

// serve sends r through h and returns the request that the innermost handler
// received, nil if it was not reached.
func serve(t testing.TB, h guard.Middleware, r *http.Request) (w *httptest.ResponseRecorder, inner *http.Request) {
	t.Helper()
	w, _ = harness.Serve(t, h, func(w http.ResponseWriter, r *http.Request) {
		inner = r
		u, _ := guard.PrincipalFrom[user](r.Context())
		fmt.Fprint(w, u.Name)
	}, r)
	return w, inner
}

func request(headers ...string) *http.Request {
	return harness.Request("/protected", headers...)
}

func e(status int, message string) string {
	return fmt.Sprintf(`{"error":"%s","message":"%s"}`, http.StatusText(status), message)
}

func newRing(t *testing.T, opts apikey.RingOptions) (*apikey.Ring, *harness.Clock) {
	t.Helper()
	c := harness.NewClock()
	if opts.Now == nil {
		opts.Now = c.Now
	}
	ring, err := apikey.NewRing(&opts)
	if err != nil {
		t.Fatal(err)
	}
	return ring, c
}

func issue(t *testing.T, ring *apikey.Ring, g apikey.Grant) (key string, rec *apikey.Record) {
	t.Helper()
	if g.Subject == "" {
		g.Subject = "1"
	}
	k, rec, err := ring.Issue(t.Context(), g)
	if err != nil {
		t.Fatal(err)
	}
	return k.Reveal(), rec
}

// answer returns the status and message that r gets from the ring, and the reason
// for Observe.
func answer(t testing.TB, ring *apikey.Ring, r *http.Request) (status int, message, reason string) {
	t.Helper()
	h := guard.Chain(guard.Observe(func(_ *http.Request, d guard.Decision) { reason = d.Reason }), ring.Wrap)
	w, _ := serve(t, h, r)
	var body struct{ Message string }
	_ = json.Unmarshal(w.Body.Bytes(), &body)
	return w.Code, body.Message, reason
}

func statusOf(err error) int {
	var e *guard.Error
	if errors.As(err, &e) {
		return e.Status
	}
	return 0
}

// counting counts loads and fails on demand.
type counting struct {
	apikey.Store
	loads    int
	err      error
	nilEntry bool
}

func (c *counting) Load(ctx context.Context, id string) (*apikey.Entry, bool, error) {
	c.loads++
	if c.err != nil {
		return nil, false, c.err
	}
	if c.nilEntry {
		return nil, true, nil
	}
	return c.Store.Load(ctx, id)
}

var errDown = errors.New("down")

// failing fails in every method.
type failing struct{ apikey.Store }

func (failing) Insert(context.Context, apikey.Entry, int) (bool, error) { return false, errDown }

func (failing) Load(context.Context, string) (*apikey.Entry, bool, error) { return nil, false, errDown }

func (failing) Revoke(context.Context, string, time.Time) (bool, error) { return false, errDown }

func (failing) List(context.Context, string, string) ([]apikey.Record, error) { return nil, errDown }

func (failing) ListAll(context.Context, string, apikey.Position, int) ([]apikey.Record, apikey.Position, error) {
	return nil, apikey.Position{}, errDown
}

func (failing) Used(context.Context, string, apikey.Digest, time.Time) error { return errDown }

// unwritable only loads.
type unwritable struct{ apikey.Store }

func (unwritable) Revoke(context.Context, string, time.Time) (bool, error) { return false, errDown }

// stubborn has every id taken and loses every rotation and update.
type stubborn struct{ apikey.Store }

func (stubborn) Insert(context.Context, apikey.Entry, int) (bool, error) { return false, nil }

func (stubborn) Rotate(context.Context, string, apikey.Rotation) (bool, error) {
	return false, nil
}

func (stubborn) Update(context.Context, apikey.Record, int64) (bool, error) { return false, nil }
