package passkey

import (
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"net/http"

	"github.com/go-webauthn/webauthn/protocol"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/once"
)

// Login signs in with the passkey in the body of a request: the credential's toJSON(). It
// uses up the challenge, clears its cookie, and stores the counter and the backup flags. The
// credential that it returns is as it is stored now; its Subject has signed in, with its
// Factor.
//
// Its error is for guard.Refuse, and already reported to Observe: 401 with the code
// "passkey_invalid" for a response that is not accepted, and "passkey_unknown" for a
// credential that is not registered, which the page can signal to the browser
// (signalUnknownCredential); 400 for a body that is no response; 403 for a request from
// another site; 503 if a store failed, in which case the challenge may be used up.
func (p *RelyingParty) Login(w http.ResponseWriter, r *http.Request) (*Credential, error) {
	return p.conclude(w, r, "")
}

// Verify is Login for an account that is known: as a second factor after the password, or
// before something sensitive. A passkey of another account is refused.
func (p *RelyingParty) Verify(w http.ResponseWriter, r *http.Request, subject string) (*Credential, error) {
	if err := checkSubject(subject); err != nil {
		return nil, decision(r, "", subject).Deny(r.Context(), err)
	}
	return p.conclude(w, r, subject)
}

func (p *RelyingParty) conclude(w http.ResponseWriter, r *http.Request, subject string) (*Credential, error) {
	d := decision(r, "", subject)
	c, err := p.login(w, r, &d)
	if err != nil {
		return nil, d.Deny(r.Context(), refused(err))
	}
	d.Outcome = guard.Allowed
	d.Report(r)
	return c, nil
}

// login is Login, and Verify if d has a subject. It names in d whose credential it is.
func (p *RelyingParty) login(w http.ResponseWriter, r *http.Request, d *guard.Decision) (*Credential, error) {
	if err := p.checkOrigin(r); err != nil {
		return nil, err
	}
	body, err := read(r)
	if err != nil {
		return nil, err
	}
	begun, cookieName, err := p.verifyClient(r, get, body)
	if err != nil {
		return nil, err
	}
	parsed, err := body.assertion()
	if err != nil {
		return nil, err
	}
	c, found, err := p.store.Load(r.Context(), body.ID)
	switch {
	case err != nil:
		return nil, unavailable("load", err)
	case !found:
		return nil, errUnknown
	case c.ID != body.ID || checkSubject(c.Subject) != nil || c.UserHandle == "":
		return nil, fmt.Errorf("passkey: the Store's Load returned a credential of another ID, or without a Subject or UserHandle")
	case d.Subject != "" && d.Subject != c.Subject:
		return nil, errOther
	}
	d.Subject = c.Subject
	if err := p.verify(&c, body, begun, parsed); err != nil {
		return nil, err
	}
	data := &parsed.Response.AuthenticatorData
	if !greater(data.Counter, c.SignCount) {
		return nil, ErrCounter
	}
	if err := p.spend(w, r, begun, cookieName); err != nil {
		return nil, err
	}
	// Eligibility is defined not to change. Authenticators change it all the same, and to
	// refuse them locks their owners out.
	u := Use{SignCount: data.Counter, BackupEligible: data.Flags.HasBackupEligible(), BackedUp: data.Flags.HasBackupState(), At: p.opts.Now().UTC()}
	accepted, err := p.store.Use(r.Context(), c.ID, u)
	if err != nil {
		return nil, unavailable("use", err)
	}
	if !accepted {
		return nil, errRemoved
	}
	c.SignCount, c.BackupEligible, c.BackedUp, c.LastUsed = u.SignCount, u.BackupEligible, u.BackedUp, u.At
	return &c, nil
}

// verify checks an assertion against its credential (WebAuthn, section 7.2, steps 6 to 21).
func (p *RelyingParty) verify(c *Credential, body *response, begun *pending, parsed *protocol.ParsedCredentialAssertionData) error {
	if body.Response.UserHandle == nil || subtle.ConstantTimeCompare([]byte(*body.Response.UserHandle), []byte(c.UserHandle)) != 1 {
		return errUserHandle
	}
	if err := p.verifyFlags(&parsed.Response.AuthenticatorData, false); err != nil {
		return err
	}
	key, err := base64.RawURLEncoding.DecodeString(c.PublicKey)
	if err != nil || checkPublicKey(key) != nil {
		return fmt.Errorf("passkey: the Store's Load returned a public key that is none")
	}
	if parsed.Verify(begun.Challenge, p.id, "", p.origins, nil, nil, protocol.TopOriginExplicitVerificationMode, false, true, true, key, protocol.SignaturePolicy{}) != nil {
		return errSignature
	}
	return nil
}

// greater reports whether a counter is greater than the stored one, or both are 0: the
// authenticator has none (WebAuthn, section 7.2, step 22).
func greater(count, stored uint32) bool { return count > stored || count == 0 && stored == 0 }

// spend uses up a challenge: of several responses to it, one goes on.
func (p *RelyingParty) spend(w http.ResponseWriter, r *http.Request, begun *pending, cookieName string) error {
	first, err := p.opts.Once.Take(r.Context(), once.Key("guard signin/passkey: challenge", p.id, begun.Challenge), begun.expires())
	if err != nil {
		return guard.Unavailable(err)
	}
	p.clear(w, cookieName)
	if !first {
		return errUsed
	}
	return nil
}

func unavailable(what string, err error) error {
	return guard.Unavailable(fmt.Errorf("passkey: %s: %w", what, err))
}
