package format_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/format"
	"github.com/go-guard/guard/internal/testing/harness"
)

func TestFormats(t *testing.T) {
	const (
		problem = `{"title":"Unauthorized","status":401,"detail":"no \"<x>\"","code":"why"}`
		plain   = `{"error":"Unauthorized","message":"no \"<x>\""}`
	)
	byStatus := format.ByStatus(map[int]guard.ErrorHandler{401: format.Problem}, nil)
	tests := []struct {
		name        string
		h           guard.ErrorHandler
		accept      string
		err         *guard.Error
		contentType string
		body        string // with \u003c for <, as JSON writes it
	}{
		{"JSON", guard.JSON, "", nil, "application/json", plain},
		{"Problem", format.Problem, "", nil, "application/problem+json", problem},
		{"ByStatus", byStatus, "", nil, "application/problem+json", problem},
		{"ByStatus, otherwise", byStatus, "", &guard.Error{Status: 404}, "application/json", `{"error":"Not Found","message":"Not found"}`},
		{"Negotiate nothing", format.Negotiate, "", nil, "application/json", plain},
		{"Negotiate problem", format.Negotiate, "application/problem+json", nil, "application/problem+json", problem},
		{"Negotiate both", format.Negotiate, "application/problem+json, application/json", nil, "application/json", plain},
		{"Negotiate weights", format.Negotiate, "application/json;q=0.4, Application/Problem+JSON;a=b;Q=0.5", nil, "application/problem+json", problem},
		{"Negotiate a range", format.Negotiate, "application/*;q=0.9, application/problem+json;q=0.8", nil, "application/json", plain},
		{"Negotiate none", format.Negotiate, "application/problem+json;q=0", nil, "application/json", plain},
		{"Negotiate no weight", format.Negotiate, "application/problem+json;q=NaN", nil, "application/json", plain},
		{"Negotiate too much", format.Negotiate, "application/problem+json;q=7", nil, "application/json", plain},
		{"Negotiate an early weight", format.Negotiate, "application/problem+json;q=0.5" + strings.Repeat(";a=b", 20), nil, "application/problem+json", problem},
		{"Negotiate a late weight", format.Negotiate, "application/json;q=0.5, application/problem+json" + strings.Repeat(";a=b", 20) + ";q=0", nil, "application/problem+json", problem},
		{"HTML for a program", format.HTML("/login", nil), "*/*", nil, "application/json", plain},
		{"HTML for a program that takes both", format.HTML("/login", format.Problem), "text/html;q=0.5, application/json", nil, "application/problem+json", problem},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.err
			if err == nil {
				err = &guard.Error{Status: 401, Code: "why", Message: `no "<x>"`}
			}
			refuse := func(w http.ResponseWriter, r *http.Request) { guard.Refuse(w, r, err) }
			w, _ := harness.Serve(t, guard.OnError(tt.h), refuse, harness.Request("/path", "Accept", tt.accept))
			body := strings.NewReplacer(`\u003c`, "<", `\u003e`, ">").Replace(w.Body.String())
			if w.Code != err.Status || w.Header().Get("Content-Type") != tt.contentType || body != tt.body {
				t.Errorf("status %d, %s, %s; want %s, %s", w.Code, w.Header().Get("Content-Type"), body, tt.contentType, tt.body)
			}
		})
	}
}

// TestMistakes: a format that is missing panics when the program starts, and not at the
// first refusal.
func TestMistakes(t *testing.T) {
	for want, f := range map[string]func(){
		"format: ByStatus: the handler of 404 is nil": func() { format.ByStatus(map[int]guard.ErrorHandler{404: nil}, nil) },
		"format: Browser: the page is nil":            func() { format.Browser(nil, nil) },
	} {
		func() {
			defer func() {
				if p := recover(); fmt.Sprint(p) != want {
					t.Errorf("%v, want %s", p, want)
				}
			}()
			f()
		}()
	}
}

// TestHead: a refusal of a HEAD request has no body.
func TestHead(t *testing.T) {
	w := httptest.NewRecorder()
	guard.Refuse(w, httptest.NewRequest("HEAD", "/", nil), guard.Forbidden(""))
	if w.Code != 403 || w.Body.Len() > 0 {
		t.Errorf("status %d, %s", w.Code, w.Body)
	}
}

// TestDefaultDetail: an Error without a Message has the root's sentence.
func TestDefaultDetail(t *testing.T) {
	w := httptest.NewRecorder()
	format.Problem(w, httptest.NewRequest("GET", "/", nil), &guard.Error{Status: 400})
	if want := `"detail":"The request is malformed"`; !strings.Contains(w.Body.String(), want) {
		t.Errorf("%s has no %s", w.Body, want)
	}
}
