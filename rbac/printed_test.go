package rbac_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/rbac"
)

// Contexts get into logs under any verb; principals must not.
func TestPrintedContextHoldsNoPrincipal(t *testing.T) {
	type person struct{ Secret string }
	p := guard.Must(rbac.New(rbac.Roles("admin"), func(person) string { return "admin" }, nil))
	ran := false
	h := p.RequireRole("admin")(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		ran = true
		for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
			if s := fmt.Sprintf(verb, r.Context()); strings.Contains(s, "hush") {
				t.Errorf("%s: %s", verb, s)
			}
		}
	}))
	r := httptest.NewRequest("GET", "/", nil)
	h.ServeHTTP(httptest.NewRecorder(), r.WithContext(guard.WithPrincipal(r.Context(), person{"hush"})))
	if !ran {
		t.Error("not reached")
	}
}
