package compose_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/internal/testing/race"
)

// TestProtectedRoute is the budget of a whole route: ServeMux, one of two ways
// to authenticate, a permission and a loaded document.
func TestProtectedRoute(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	h := newApp(t)
	for name, budget := range map[string]float64{"any: ring": 8, "apikey": 8} {
		w := h.ways[name]
		mux := http.NewServeMux()
		mux.Handle("GET /documents/{id}", guard.Chain(w.step, h.policy.RequireAll("documents:write"), h.own())(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))
		r := httptest.NewRequest("GET", "/documents/1", nil)
		w.prove(r, "bob")
		got := harness.NewDiscard().Allocs(mux, r)
		t.Logf("%s: %v allocations", name, got)
		if got > budget {
			t.Errorf("%s: %v allocations, want at most %v", name, got, budget)
		}
	}
}
