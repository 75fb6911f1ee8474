package apikey

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/field"
	"github.com/go-guard/guard/source"
)

// DefaultHeader is the header that is read if Options name no Sources.
const DefaultHeader = "X-API-Key"

// maxKeyBytes is the length above which a key is refused without a lookup.
const maxKeyBytes = 1024

// Options holds what has a safe default. The zero value is the strictest.
type Options struct {
	// Sources are where a key may be. A request must have one key in all of them
	// together. If empty, it is source.Header(DefaultHeader).
	Sources []source.Source
	// TrustedOrigins may send unsafe requests with the key in a source.Cookie or
	// ProxyHeader, each written as "https://app.example.com". If empty, only this
	// origin may.
	TrustedOrigins []string
	// Realm names the protection space in the challenge. If empty, none is sent.
	Realm string
	// Missing is the message for a request without a key. If empty, it is
	// "API key required".
	Missing string
}

// Keys authenticates by an application's own lookup. It is safe for use by
// several goroutines.
type Keys[P any] struct {
	scheme scheme
	lookup func(context.Context, string) (P, bool, error)
}

// New returns Keys whose principals lookup finds by key. An unknown key is not
// an error for lookup: found is false. An error is a failure of the lookup
// itself, and answered with 503 or 500, unless it is a *guard.Error. The field
// Dead of that counts only for a key in a cookie. opts may be nil.
//
// lookup receives the key as it was sent: up to 1024 bytes of UTF-8 without control
// characters. Any other is refused without a lookup. Store the [DigestOf] each key and look
// keys up by it: then neither a copy of the table nor the time of a comparison
// reveals a key.
func New[P any](lookup func(ctx context.Context, key string) (P, bool, error), opts *Options) (*Keys[P], error) {
	if opts == nil {
		opts = &Options{}
	}
	var errs [2]error
	if lookup == nil {
		errs[0] = errors.New("apikey: the lookup is nil")
	}
	k := &Keys[P]{lookup: lookup}
	k.scheme, errs[1] = newScheme(opts.Sources, opts.TrustedOrigins, opts.Realm, opts.Missing)
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	return k, nil
}

// errZeroValue is returned by zero values, which authenticate no one.
var errZeroValue = errors.New("apikey: a zero Keys or Ring was used; see New and NewRing")

// Authenticate implements [guard.Authenticator]. The Code of a refusal is
// key_invalid, invalid_request for more than one key or a malformed query (400), or
// cross_origin (403). In the challenge of a source.Authorization for Bearer, the error
// is invalid_token (RFC 6750, section 3.1).
func (k *Keys[P]) Authenticate(r *http.Request) (P, error) {
	var zero P
	if k.lookup == nil {
		return zero, errZeroValue
	}
	refusals := &k.scheme.refusals
	c, err := k.scheme.find(r, "")
	switch {
	case err != nil:
		return zero, err
	case c.State == field.Absent:
		return zero, guard.ErrNoCredentials
	case c.State == field.Malformed, c.InAuthorization() && !field.IsToken68(c.Text), !isText(c.Text):
		return zero, refuse(refusals.malformed, c.Ambient())
	}
	p, found, err := k.lookup(r.Context(), c.Text)
	if !found && err == nil {
		return zero, refuse(refusals.unknown, c.Ambient())
	}
	if !c.Ambient() {
		err = notDead(err)
	}
	return guard.Resolve(p, found, err, nil)
}

// isText reports whether a database takes s as a text: it fails for others, such as one with
// a zero byte, and clients could cause 5xx.
func isText(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c == 0x7f })
}

// Scheme implements [guard.Authenticator].
func (k *Keys[P]) Scheme() guard.Scheme { return k.scheme.describe() }

// Wrap is guard.Require of these keys alone.
func (k *Keys[P]) Wrap(next http.Handler) http.Handler { return guard.Require(k)(next) }
