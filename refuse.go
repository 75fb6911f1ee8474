package guard

import (
	"context"
	"maps"
	"net/http"
	"slices"

	"github.com/go-guard/guard/internal/field"
	"github.com/go-guard/guard/internal/identity"
	"github.com/go-guard/guard/internal/jsontext"
	"github.com/go-guard/guard/internal/status"
	"github.com/go-guard/guard/internal/wiring"
)

// Refuse answers a request with err; handlers use it too. An [*Error] is answered
// as it says, http.MaxBytesError with 413, an outage (a timeout, a network error)
// with 503, and anything else with 500. The text of err reaches [Observe] and no
// client. A refusal is never cacheable.
//
// An error that a guard's verb already reported, such as that of a login attempt,
// is not reported again.
func Refuse(w http.ResponseWriter, r *http.Request, err error) {
	Decision{Package: "handler"}.Refuse(w, r, err)
}

// An ErrorHandler writes the body of a refusal in the application's own format.
// The header fields of the refusal are set before it is called, and the status
// is e.Status whatever it writes, or does not write; only a 401 may become a
// redirect (302, 303) to a login page. e is a copy that always has a Code and a
// Message, and never a cause. Package format has some.
type ErrorHandler func(w http.ResponseWriter, r *http.Request, e *Error)

// OnError makes h the error format of everything inside, also for the answers of
// the module's own handlers. It belongs outermost; without it, [JSON] is the format.
func OnError(h ErrorHandler) Middleware {
	if h == nil {
		wiring.Panic("guard", "OnError of nil")
	}
	return func(next http.Handler) http.Handler {
		wiring.Next("guard", next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r.WithContext(&formatted{r.Context(), h}))
		})
	}
}

type formatKey struct{}

type formatted struct {
	context.Context
	handler ErrorHandler
}

func (c *formatted) Value(key any) any {
	if _, ok := key.(formatKey); ok {
		return c
	}
	return c.Context.Value(key)
}

// respond writes the refusal e with the given challenges or, if there are none,
// its own.
func respond(w http.ResponseWriter, r *http.Request, e *Error, challenges []string) {
	h := w.Header()
	field.Reset(h)
	for name, values := range e.Header {
		switch name = http.CanonicalHeaderKey(name); name {
		case "Set-Cookie", "Vary": // each of them adds something
			h[name] = slices.Concat(h[name], values)
		default:
			h[name] = slices.Clone(values)
		}
	}
	if len(challenges) == 0 {
		challenges = challengesFor(r, e)
	}
	fields := append(make([]string, 0, len(challenges)+2), "no-store", "application/json") // in one allocation
	fields = append(fields, challenges...)
	h["Cache-Control"] = fields[:1:1]
	if len(challenges) > 0 {
		h["Www-Authenticate"] = fields[2:]
	}
	if e.Status == http.StatusTooManyRequests && len(h["Retry-After"]) == 0 {
		h.Set("Retry-After", "1")
	}
	format, ok := r.Context().Value(formatKey{}).(*formatted)
	if _, again := w.(*forced); !ok || again || format.handler == nil {
		writeJSON(w, r, e, fields[1:2:2])
		return
	}
	c := *e
	if c.Code == "" {
		c.Code = status.Code(e.Status)
	}
	c.Message, c.Err, c.Header, c.Challenges = e.message(), nil, e.Header.Clone(), slices.Clone(challenges)
	fw := &forced{ResponseWriter: w, status: e.Status, fields: http.Header{}}
	for _, name := range [...]string{"Www-Authenticate", "Retry-After"} {
		if v := h[name]; len(v) > 0 {
			fw.fields[name] = slices.Clone(v)
		}
	}
	// An ErrorHandler that refuses would call itself: inside it, JSON is the format.
	format.handler(fw, r.WithContext(&formatted{Context: r.Context()}), &c)
	fw.WriteHeader(e.Status)
}

// challengesFor: every 401 has a challenge (RFC 9110, section 15.5.2).
func challengesFor(r *http.Request, e *Error) []string {
	if len(e.Challenges) > 0 || e.Status != http.StatusUnauthorized {
		return e.Challenges
	}
	if lines := identity.From(r.Context()).Challenges(); len(lines) > 0 {
		return lines
	}
	return []string{"Bearer"}
}

// forced keeps an ErrorHandler from answering with another status, or without
// the fields of a refusal. It has no Unwrap: a Flush through it would send 200.
type forced struct {
	http.ResponseWriter
	status int
	fields http.Header
	wrote  bool
}

func (f *forced) WriteHeader(code int) {
	switch {
	case f.wrote:
		return
	case f.status == http.StatusUnauthorized && (code == http.StatusFound || code == http.StatusSeeOther):
	default:
		code = f.status
	}
	f.wrote = true
	field.NoStore(f.Header())
	maps.Copy(f.Header(), f.fields)
	f.ResponseWriter.WriteHeader(code)
}

func (f *forced) Write(b []byte) (int, error) {
	f.WriteHeader(f.status)
	return f.ResponseWriter.Write(b)
}

// JSON is the default error format:
//
//	{"error":"Unauthorized","message":"API key required"}
func JSON(w http.ResponseWriter, r *http.Request, e *Error) {
	writeJSON(w, r, e, []string{"application/json"})
}

func writeJSON(w http.ResponseWriter, r *http.Request, e *Error, contentType []string) {
	title, message := status.Title(e.Status), e.message()
	b := make([]byte, 0, len(`{"error":"","message":""}`)+len(title)+len(message))
	b = append(b, `{"error":`...)
	b = jsontext.AppendString(b, title)
	b = append(b, `,"message":`...)
	b = jsontext.AppendString(b, message)
	b = append(b, '}')
	w.Header()["Content-Type"] = contentType
	w.WriteHeader(e.Status)
	if r.Method != http.MethodHead { // RFC 9110, section 9.3.2
		_, _ = w.Write(b) // the client may have left
	}
}
