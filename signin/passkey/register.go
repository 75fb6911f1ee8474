package passkey

import (
	"encoding/base64"
	"encoding/hex"
	"net/http"

	"github.com/go-webauthn/webauthn/protocol"

	"github.com/go-guard/guard"
)

// Register registers the passkey in the body of a request: the credential's toJSON(), with
// a "name" beside its members, or else "Passkey". It clears the challenge's cookie. subject
// is who began the registration and is still signed in.
//
// Its error is for guard.Refuse, and already reported to Observe: 401 with the code
// "passkey_invalid" for a response that is not accepted; 400 for a body that is none; 422
// with "name_invalid"; 409 with "passkey_limit"; 403 for a request from another site; 503
// if a store failed, in which case the challenge may be used up.
func (p *RelyingParty) Register(w http.ResponseWriter, r *http.Request, subject string) (*Credential, error) {
	d := decision(r, "register", subject)
	c, err := p.register(w, r, subject)
	if err != nil {
		return nil, d.Deny(r.Context(), refused(err))
	}
	d.Outcome = guard.Allowed
	d.Report(r)
	return c, nil
}

func (p *RelyingParty) register(w http.ResponseWriter, r *http.Request, subject string) (*Credential, error) {
	if err := p.checkRequest(r, subject); err != nil {
		return nil, err
	}
	body, err := read(r)
	if err != nil {
		return nil, err
	}
	if body.Name == "" {
		body.Name = "Passkey"
	}
	if !isText(body.Name) {
		return nil, badName()
	}
	begun, cookieName, err := p.verifyClient(r, create, body)
	if err != nil {
		return nil, err
	}
	if string(begun.Subject) != subject {
		return nil, errAccount
	}
	c, err := p.attested(body, begun)
	if err != nil {
		return nil, err
	}
	registered, err := p.list(r.Context(), subject)
	if err != nil {
		return nil, err
	}
	if len(registered) >= p.opts.MaxPerAccount {
		return nil, limit()
	}
	if err := p.spend(w, r, begun, cookieName); err != nil {
		return nil, err
	}
	added, err := p.store.Add(r.Context(), *c)
	if err != nil {
		return nil, unavailable("add", err)
	}
	if !added {
		return nil, errExists
	}
	return c, nil
}

// attested returns the credential of an attestation (WebAuthn, section 7.1, steps 14 to 27).
func (p *RelyingParty) attested(body *response, begun *pending) (*Credential, error) {
	parsed, err := body.attestation()
	if err != nil {
		return nil, err
	}
	if parsed.Response.AttestationObject.AttStatement == nil { // absent or null (WebAuthn, section 6.5.4: a map)
		return nil, errAttestation
	}
	data := &parsed.Response.AttestationObject.AuthData
	if err := p.verifyFlags(data, begun.Conditional); err != nil {
		return nil, err
	}
	if err := checkPublicKey(data.AttData.CredentialPublicKey); err != nil {
		return nil, err
	}
	params := make([]protocol.CredentialParameter, len(algorithms))
	for i, alg := range algorithms {
		params[i] = protocol.CredentialParameter{Type: publicKeyType, Algorithm: alg}
	}
	// A statement that comes unasked must verify, and proves nothing.
	if _, err := parsed.Verify(begun.Challenge, p.id, p.origins, nil, nil, protocol.TopOriginExplicitVerificationMode, false,
		!begun.Conditional, !begun.Conditional, nil, params, protocol.AttestationPolicy{}, protocol.SignaturePolicy{}); err != nil {
		return nil, errAttestation
	}
	return &Credential{
		ID: body.ID, Subject: string(begun.Subject), UserHandle: begun.UserHandle,
		PublicKey: base64.RawURLEncoding.EncodeToString(data.AttData.CredentialPublicKey), SignCount: data.Counter,
		BackupEligible: data.Flags.HasBackupEligible(), BackedUp: data.Flags.HasBackupState(),
		Transports: body.transports(), AAGUID: uuid(data.AttData.AAGUID), Name: body.Name, Created: p.opts.Now().UTC(),
	}, nil
}

// uuid returns the text of 16 bytes (RFC 9562, section 4).
func uuid(b []byte) string {
	if len(b) != 16 {
		return ""
	}
	s := hex.EncodeToString(b)
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}
