package format

import (
	"encoding/json"
	"maps"
	"net/http"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/status"
	"github.com/go-guard/guard/internal/wiring"
)

// Problem is the error format of RFC 9457, as application/problem+json:
//
//	{"title":"Unauthorized","status":401,"detail":"API key expired","code":"key_expired"}
//
// The extension member "code" is the error's Code, and absent where that is
// empty.
func Problem(w http.ResponseWriter, r *http.Request, e *guard.Error) {
	body, _ := json.Marshal(struct { // strings and a number never fail
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail"`
		Code   string `json:"code,omitempty"`
	}{status.Title(e.Status), e.Status, detail(e), e.Code})
	write(w, r, e.Status, "application/problem+json", body)
}

// ByStatus chooses an error format by status. A status without one uses
// otherwise, or guard.JSON where that is nil. ByStatus panics if a format is nil.
func ByStatus(formats map[int]guard.ErrorHandler, otherwise guard.ErrorHandler) guard.ErrorHandler {
	formats = maps.Clone(formats)
	for code, h := range formats {
		if h == nil {
			wiring.Panic("format", "ByStatus: the handler of %d is nil", code)
		}
	}
	if otherwise == nil {
		otherwise = guard.JSON
	}
	return func(w http.ResponseWriter, r *http.Request, e *guard.Error) {
		if h, ok := formats[e.Status]; ok {
			h(w, r, e)
			return
		}
		otherwise(w, r, e)
	}
}

// detail is the sentence that the client reads.
func detail(e *guard.Error) string {
	if e.Message != "" {
		return e.Message
	}
	return status.Message(e.Status)
}

func write(w http.ResponseWriter, r *http.Request, code int, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(code)
	if r.Method != http.MethodHead { // RFC 9110, section 9.3.2
		_, _ = w.Write(body) // the client may have left
	}
}
