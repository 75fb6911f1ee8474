package oauth

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/openid"
	"github.com/go-guard/guard/internal/secret"
	"github.com/go-guard/guard/jwtauth"
)

// A Client is this application, as it is registered with the provider.
type Client struct {
	// ID is the client_id. It is required.
	ID string
	// Secret is the client_secret, if the client has one.
	Secret guard.Secret
	// Key signs assertions in place of a Secret (RFC 7523): a private key, with the ID
	// under which the provider knows its public half. For Apple's see [Apple].
	Key jwtauth.Key
	// Auth is how the client authenticates to the provider. If empty, it is PrivateKeyJWT
	// with a Key, and None with neither a Key nor a Secret. With a Secret it is Basic, or
	// Post where the provider's metadata lists Post and not Basic.
	Auth Auth
}

// An Auth is how a client authenticates to the token endpoint. Its values are those of
// OpenID Connect Core, section 9.
type Auth string

// The ways of a client. None is that of a public client, which PKCE protects alone.
const (
	Basic         Auth = "client_secret_basic"
	Post          Auth = "client_secret_post"
	PrivateKeyJWT Auth = "private_key_jwt"
	None          Auth = "none"

	appleSecret Auth = "a client_secret that the key signs" // Post with it
)

// assertionLifetime is how long a client assertion is valid.
const assertionLifetime = time.Minute

// A client authenticates requests to the provider.
type client struct {
	id     string
	auth   Auth // empty if the metadata decides between Basic and Post
	secret secret.Value[string]
	key    jwtauth.Key
	now    func() time.Time

	appleTeam string // empty unless auth is appleSecret
}

// newClient returns the client of c. Its error lists every mistake.
func newClient(c Client, now func() time.Time, s *server) (*client, error) {
	var errs []error
	mistake := func(format string, args ...any) { errs = append(errs, fmt.Errorf("oauth: Client: "+format, args...)) }
	hasKey, err := openid.CheckKey(c.Key)
	if err != nil {
		mistake("Key: %w", err)
	}
	if c.ID == "" {
		mistake("ID is empty")
	}
	for _, b := range []byte(c.ID) {
		if b < ' ' || b > '~' { // RFC 6749, appendix A.1
			mistake("ID has a character that is no printable ASCII")
			break
		}
	}
	hasSecret := len(c.Secret) > 0
	if s.appleTeam != "" {
		if err == nil {
			errs = append(errs, checkApple(c, hasKey))
		}
		return &client{id: c.ID, auth: appleSecret, key: c.Key, now: now, appleTeam: s.appleTeam}, errors.Join(errs...)
	}
	if hasSecret && hasKey {
		mistake("Secret and Key: a client has one of them")
	}
	if c.Auth == "" && hasKey {
		c.Auth = PrivateKeyJWT
	} else if c.Auth == "" && !hasSecret {
		c.Auth = None
	}
	switch c.Auth {
	case "":
	case Basic, Post:
		if !hasSecret {
			mistake("Auth %q needs a Secret", c.Auth)
		}
	case PrivateKeyJWT:
		if !hasKey {
			mistake("Auth %q needs a Key", c.Auth)
		}
	case None:
		if hasSecret || hasKey {
			mistake("Auth %q ignores the Secret or Key", c.Auth)
		}
	default:
		mistake("there is no Auth %q", c.Auth)
	}
	return &client{id: c.ID, auth: c.Auth, secret: secret.New(string(c.Secret)), key: c.Key, now: now}, errors.Join(errs...)
}

// authenticate adds what proves the client to a request: to its header or its form.
// audience is who an assertion is for.
func (c *client) authenticate(h http.Header, form url.Values, m *metadata, audience string) error {
	auth := c.auth
	if auth == "" {
		auth = Basic
		if m.prefersPost {
			auth = Post
		}
	}
	switch auth {
	case Basic: // both are encoded as in a form first (RFC 6749, section 2.3.1)
		r := http.Request{Header: h}
		r.SetBasicAuth(url.QueryEscape(c.id), url.QueryEscape(c.secret.Reveal()))
		return nil
	case Post:
		form.Set("client_secret", c.secret.Reveal())
	case appleSecret:
		secret, err := c.appleSecret()
		if err != nil {
			return err
		}
		form.Set("client_secret", secret)
	case PrivateKeyJWT:
		assertion, err := c.assertion(audience)
		if err != nil {
			return err
		}
		form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
		form.Set("client_assertion", assertion)
	}
	form.Set("client_id", c.id)
	return nil
}

// assertion returns a token that proves the client (RFC 7523, section 3). Its audience
// is one string: several would prove the client to several servers (RFC 7523bis). Its
// type is JWT, as verifiers that check it expect, and not yet that of RFC 7523bis.
func (c *client) assertion(audience string) (string, error) {
	now := c.now().Unix()
	payload, err := json.Marshal(struct {
		Iss string `json:"iss"`
		Sub string `json:"sub"`
		Aud string `json:"aud"`
		Jti string `json:"jti"`
		Iat int64  `json:"iat"`
		Exp int64  `json:"exp"`
	}{c.id, c.id, audience, rand.Text(), now, now + int64(assertionLifetime/time.Second)})
	if err != nil {
		return "", err
	}
	return openid.Sign(c.key, payload)
}
