package passkey

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/field"
	"github.com/go-guard/guard/internal/refusal"
)

// An Account is for whom a passkey is registered.
type Account struct {
	// Subject is who the account is to the application: 1 to 255 bytes.
	Subject string
	// Name tells accounts apart in the browser's list, such as the e-mail address: 1 byte
	// of text or more. Longer than 64 bytes, it is cut.
	Name string
	// DisplayName is the name of the person. If empty, it is Name.
	DisplayName string
	// Conditional is for a passkey that the browser makes by itself after a sign-in with a
	// password (conditional create): the page passes mediation "conditional" to
	// navigator.credentials.create. Such a response needs no user presence and no user
	// verification; each sign-in with the passkey does.
	Conditional bool
}

// The options in JSON: PublicKeyCredentialCreationOptionsJSON and
// PublicKeyCredentialRequestOptionsJSON (WebAuthn, sections 5.1.8 and 5.1.9).
type (
	creationOptions struct {
		RP                 entity       `json:"rp"`
		User               user         `json:"user"`
		Challenge          string       `json:"challenge"`
		Params             []param      `json:"pubKeyCredParams"`
		Timeout            int64        `json:"timeout"` // in milliseconds
		ExcludeCredentials []descriptor `json:"excludeCredentials"`
		Selection          selection    `json:"authenticatorSelection"`
		Attestation        string       `json:"attestation"`
	}
	requestOptions struct {
		Challenge        string       `json:"challenge"`
		Timeout          int64        `json:"timeout"`
		RPID             string       `json:"rpId"`
		AllowCredentials []descriptor `json:"allowCredentials"`
		UserVerification string       `json:"userVerification"`
	}
	entity struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	}
	user struct {
		entity
		DisplayName string `json:"displayName"`
	}
	param struct {
		Type string `json:"type"`
		Alg  int64  `json:"alg"`
	}
	descriptor struct {
		Type       string   `json:"type"`
		ID         string   `json:"id"`
		Transports []string `json:"transports,omitempty"`
	}
	selection struct {
		ResidentKey        string `json:"residentKey"`
		RequireResidentKey bool   `json:"requireResidentKey"` // for browsers of Level 1
		UserVerification   string `json:"userVerification"`
	}
)

const publicKeyType = "public-key"

// RegisterOptions answers with the options of a registration, as
// parseCreationOptionsFromJSON reads them, and sets the cookie of its challenge. Call it for
// someone who signed in a short while ago: package stepup. An authenticator that has a
// passkey of the account is refused by the browser (InvalidStateError).
//
// Its error is for guard.Refuse: 409 with the code "passkey_limit" for an account with
// Options.MaxPerAccount passkeys, 403 for a request from another site, 503 if the store
// failed.
func (p *RelyingParty) RegisterOptions(w http.ResponseWriter, r *http.Request, a Account) error {
	err := p.registerOptions(w, r, a)
	return decision(r, "register", a.Subject).Deny(r.Context(), err)
}

func (p *RelyingParty) registerOptions(w http.ResponseWriter, r *http.Request, a Account) error {
	if err := p.checkRequest(r, a.Subject); err != nil {
		return err
	}
	name, displayName := cut(a.Name), cut(a.DisplayName)
	if displayName == "" {
		displayName = name
	}
	if !isText(name) || !isText(displayName) {
		return fmt.Errorf("passkey: the Name %q or DisplayName of an account is not text", name)
	}
	handle, err := p.userHandle(r.Context(), a.Subject)
	if err != nil {
		return err
	}
	registered, err := p.list(r.Context(), a.Subject)
	if err != nil {
		return err
	}
	if len(registered) >= p.opts.MaxPerAccount {
		return limit()
	}
	exclude := make([]descriptor, len(registered))
	for i, c := range registered {
		exclude[i] = descriptor{publicKeyType, c.ID, c.Transports}
	}
	c := &pending{Ceremony: create, Subject: []byte(a.Subject), UserHandle: handle, Conditional: a.Conditional}
	if err := p.begin(w, r, c); err != nil {
		return err
	}
	verification := "required"
	if a.Conditional {
		verification = "preferred" // browsers refuse a conditional create that requires it
	}
	params := make([]param, len(algorithms))
	for i, alg := range algorithms {
		params[i] = param{publicKeyType, int64(alg)}
	}
	return answer(w, creationOptions{
		RP: entity{p.id, p.opts.Name}, User: user{entity{handle, name}, displayName}, Challenge: c.Challenge, Params: params,
		Timeout: lifetime.Milliseconds(), ExcludeCredentials: exclude, Selection: selection{"required", true, verification}, Attestation: "none",
	})
}

// LoginOptions answers with the options of a sign-in, as parseRequestOptionsFromJSON reads
// them, and sets the cookie of its challenge. They name no account and no credential. For
// autofill, the page passes mediation "conditional" to navigator.credentials.get, and has an
// input with autocomplete="username webauthn".
//
// Its error is for guard.Refuse: 403 for a request from another site.
func (p *RelyingParty) LoginOptions(w http.ResponseWriter, r *http.Request) error {
	err := p.checkOrigin(r)
	c := &pending{Ceremony: get}
	if err == nil {
		err = p.begin(w, r, c)
	}
	if err != nil {
		return decision(r, "", "").Deny(r.Context(), err)
	}
	return answer(w, requestOptions{
		Challenge: c.Challenge, Timeout: lifetime.Milliseconds(), RPID: p.id, AllowCredentials: []descriptor{}, UserVerification: "required",
	})
}

// decision is that of an action.
func decision(r *http.Request, action, subject string) guard.Decision {
	return guard.Decision{Package: "passkey", Action: action, Subject: subject, Pattern: r.Pattern}
}

// answer writes JSON that no cache stores.
func answer(w http.ResponseWriter, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	h := w.Header()
	field.NoStore(h)
	h["Content-Type"] = []string{"application/json"}
	_, _ = w.Write(b) // a client that left
	return nil
}

func (p *RelyingParty) checkOrigin(r *http.Request) error {
	if field.CrossOrigin(p.sameOrigin, r) != nil {
		return refusal.CrossSite("passkey")
	}
	return nil
}

func (p *RelyingParty) checkRequest(r *http.Request, subject string) error {
	if err := checkSubject(subject); err != nil {
		return err
	}
	return p.checkOrigin(r)
}

func checkSubject(subject string) error {
	if len(subject) == 0 || len(subject) > 255 {
		return errSubject
	}
	return nil
}

// newUserHandle returns 32 random bytes in base64url (WebAuthn, section 14.6.1: at most 64,
// without information about the person).
func newUserHandle() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// isText reports whether s is 1 to maxText bytes of text of one line.
func isText(s string) bool {
	return s != "" && len(s) <= maxText && utf8.ValidString(s) && strings.TrimSpace(s) != "" &&
		!strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' })
}

// cut shortens s to maxText bytes, at a character.
func cut(s string) string {
	if len(s) <= maxText {
		return s
	}
	end := maxText
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}
