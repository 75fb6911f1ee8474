package apikey

import (
	"errors"
	"net/http"
	"slices"

	"github.com/go-guard/guard"
)

// A scheme is what Keys and Ring share: where keys are sent, the challenge and
// the refusals.
type scheme struct {
	sources   sources
	challenge string
	missing   string
	refusals  refusals
}

// refusals are built once. Authenticate returns a clone. The client gets one
// message for every key that does not authenticate; the causes are for Observe.
type refusals struct {
	unrecognized *guard.Error // a credential, but no key of this ring; the next authenticator is asked
	malformed    *guard.Error
	unknown      *guard.Error
	wrongSecret  *guard.Error
	revoked      *guard.Error
	expired      *guard.Error
	notYetValid  *guard.Error
	wrongNetwork *guard.Error
}

func newScheme(list []Source, realm, missing string) (scheme, error) {
	var s scheme
	var errs [2]error
	s.sources, errs[0] = newSources(list)
	name := s.sources.schemeName()
	s.challenge, errs[1] = guard.Challenge(name, "realm", realm)
	if err := errors.Join(errs[:]...); err != nil {
		return scheme{}, err
	}
	if s.missing = missing; missing == "" {
		s.missing = "API key required"
	}
	var challenges []string
	if name == "Bearer" { // RFC 6750, section 3.1: an error code for a request that had a token
		c, _ := guard.Challenge(name, "realm", realm, "error", "invalid_token")
		challenges = []string{c}
	}
	s.refusals = newRefusals(challenges)
	return s, nil
}

func newRefusals(challenges []string) refusals {
	const invalid = "Invalid API key"
	refusal := func(message, reason string) *guard.Error {
		return &guard.Error{
			Status: http.StatusUnauthorized, Code: "invalid_key", Message: message,
			Challenges: challenges, Err: errors.New("apikey: " + reason),
		}
	}
	return refusals{
		unrecognized: &guard.Error{Status: http.StatusUnauthorized, Message: invalid, Err: guard.ErrNoCredentials},
		malformed:    refusal(invalid, "malformed key"),
		unknown:      refusal(invalid, "unknown key"),
		wrongSecret:  refusal(invalid, "wrong secret"),
		revoked:      refusal(invalid, "revoked key"),
		expired:      refusal("API key expired", "expired key"),
		notYetValid:  refusal("API key not yet valid", "key not yet valid"),
		wrongNetwork: &guard.Error{
			Status: http.StatusForbidden, Code: "address_not_allowed",
			Message: "API key not allowed from this address", Err: errors.New("apikey: key used from outside of its networks"),
		},
	}
}

// describe is the Scheme of Keys and Ring.
func (s *scheme) describe() guard.Scheme {
	d := guard.Scheme{Challenge: s.challenge, Missing: s.missing, Vary: s.sources.vary()}
	if s.refusals.unknown != nil { // not a zero value
		d.Unknown = s.refusals.unknown.Clone()
	}
	if slices.ContainsFunc(s.sources, func(src Source) bool { return src.kind == inQuery }) {
		d.Strip = s.sources.strip
	}
	return d
}
