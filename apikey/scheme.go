package apikey

import (
	"errors"
	"net/http"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/credential"
	"github.com/go-guard/guard/internal/field"
	"github.com/go-guard/guard/internal/refusal"
	"github.com/go-guard/guard/source"
)

// A scheme is what Keys and Ring share: where keys are sent, the challenge and
// the refusals.
type scheme struct {
	sources   credential.Sources
	challenge string
	missing   string
	refusals  refusals
}

// refusals are built once: see refuse. The client gets one message and code for
// every key that does not authenticate; the causes are for Observe.
type refusals struct {
	unrecognized *guard.Error // a credential, but no key of this ring; the next authenticator is asked
	malformed    *guard.Error
	unknown      *guard.Error
	wrongSecret  *guard.Error
	revoked      *guard.Error
	expired      *guard.Error
	notYetValid  *guard.Error
	usedUp       *guard.Error
	wrongNetwork *guard.Error
}

// Codes of the refusals of a key.
const (
	codeInvalid     = "key_invalid"
	codeExpired     = "key_expired"
	codeNotYetValid = "key_not_yet_valid"
	codeUsedUp      = "key_used_up"
)

// refuse is a copy of a refusal for a caller. A key that no later request can use
// is dead if browsers sent it unasked: see credential.Credential.
func refuse(template *guard.Error, ambient bool) error {
	e := template.Clone()
	e.Dead = e.Dead && ambient
	return e
}

// notDead is an application's error, or a copy of it if it is dead and the key is
// not.
func notDead(err error) error {
	e, ok := errors.AsType[*guard.Error](err)
	if !ok || e == nil || !e.Dead {
		return err
	}
	c := e.Clone()
	c.Dead = false
	if err != error(e) {
		c.Err = err // its text is more than that of e
	}
	return c
}

// find returns the key of a request that begins with prefix. Its State is Absent,
// Present or Malformed.
func (s *scheme) find(r *http.Request, prefix string) (credential.Credential, error) {
	c := s.sources.Find(r, prefix)
	switch c.State {
	case field.Repeated, field.Unclear, field.CrossSite:
		return c, refusal.Sources("apikey", c.State)
	}
	return c, nil
}

func newScheme(list []source.Source, origins []string, realm, missing string) (scheme, error) {
	var s scheme
	var errs [2]error
	s.sources, errs[0] = credential.New("apikey", list, source.Header(DefaultHeader), origins, maxKeyBytes)
	name, isBearer := s.sources.Scheme("ApiKey")
	s.challenge, errs[1] = guard.Challenge(name, "realm", realm)
	if err := errors.Join(errs[:]...); err != nil {
		return scheme{}, err
	}
	if s.missing = missing; missing == "" {
		s.missing = "API key required"
	}
	var challenges []string
	if isBearer { // RFC 6750, section 3.1: an error code for a request that had a token
		c, _ := guard.Challenge(name, "realm", realm, "error", "invalid_token")
		challenges = []string{c}
	}
	s.refusals = newRefusals(challenges)
	return s, nil
}

func newRefusals(challenges []string) refusals {
	const invalid = "Invalid API key"
	refusal := func(code, message, reason string) *guard.Error {
		return &guard.Error{
			Status: http.StatusUnauthorized, Code: code, Message: message,
			Challenges: challenges, Err: errors.New("apikey: " + reason), Dead: code != codeNotYetValid,
		}
	}
	return refusals{
		// It is not dead: another authenticator may accept it.
		unrecognized: &guard.Error{Status: http.StatusUnauthorized, Code: codeInvalid, Message: invalid, Err: guard.ErrNoCredentials},
		malformed:    refusal(codeInvalid, invalid, "malformed key"),
		unknown:      refusal(codeInvalid, invalid, "unknown key"),
		wrongSecret:  refusal(codeInvalid, invalid, "wrong secret"),
		revoked:      refusal(codeInvalid, invalid, "revoked key"),
		expired:      refusal(codeExpired, "API key expired", "expired key"),
		notYetValid:  refusal(codeNotYetValid, "API key not yet valid", "key not yet valid"),
		usedUp:       refusal(codeUsedUp, "API key used up", "key used up"),
		wrongNetwork: &guard.Error{
			Status: http.StatusForbidden, Code: "address_not_allowed",
			Message: "API key not allowed from this address", Err: errors.New("apikey: key used from outside of its networks"),
		},
	}
}

// describe is the Scheme of Keys and Ring.
func (s *scheme) describe() guard.Scheme {
	d := guard.Scheme{
		Challenge: s.challenge, Missing: s.missing,
		Vary: s.sources.Vary(), Ambient: s.sources.Clear(), Strip: s.sources.Strip(),
	}
	if s.refusals.unknown != nil { // not a zero value
		d.Unknown = refuse(s.refusals.unknown, !s.sources.InURL()) // Map knows whether the key was in a header
	}
	return d
}
