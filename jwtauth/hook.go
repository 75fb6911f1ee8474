package jwtauth

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/go-guard/guard/internal/issue"
	"github.com/go-guard/guard/internal/keyset"
	"github.com/go-guard/guard/internal/openid"
	"github.com/go-guard/guard/internal/testhook"
)

func init() {
	issue.Hook = func(issuer any) any { return issuer.(interface{ shared() any }).shared() }
	testhook.Token = func(token any, subject string, scopes []string) error {
		return token.(interface{ fill(string, []string) error }).fill(subject, scopes)
	}
	openid.Metadata = func(ctx context.Context, keys any) ([]byte, error) {
		text, err := keys.(*remoteKeys).keys.Metadata(ctx)
		return text, withPrefix(err)
	}
	openid.DiscoverAt = func(issuer string, names []string, opts any) any {
		r, err := keyset.DiscoverAt(issuer, names, opts.(*RemoteOptions).engine())
		return &remoteKeys{keys: r, err: withPrefix(err)}
	}
	openid.KeysFor = func(keys any, allowed func(string) bool) any { return keysFor{keys.(*remoteKeys), allowed} }
	openid.KeyName = func(key any) (alg, id string) {
		k := key.(Key)
		return k.alg.Name, k.id
	}
	openid.CheckKey = func(key any) (bool, error) { return key.(Key).checkAssertions() }
	openid.Sign = func(key any, payload []byte) (string, error) {
		k := key.(Key)
		header, err := encodeHeader("JWT", k)
		if err != nil {
			return "", err
		}
		return (&issuerKeySet{key: k, header: header}).sign(payload)
	}
}

// keysFor is the keys of a server that sign for some issuers.
type keysFor struct {
	*remoteKeys
	allowed func(issuer string) bool
}

func (k keysFor) source() (sourceKeys, error) {
	return sourceKeys{keys: k.keys.For(k.allowed), remote: true}, k.err
}

// checkAssertions returns why k cannot sign what proves a client to an authorization
// server. ok is false for the zero Key.
func (k Key) checkAssertions() (ok bool, err error) {
	switch {
	case k.err == nil && k.alg == nil:
		return false, nil
	case k.err != nil:
		return true, k.err
	case k.alg.Type == keyset.Symmetric, k.private() == nil:
		return true, errors.New("jwtauth: a client assertion needs a private key, and no HMAC")
	}
	return true, nil
}

// fill sets the unexported claims of a token for package guardtest.
func (t *Token[C]) fill(subject string, scopes []string) error {
	if subject == "" {
		return errors.New("a token needs a subject")
	}
	payload, err := json.Marshal(t.Claims)
	if err != nil {
		return err
	}
	t.subject, t.scopes, t.context = subject, slices.Clone(scopes), contextOf(payload)
	if mapped, ok := granterOf(&t.Claims); ok && len(scopes) == 0 {
		t.scopes = mapped.Scopes()
	}
	return nil
}

// shared returns the *issue.Issuer[C] for package refresh.
func (i *Issuer[C]) shared() any {
	return &issue.Issuer[C]{
		Sign:     i.sign,
		Deny:     i.deny,
		Sub:      func(token any) string { return token.(*Token[C]).sub() },
		Secrets:  i.keys.secrets,
		Name:     i.opts.Issuer,
		Audience: i.opts.Audience,
		Type:     i.opts.Type,
		Lifetime: i.opts.Lifetime,
		Now:      i.opts.Now,
	}
}

// deny denies IDs of the tokens of a subject, which is the sub claim, or empty if it
// is unknown. After the clock was set back, tokens may have been issued later than
// now: then it names no subject, as [Denylist] has it.
func (i *Issuer[C]) deny(ctx context.Context, until time.Time, subject string, ids ...string) error {
	if i.latest.Load() > i.opts.Now().Unix() {
		subject = ""
	}
	if subject != "" {
		subject = i.verifier.issuers[0].subjects + subject
	}
	return i.opts.Denylist.Deny(ctx, until, subject, ids...)
}

// noteIssue notes the iat of a token, in Unix seconds.
func (i *Issuer[C]) noteIssue(iat int64) {
	for latest := i.latest.Load(); iat > latest && !i.latest.CompareAndSwap(latest, iat); latest = i.latest.Load() {
	}
}
