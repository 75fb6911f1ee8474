package guard_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/go-guard/guard"
)

// An ErrorHandler that serves a page of the application, with middleware that
// wraps the ResponseWriter and a guard that refuses, does not call itself until
// the stack ends, which would end the process.
func TestErrorHandlerThatRefusesBehindAWrapper(t *testing.T) {
	depth := 0
	h := guard.OnError(func(w http.ResponseWriter, r *http.Request, _ *guard.Error) {
		if depth++; depth > 1 {
			t.Error("the handler is called for its own refusal")
			return
		}
		guard.Refuse(struct{ http.ResponseWriter }{w}, r, guard.NotFound("No such page"))
	})(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { guard.Refuse(w, r, guard.Forbidden("")) }))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if want := `{"error":"Not Found","message":"No such page"}`; w.Code != 403 || w.Body.String() != want {
		t.Errorf("%d %s; want 403 %s", w.Code, w.Body, want)
	}
}
