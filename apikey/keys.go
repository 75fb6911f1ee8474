package apikey

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/go-guard/guard"
)

// maxKey bounds what is taken for a key, in bytes.
const maxKey = 1024

// Options holds what has a safe default. The zero value is the strictest.
type Options struct {
	// Sources are where a key may be; there must be one key in all of them
	// together. If empty, it is Header(DefaultHeader).
	Sources []Source
	// Realm names the protection space in the challenge. If empty, none is sent.
	Realm string
	// Missing is the message for a request without a key. If empty, it is
	// "API key required".
	Missing string
}

// Keys authenticates by an application's own lookup. It is safe for use by
// several goroutines.
type Keys[P any] struct {
	reader
	lookup func(context.Context, string) (P, bool, error)
}

// New returns Keys whose principals lookup finds by key. An unknown key is not
// an error for lookup: found is false. An error is a failure of the lookup
// itself, and answered with 503 or 500. opts may be nil.
//
// The lookup sees the key as it was sent. Keep digests of keys, as [Digest],
// rather than keys, and look them up by these: then neither a copy of the table
// nor the time that a comparison takes tells a key.
func New[P any](lookup func(ctx context.Context, key string) (P, bool, error), opts *Options) (*Keys[P], error) {
	if opts == nil {
		opts = &Options{}
	}
	k := &Keys[P]{lookup: lookup}
	var errs []error
	if lookup == nil {
		errs = append(errs, errors.New("apikey: the lookup is nil"))
	}
	errs = append(errs, k.init(opts.Sources, opts.Realm, opts.Missing))
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return k, nil
}

// Authenticate implements [guard.Authenticator].
func (k *Keys[P]) Authenticate(r *http.Request) (P, error) {
	var zero P
	f, err := k.find(r, anything)
	switch {
	case k.lookup == nil:
		return zero, errNotNew
	case err != nil:
		return zero, err
	case f.key == "" && !f.foreign:
		return zero, k.missing
	case f.foreign, len(f.key) > maxKey:
		return zero, k.malformed
	}
	p, found, err := k.lookup(r.Context(), f.key)
	return guard.Resolve(p, found, err, k.unknown)
}

// errNotNew is the answer of zero values: they know nobody, and are open to
// nobody.
var errNotNew = errors.New("apikey: not made by New or NewRing")

func anything(string) bool { return true }

// Wrap is guard.Require of these keys alone.
func (k *Keys[P]) Wrap(next http.Handler) http.Handler { return guard.Require(k)(next) }

// A reader is what Keys and Ring share: where keys are, and what is said about
// them.
type reader struct {
	sources
	challenge string
	// Refusals: no key; not one of ours, ask the next; and the one public
	// answer to what is no key of ours, with private reasons.
	missing, foreign                   error
	malformed, unknown, wrong, revoked error
	expired, early, elsewhere          error
}

func (d *reader) init(list []Source, realm, missing string) (err error) {
	var errs [2]error
	d.sources, errs[0] = newSources(list)
	scheme := d.scheme()
	if d.challenge, errs[1] = guard.Challenge(scheme, "realm", realm); errs[1] != nil {
		return errors.Join(errs[:]...)
	}
	if missing == "" {
		missing = "API key required"
	}
	var invalid []string
	if scheme == "Bearer" { // RFC 6750, section 3.1: an error code where there was a token
		c, _ := guard.Challenge(scheme, "realm", realm, "error", "invalid_token")
		invalid = []string{c}
	}
	const text = "Invalid API key"
	refusal := func(message, reason string) error {
		return &guard.Error{
			Status: http.StatusUnauthorized, Code: "invalid_key", Message: message,
			Challenges: invalid, Err: errors.New("apikey: " + reason),
		}
	}
	d.missing = &guard.Error{Status: http.StatusUnauthorized, Message: missing, Err: guard.ErrNoCredentials}
	d.foreign = &guard.Error{Status: http.StatusUnauthorized, Message: text, Err: guard.ErrNoCredentials}
	d.malformed = refusal(text, "malformed key")
	d.unknown = refusal(text, "unknown key")
	d.wrong = refusal(text, "wrong secret")
	d.revoked = refusal(text, "revoked key")
	d.expired = refusal("API key expired", "expired key")
	d.early = refusal("API key not yet valid", "key not yet valid")
	d.elsewhere = &guard.Error{
		Status: http.StatusForbidden, Code: "address_not_allowed",
		Message: "API key not allowed from this address", Err: errors.New("apikey: key used from outside of its networks"),
	}
	return errors.Join(errs[:]...)
}

// Scheme implements [guard.Authenticator].
func (d *reader) Scheme() guard.Scheme {
	s := guard.Scheme{Challenge: d.challenge, Vary: d.vary(), Unknown: d.unknown}
	if slices.ContainsFunc(d.sources, func(s Source) bool { return s.kind == inQuery }) {
		s.Strip = d.strip
	}
	return s
}
