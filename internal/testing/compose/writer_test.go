package compose_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/stepup"
)

// TestHandlersGetTheServersWriter: behind every guard a handler has the ResponseWriter
// that the server made.
func TestHandlersGetTheServersWriter(t *testing.T) {
	h := newApp(t)
	gates := guard.Chain(h.byAddress.Wrap, h.byMember.Wrap, h.policy.RequireRole("user"), h.policy.RequireAll("documents:write"), h.own())
	for name, w := range h.ways {
		var inside http.ResponseWriter
		rec := httptest.NewRecorder()
		mux := http.NewServeMux()
		mux.Handle("GET /documents/{id}", guard.Chain(w.step, gates)(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { inside = w })))
		r := httptest.NewRequest("GET", "/documents/1", nil)
		w.prove(r, "bob")
		if mux.ServeHTTP(rec, r); inside != http.ResponseWriter(rec) {
			t.Errorf("%s: %d, the handler has %T", name, rec.Code, inside)
		}
	}

	sessions := guard.Must(session.New[struct{}](nil))
	signIn := httptest.NewRecorder()
	guard.Must(sessions.Create(signIn, httptest.NewRequest("POST", "/", nil), "bob", struct{}{}))
	var inside http.ResponseWriter
	rec, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
	r.AddCookie(signIn.Result().Cookies()[0])
	recent := stepup.Require(stepup.Within(time.Minute))
	guard.Chain(sessions.Wrap, recent)(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { inside = w })).ServeHTTP(rec, r)
	if inside != http.ResponseWriter(rec) {
		t.Errorf("stepup: %d, the handler has %T", rec.Code, inside)
	}
}
