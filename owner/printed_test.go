package owner_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-guard/guard"
)

// Contexts get into logs under any verb; things and principals must not.
func TestPrintedContextHoldsNoThing(t *testing.T) {
	o, _ := newPosts(t)
	ran := false
	h := o.Load(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		ran = true
		for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
			if s := fmt.Sprintf(verb, r.Context()); strings.Contains(s, "bob") || strings.Contains(s, "alice") {
				t.Errorf("%s: %s", verb, s)
			}
		}
	}))
	r := httptest.NewRequest("GET", "/", nil)
	r.SetPathValue("id", "2")
	h.ServeHTTP(httptest.NewRecorder(), r.WithContext(guard.WithPrincipal(r.Context(), user{ID: "alice"})))
	if !ran {
		t.Error("not reached")
	}
}
