package passkey

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/refusal"
)

// List returns the passkeys of an account, the oldest first. Its error is for guard.Refuse:
// 503 if the store failed.
func (p *RelyingParty) List(ctx context.Context, subject string) ([]Credential, error) {
	if err := checkSubject(subject); err != nil {
		return nil, err
	}
	return p.list(ctx, subject)
}

// list also refuses what a Store's List must not return.
func (p *RelyingParty) list(ctx context.Context, subject string) ([]Credential, error) {
	list, err := p.store.List(ctx, subject)
	if err != nil {
		return nil, unavailable("list", err)
	}
	for _, c := range list {
		if c.Subject != subject {
			return nil, fmt.Errorf("passkey: the Store's List returned a credential of another account")
		}
	}
	return list, nil
}

// userHandle returns the handle of an account, a new one if it has none.
func (p *RelyingParty) userHandle(ctx context.Context, subject string) (string, error) {
	handle, err := p.store.UserHandle(ctx, subject, newUserHandle())
	if err != nil {
		return "", unavailable("user handle", err)
	}
	if b, ok := decode(handle); !ok || len(b) < 16 || len(b) > 64 {
		return "", fmt.Errorf("passkey: the Store's UserHandle returned none of 16 to 64 bytes in base64url")
	}
	return handle, nil
}

// Rename sets the name of a passkey of an account. Its error is for guard.Refuse, and
// already reported to Observe: 404 if the account has no such passkey, 422 with the code
// "name_invalid", 503 if the store failed.
func (p *RelyingParty) Rename(ctx context.Context, subject, id, name string) error {
	return p.change(ctx, "rename", subject, func() (bool, error) {
		if !isText(name) {
			return false, badName()
		}
		if !isID(id) {
			return false, nil
		}
		return p.store.Rename(ctx, subject, id, name)
	})
}

// Remove removes a passkey of an account. Sessions that began with it stay: end them, if it
// was lost. Mail the owner, and have the page pass [RelyingParty.Accepted] to the browser.
// Its error is that of [RelyingParty.Rename].
func (p *RelyingParty) Remove(ctx context.Context, subject, id string) error {
	return p.change(ctx, "remove", subject, func() (bool, error) {
		if !isID(id) {
			return false, nil
		}
		return p.store.Remove(ctx, subject, id)
	})
}

// isID reports whether a credential can have this ID, in base64url. It comes from a URL, and
// databases fail on a NUL and on bytes that are not UTF-8.
func isID(id string) bool {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return id != "" && len(id) <= base64.RawURLEncoding.EncodedLen(maxCredentialID) && strings.Trim(id, letters) == ""
}

func (p *RelyingParty) change(ctx context.Context, action, subject string, f func() (bool, error)) error {
	d := guard.Decision{Package: "passkey", Action: action, Subject: subject}
	err := checkSubject(subject)
	if err == nil {
		found, failure := f()
		switch _, refusal := failure.(*guard.Error); {
		case refusal:
			err = failure
		case failure != nil:
			err = unavailable(action, failure)
		case !found:
			err = guard.NotFound("")
		}
	}
	if err != nil {
		return d.Deny(ctx, err)
	}
	d.Outcome = guard.Allowed
	d.ReportTo(ctx)
	return nil
}

// Accepted is the argument of PublicKeyCredential.signalAllAcceptedCredentials, in JSON
// (WebAuthn, section 5.1.10.2): the browser hides the passkeys of the account that are not
// in it. Send it after a sign-in and after a removal.
type Accepted struct {
	RPID          string   `json:"rpId"`
	UserID        string   `json:"userId"`
	CredentialIDs []string `json:"allAcceptedCredentialIds"`
}

// Accepted returns which passkeys of an account are registered. Send it to the account's
// owner alone. Its error is for guard.Refuse: 503 if the store failed.
func (p *RelyingParty) Accepted(ctx context.Context, subject string) (Accepted, error) {
	list, err := p.List(ctx, subject)
	if err != nil {
		return Accepted{}, err
	}
	handle, err := p.userHandle(ctx, subject)
	if err != nil {
		return Accepted{}, err
	}
	a := Accepted{RPID: p.id, UserID: handle, CredentialIDs: make([]string, len(list))}
	for i, c := range list {
		a.CredentialIDs[i] = c.ID
	}
	return a, nil
}

// RelatedOrigins serves /.well-known/webauthn of the site whose host is the relying party's
// ID: the origins that may use its passkeys without being within it (WebAuthn, section
// 5.11). Browsers read names of at most five labels in front of a public suffix.
func (p *RelyingParty) RelatedOrigins() http.Handler {
	web := []string{}
	for _, origin := range p.origins {
		if strings.HasPrefix(origin, "https://") {
			web = append(web, origin)
		}
	}
	body, _ := json.Marshal(map[string][]string{"origins": web}) // strings
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			decision(r, "", "").Refuse(w, r, refusal.MethodNotAllowed("GET, HEAD"))
			return
		}
		w.Header()["Content-Type"] = []string{"application/json"}
		_, _ = w.Write(body)
	})
}
