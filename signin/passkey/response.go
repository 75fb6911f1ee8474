package passkey

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"slices"

	"github.com/go-webauthn/webauthn/protocol"

	"github.com/go-guard/guard/internal/strictjson"
)

const (
	maxBody         = 64 << 10
	maxCredentialID = 1023 // bytes (WebAuthn, section 7.1, step 25)
)

// A response is RegistrationResponseJSON or AuthenticationResponseJSON (WebAuthn, section
// 5.1), with a name beside. Of a registration, members that repeat what the attestation
// object has are ignored, and so are the outputs of extensions: none is asked for.
type response struct {
	ID       string `json:"id"`
	RawID    string `json:"rawId"`
	Type     string `json:"type"`
	Name     string `json:"name"`
	Response struct {
		ClientData        string   `json:"clientDataJSON"`
		AttestationObject string   `json:"attestationObject"`
		AuthenticatorData string   `json:"authenticatorData"`
		Signature         string   `json:"signature"`
		UserHandle        *string  `json:"userHandle"`
		Transports        []string `json:"transports"`
	} `json:"response"`

	rawID, clientData []byte
	client            clientData
}

// clientData is CollectedClientData (WebAuthn, section 5.8.1).
type clientData struct {
	Type        string  `json:"type"`
	Challenge   string  `json:"challenge"`
	Origin      string  `json:"origin"`
	CrossOrigin bool    `json:"crossOrigin"`
	TopOrigin   *string `json:"topOrigin"`
}

// read returns the response in the body of r.
func read(r *http.Request) (*response, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return nil, badRequest(fmt.Errorf("passkey: read the body: %w", err))
	}
	if len(body) > maxBody {
		return nil, badRequest(errTooLong)
	}
	c := new(response)
	if strictjson.Unmarshal(body, c) != nil {
		return nil, badRequest(errBody)
	}
	return c, nil
}

// verifyClient finishes the checks of a response that need no credential, and returns the
// pending ceremony that it belongs to, and the name of its cookie.
func (p *RelyingParty) verifyClient(r *http.Request, kind ceremony, c *response) (pending *pending, cookieName string, err error) {
	var ok bool
	if c.rawID, ok = decode(c.ID); !ok || len(c.rawID) == 0 || len(c.rawID) > maxCredentialID || c.RawID != c.ID {
		return nil, "", errID
	}
	if c.Type != publicKeyType {
		return nil, "", errType
	}
	if c.clientData, ok = decode(c.Response.ClientData); !ok || strictjson.Unmarshal(c.clientData, &c.client) != nil {
		return nil, "", errClientData
	}
	switch {
	case c.client.Type != string(kind):
		return nil, "", errClientType
	case !slices.Contains(p.origins, c.client.Origin): // byte by byte, as browsers serialize it
		return nil, "", errOrigin
	case c.client.CrossOrigin || c.client.TopOrigin != nil:
		return nil, "", errFrame
	}
	return p.pendingOf(r, kind, c.client.Challenge)
}

// verifyFlags checks authenticator data (WebAuthn, section 7.2, steps 15 to 18).
func (p *RelyingParty) verifyFlags(data *protocol.AuthenticatorData, conditional bool) error {
	hash := sha256.Sum256([]byte(p.id))
	switch flags := data.Flags; {
	case !bytes.Equal(data.RPIDHash, hash[:]):
		return errRPID
	case !flags.HasUserPresent() && !conditional:
		return errPresence
	case !flags.HasUserVerified() && !conditional:
		return errVerified
	case flags.HasBackupState() && !flags.HasBackupEligible():
		return errBackup
	}
	return nil
}

// publicKeyCredential is what the library reads of both responses, decoded strictly.
func (c *response) publicKeyCredential() protocol.PublicKeyCredential {
	return protocol.PublicKeyCredential{Credential: protocol.Credential{ID: c.ID, Type: c.Type}, RawID: c.rawID}
}

func (c *response) assertion() (*protocol.ParsedCredentialAssertionData, error) {
	data, ok := decode(c.Response.AuthenticatorData)
	if !ok {
		return nil, errAuthData
	}
	signature, ok := decode(c.Response.Signature)
	if !ok {
		return nil, errSignature
	}
	raw := protocol.CredentialAssertionResponse{PublicKeyCredential: c.publicKeyCredential()}
	raw.AssertionResponse.ClientDataJSON = c.clientData
	raw.AssertionResponse.AuthenticatorData = data
	raw.AssertionResponse.Signature = signature
	parsed, err := raw.Parse()
	if err != nil {
		return nil, errAuthData
	}
	return parsed, nil
}

func (c *response) attestation() (*protocol.ParsedCredentialCreationData, error) {
	object, ok := decode(c.Response.AttestationObject)
	if !ok {
		return nil, errAttestation
	}
	raw := protocol.CredentialCreationResponse{PublicKeyCredential: c.publicKeyCredential()}
	raw.AttestationResponse.ClientDataJSON = c.clientData
	raw.AttestationResponse.AttestationObject = object
	parsed, err := raw.Parse()
	if err != nil {
		return nil, errAttestation
	}
	return parsed, nil
}

// transports returns the names that are short words: a browser may know new ones.
func (c *response) transports() (names []string) {
	for _, t := range c.Response.Transports {
		if len(names) < 8 && len(t) <= 16 && !slices.Contains(names, t) && isWord(t) {
			names = append(names, t)
		}
	}
	return names
}

func isWord(s string) bool {
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && c != '-' {
			return false
		}
	}
	return s != ""
}

// refused words the refusal of a response. Other errors than causes are failures, or
// refusals of their own.
func refused(err error) error {
	switch c, ok := err.(*cause); { // not errors.As: a failure is one whatever it wraps
	case ok && c == errUnknown:
		return unknown()
	case ok:
		return invalid(c)
	}
	return err
}
