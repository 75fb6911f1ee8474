package jwtauth

import (
	"crypto/x509"
	"errors"
	"slices"

	"github.com/go-guard/guard/internal/issue"
	"github.com/go-guard/guard/internal/testhook"
)

func init() {
	issue.Hook = func(issuer any) any { return issuer.(interface{ shared() any }).shared() }
	testhook.Token = func(token any, subject string, scopes []string) error {
		return token.(interface{ fill(string, []string) error }).fill(subject, scopes)
	}
}

// fill sets the unexported claims of a token for package guardtest.
func (t *Token[C]) fill(subject string, scopes []string) error {
	if subject == "" {
		return errors.New("a token needs a subject")
	}
	t.subject, t.scopes = subject, slices.Clone(scopes)
	return nil
}

// shared returns the *issue.Issuer[C] for package refresh.
func (i *Issuer[C]) shared() any {
	return &issue.Issuer[C]{
		Sign:     i.sign,
		Deny:     i.opts.Denylist.Deny,
		Secrets:  func() ([][]byte, error) { return secretsOf(i.opts.Previous) },
		Name:     i.opts.Issuer,
		Audience: i.opts.Audience,
		Type:     i.opts.Type,
		Lifetime: i.opts.Lifetime,
		Now:      i.opts.Now,
	}
}

// secretsOf returns the secrets of the private keys among keys.
func secretsOf(keys []Key) ([][]byte, error) {
	var secrets [][]byte
	for _, k := range keys {
		switch private := k.private().(type) {
		case nil:
		case []byte:
			secrets = append(secrets, private)
		default:
			der, err := x509.MarshalPKCS8PrivateKey(private)
			if err != nil { // its text is omitted: it may quote the key
				return nil, errors.New("jwtauth: a private key of the issuer cannot be encoded")
			}
			secrets = append(secrets, der)
		}
	}
	return secrets, nil
}
