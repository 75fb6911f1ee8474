package passkeytest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"slices"

	"github.com/go-webauthn/webauthn/protocol/webauthncbor"
)

// The flags of authenticator data (WebAuthn, section 6.1).
const (
	UserPresent        byte = 1 << 0
	UserVerified       byte = 1 << 2
	BackupEligible     byte = 1 << 3
	BackedUp           byte = 1 << 4
	attestedCredential byte = 1 << 6
)

// An Authenticator is a browser with an authenticator of ES256 keys, for tests of an
// application's handlers. It verifies its user. It is not for several goroutines.
type Authenticator struct {
	// Origin is that of the page.
	Origin string
	// Flags of what it states: UserPresent, UserVerified, BackupEligible, BackedUp.
	Flags byte
	// SignCount is the last counter: each Get states a greater one. If 0, it states 0.
	SignCount uint32
	// Tamper changes what it states before that is signed. If nil, nothing.
	Tamper func(*Statement)

	credentials []*credential
}

// A Statement is what an Authenticator is about to state.
type Statement struct {
	ClientData   map[string]any // type, challenge, origin, crossOrigin
	RPID         string         // whose SHA-256 it states
	Flags        byte
	SignCount    uint32
	ID           []byte
	UserHandle   []byte         // of Get; nil is null
	PublicKey    map[int]any    // of Create: a COSE key
	Format       string         // of Create: of the attestation
	Attestation  map[string]any // of Create: the statement
	PrivateKey   *ecdsa.PrivateKey
	SignedSuffix []byte // appended to what is signed
}

type credential struct {
	id, userHandle []byte
	rpID           string
	key            *ecdsa.PrivateKey
}

// NewAuthenticator returns an Authenticator whose keys stay in it, without a counter.
func NewAuthenticator(origin string) *Authenticator {
	return &Authenticator{Origin: origin, Flags: UserPresent | UserVerified}
}

type options struct {
	Challenge string `json:"challenge"`
	RPID      string `json:"rpId"`
	RP        struct {
		ID string `json:"id"`
	} `json:"rp"`
	User struct {
		ID string `json:"id"`
	} `json:"user"`
	Exclude []struct {
		ID string `json:"id"`
	} `json:"excludeCredentials"`
}

// ErrExcluded is the error of Create where a credential is excluded that it has, which a
// browser reports as InvalidStateError.
var ErrExcluded = errors.New("passkeytest: the authenticator has a credential of the account")

// Create answers the options of a registration: the credential's toJSON.
func (a *Authenticator) Create(creationOptions []byte) (response []byte, err error) {
	var o options
	if err := json.Unmarshal(creationOptions, &o); err != nil {
		return nil, err
	}
	for _, e := range o.Exclude {
		if slices.ContainsFunc(a.credentials, func(c *credential) bool { return encode(c.id) == e.ID }) {
			return nil, ErrExcluded
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	point, err := key.PublicKey.Bytes()
	if err != nil {
		return nil, err
	}
	handle, err := base64.RawURLEncoding.DecodeString(o.User.ID)
	if err != nil {
		return nil, err
	}
	c := &credential{id: []byte(rand.Text()), userHandle: handle, rpID: o.RP.ID, key: key}
	s := a.statement("webauthn.create", o.Challenge, c)
	s.Flags |= attestedCredential
	s.PublicKey = map[int]any{1: 2, 3: -7, -1: 1, -2: point[1:33], -3: point[33:]}
	s.Format, s.Attestation = "none", map[string]any{}
	if a.Tamper != nil {
		a.Tamper(s)
	}
	a.credentials = append(a.credentials, c)
	cose, err := webauthncbor.Marshal(s.PublicKey)
	if err != nil {
		return nil, err
	}
	data := s.authenticatorData()
	if s.Flags&attestedCredential != 0 {
		data = append(data, make([]byte, 16)...) // the AAGUID
		data = binary.BigEndian.AppendUint16(data, uint16(len(s.ID)))
		data = append(append(data, s.ID...), cose...)
	}
	object, err := webauthncbor.Marshal(map[string]any{"fmt": s.Format, "attStmt": s.Attestation, "authData": data})
	if err != nil {
		return nil, err
	}
	return s.response(map[string]any{"attestationObject": encode(object), "transports": []string{"internal"}, "publicKeyAlgorithm": -7})
}

// Get answers the options of a sign-in, by the newest of its credentials for the relying
// party: the credential's toJSON.
func (a *Authenticator) Get(requestOptions []byte) (response []byte, err error) {
	var o options
	if err := json.Unmarshal(requestOptions, &o); err != nil {
		return nil, err
	}
	for _, c := range slices.Backward(a.credentials) {
		if c.rpID != o.RPID {
			continue
		}
		if a.SignCount > 0 {
			a.SignCount++
		}
		s := a.statement("webauthn.get", o.Challenge, c)
		if a.Tamper != nil {
			a.Tamper(s)
		}
		clientData, err := json.Marshal(s.ClientData)
		if err != nil {
			return nil, err
		}
		hash := sha256.Sum256(clientData)
		data := s.authenticatorData()
		digest := sha256.Sum256(append(slices.Concat(data, hash[:]), s.SignedSuffix...))
		signature, err := ecdsa.SignASN1(rand.Reader, s.PrivateKey, digest[:])
		if err != nil {
			return nil, err
		}
		var handle any
		if s.UserHandle != nil {
			handle = encode(s.UserHandle)
		}
		return s.response(map[string]any{"authenticatorData": encode(data), "signature": encode(signature), "userHandle": handle})
	}
	return nil, errors.New("passkeytest: the authenticator has no credential for the relying party")
}

func (a *Authenticator) statement(ceremony, challenge string, c *credential) *Statement {
	return &Statement{
		ClientData: map[string]any{"type": ceremony, "challenge": challenge, "origin": a.Origin, "crossOrigin": false},
		RPID:       c.rpID, Flags: a.Flags, SignCount: a.SignCount, ID: c.id, UserHandle: c.userHandle, PrivateKey: c.key,
	}
}

func (s *Statement) authenticatorData() []byte {
	hash := sha256.Sum256([]byte(s.RPID))
	return binary.BigEndian.AppendUint32(append(hash[:], s.Flags), s.SignCount)
}

func (s *Statement) response(members map[string]any) ([]byte, error) {
	clientData, err := json.Marshal(s.ClientData)
	if err != nil {
		return nil, err
	}
	members["clientDataJSON"] = encode(clientData)
	return json.Marshal(map[string]any{
		"id": encode(s.ID), "rawId": encode(s.ID), "type": "public-key", "authenticatorAttachment": "platform",
		"clientExtensionResults": map[string]any{}, "response": members,
	})
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
