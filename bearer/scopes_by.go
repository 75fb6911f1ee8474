package bearer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/field"
	"github.com/go-guard/guard/internal/identity"
	"github.com/go-guard/guard/internal/refusal"
	"github.com/go-guard/guard/internal/wiring"
)

// ScopesByOptions holds what has a safe default. The zero value is the strictest.
type ScopesByOptions struct {
	// MaxBodyBytes is how much of the body the function can read; a request of which it
	// reads more is refused with 413. If 0, it is 1 MiB.
	MaxBodyBytes int64
}

// ScopesBy is [Scopes] with the scopes that needed returns for each request, such as
// those of the tool that a message calls (see [ReadMCP]). All of them are required, and
// the challenge of a 403 names all. Where needed returns none, any request passes that
// has a credential with scopes, or with a limit of scopes. opts may be nil.
//
// needed is called for requests with such a credential only. It may read the body, at
// most MaxBodyBytes: the handler reads the same bytes again, and then what needed left.
// Both must read them alike: if needed finds one tool in a message where the handler
// finds another, the scopes are those of the wrong tool.
//
// An error of needed that is a *guard.Error refuses the request, and any other is our
// failure, as is a scope that is not a scope-token. A body that could not be read to
// where needed wanted is refused, 400 or 413, also where needed ignored that.
func ScopesBy(needed func(r *http.Request) ([]string, error), opts *ScopesByOptions) guard.Middleware {
	if needed == nil {
		wiring.Panic("bearer", "ScopesBy of nil")
	}
	var o ScopesByOptions
	if opts != nil {
		o = *opts
	}
	if o.MaxBodyBytes < 0 {
		wiring.Panic("bearer", "MaxBodyBytes is negative: %d", o.MaxBodyBytes)
	}
	if o.MaxBodyBytes == 0 {
		o.MaxBodyBytes = 1 << 20
	}
	refused := guard.Decision{Package: "bearer", Guard: "scopes by request"}
	allowed := refused
	allowed.Outcome = guard.Allowed
	return func(next http.Handler) http.Handler {
		wiring.Next("bearer", next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			inner, err := authorizeBy(w, r, needed, o.MaxBodyBytes)
			if err != nil {
				refused.Refuse(w, r, err)
				return
			}
			allowed.Report(inner)
			next.ServeHTTP(w, inner)
		})
	}
}

// authorizeBy returns the request for the handler, whose body is complete.
func authorizeBy(w http.ResponseWriter, r *http.Request, needed func(*http.Request) ([]string, error), limit int64) (*http.Request, error) {
	if err := (gate{}).check(r.Context()); err != nil { // before anything is read
		return nil, insufficient(r, err, nil)
	}
	inner, body := recordBody(w, r, limit)
	scopes, err := needed(inner)
	body.done = true
	switch _, err := guard.Resolve(0, true, err, nil); { // needed cannot abstain
	case body.err != nil:
		return nil, body.err
	case err != nil:
		return nil, err
	}
	for _, s := range scopes {
		if err := field.CheckScope(s); err != nil {
			return nil, fmt.Errorf("bearer: ScopesBy: %w", err)
		}
	}
	if err = (gate{scopes: scopes, all: true}).check(r.Context()); err != nil {
		return nil, insufficient(r, err, scopes)
	}
	handled := *r
	handled.Body = body.replay(r.Body)
	return &handled, nil
}

// insufficient returns the refusal for an error of gate.check.
func insufficient(r *http.Request, err error, needed []string) error {
	if err == errScope || err == errNoScopes {
		return refusal.InsufficientScope("Insufficient scope", identity.From(r.Context()).Challenges(), needed, err)
	}
	return err
}

// A recordedBody is the body as needed reads it.
type recordedBody struct {
	bounded io.Reader // nil without a body
	read    bytes.Buffer
	err     error // why it could not be read
	done    bool  // needed has returned
}

// recordBody returns a copy of r for needed.
func recordBody(w http.ResponseWriter, r *http.Request, limit int64) (*http.Request, *recordedBody) {
	b, inner := &recordedBody{}, *r
	if r.Body != nil {
		b.bounded, inner.Body = http.MaxBytesReader(w, r.Body, limit), b
	}
	return &inner, b
}

func (b *recordedBody) Read(p []byte) (int, error) {
	if b.done {
		return 0, http.ErrBodyReadAfterClose
	}
	n, err := b.bounded.Read(p)
	b.read.Write(p[:n])
	if err == nil || err == io.EOF {
		return n, err
	}
	b.err = unreadable(err)
	return n, b.err
}

// Close keeps the body open for the handler.
func (b *recordedBody) Close() error { return nil }

// unreadable returns the refusal of a body that could not be read to its end. The client
// failed, not we, unless what wraps the body says otherwise.
func unreadable(err error) error {
	_, tooLarge := errors.AsType[*http.MaxBytesError](err) // 413, as guard.Refuse has it
	_, refused := errors.AsType[*guard.Error](err)
	if tooLarge || refused {
		return err
	}
	return &guard.Error{Status: http.StatusBadRequest, Err: err}
}

// replay returns the body for the handler.
func (b *recordedBody) replay(body io.ReadCloser) io.ReadCloser {
	if b.read.Len() == 0 {
		return body
	}
	return struct {
		io.Reader
		io.Closer
	}{io.MultiReader(&b.read, body), body}
}
