package format_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/format"
)

// TestBrowser: a form that shows its mistake in place, with the status and the
// header fields of the refusal; programs get JSON.
func TestBrowser(t *testing.T) {
	form := func(w http.ResponseWriter, r *http.Request, e *guard.Error) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(e.Status)
		fmt.Fprintf(w, "<form>%s, %s", r.PostFormValue("email"), e.Message)
	}
	h := guard.OnError(format.Browser(form, nil))(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		guard.Refuse(w, r, &guard.Error{Status: 401, Message: "no", Challenges: []string{"Session"}})
	}))
	for accept, want := range map[string]string{
		"text/html,*/*;q=0.8":               "<form>alice, no",
		"text/html;q=0.5, application/json": `{"error":"Unauthorized","message":"no"}`,
		"*/*":                               `{"error":"Unauthorized","message":"no"}`,
		", ,text/html;q=0.001":              "<form>alice, no",
		"text/html;q=1.001":                 `{"error":"Unauthorized","message":"no"}`,
		"text/html;q=1e-1":                  `{"error":"Unauthorized","message":"no"}`,
		"text/html;q=NaN":                   `{"error":"Unauthorized","message":"no"}`,

		strings.Repeat(",", 99) + "text/html":  "<form>alice, no", // the last member that is read
		strings.Repeat(",", 100) + "text/html": `{"error":"Unauthorized","message":"no"}`,
		"":                                     `{"error":"Unauthorized","message":"no"}`,
	} {
		r := httptest.NewRequest("POST", "/login?email=alice", nil)
		r.PostForm = map[string][]string{"email": {"alice"}}
		r.Header.Set("Accept", accept)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Body.String() != want || w.Code != 401 {
			t.Errorf("Accept %q: %d %s, want %s", accept, w.Code, w.Body, want)
		}
		if w.Header().Get("WWW-Authenticate") != "Session" || w.Header().Get("Vary") != "Accept" || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("Accept %q: %v", accept, w.Header())
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("a nil page is accepted")
		}
	}()
	format.Browser(nil, nil)
}
