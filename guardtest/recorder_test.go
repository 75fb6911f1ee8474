package guardtest_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/guardtest"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/rbac"
)

func TestRecorder(t *testing.T) {
	var rec guardtest.Recorder
	if s := rec.String(); s != "no decisions" || len(rec.Decisions()) > 0 {
		t.Errorf("a new one has %q", s)
	}
	roles := guard.Must(rbac.New(rbac.Roles("admin", "user"), func(u user) string { return u.role }, nil))
	mw := guard.Chain(rec.Observe, guardtest.Authenticator[user]().Wrap, roles.RequireRole("admin"))
	handler := func(w http.ResponseWriter, r *http.Request) {
		guard.Decision{Package: "session", Action: "sign-out", Outcome: guard.Allowed}.Report(r)
		guard.Refuse(w, r, errors.New("the disk is full"))
	}
	harness.Serve(t, mw, handler, harness.Request("/"))
	harness.Serve(t, mw, handler, guardtest.As(harness.Request("/"), bob, guardtest.Session("2", profile{})))
	harness.Serve(t, mw, handler, guardtest.As(harness.Request("/"), alice, nil))
	want := strings.Join([]string{
		`guardtest: refused 401: guard: no credentials`,
		`guardtest: allowed, subject "2"`,
		`rbac, role admin: refused 403, subject "2": rbac: not granted: "user"`,
		`guardtest: allowed`,
		`rbac, role admin: allowed`,
		`session, sign-out: allowed`,
		`handler: failed 500: the disk is full`,
	}, "\n")
	if got := rec.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	decisions := rec.Decisions()
	if len(decisions) != 7 {
		t.Fatalf("%d decisions", len(decisions))
	}
	decisions[0].Package = "changed"
	if rec.Decisions()[0].Package == "changed" {
		t.Error("Decisions is not a copy")
	}
	rec.Reset()
	if n := len(rec.Decisions()); n != 0 {
		t.Errorf("%d decisions after Reset", n)
	}
}

// TestRecorderConcurrently is for the race detector.
func TestRecorderConcurrently(t *testing.T) {
	var rec guardtest.Recorder
	h := guard.Chain(rec.Observe, guardtest.Authenticator[user]().Wrap)(http.NotFoundHandler())
	var requests sync.WaitGroup
	for range 16 {
		requests.Go(func() {
			h.ServeHTTP(httptest.NewRecorder(), harness.Request("/"))
			_ = rec.String()
		})
	}
	requests.Wait()
	if n := len(rec.Decisions()); n != 16 {
		t.Errorf("%d decisions", n)
	}
}
