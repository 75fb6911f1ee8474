package dpop

import (
	"context"
	"crypto/subtle"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/keyset"
	"github.com/go-guard/guard/once"
)

// Proofs is the [guard.Binding] of tokens that are bound to a key by DPoP (RFC 9449).
// Make it with [New]. It never changes, and is safe for use by several goroutines.
type Proofs struct {
	target     target
	algorithms []*keyset.Algorithm
	challenge  string
	others     []string // challenges of other schemes
	nonces     *nonces  // nil: proofs need none
	store      once.Store
	shares     *shares
	tls        *Certificates // nil: bound to certificates are refused
	unbound    bool
	now        func() time.Time
	proofs     sync.Pool // of *proof
}

var _ guard.Binding = (*Proofs)(nil)

// Challenges implements [guard.Binding]. The challenge names the algorithms (RFC 9449,
// section 7.1).
func (p *Proofs) Challenges() []string { return append([]string{p.challenge}, p.others...) }

// Accepted implements [guard.Binding]: it sets the next nonce, and no-store, as a stored
// nonce would be stale (RFC 9449, section 8.2). A token endpoint calls it before it
// answers.
func (p *Proofs) Accepted(h http.Header) {
	if p.nonces != nil {
		h[nonceField] = []string{p.nonces.next(p.now())}
		h["Cache-Control"] = []string{"no-store"}
	}
}

// Confirm implements [guard.Binding].
func (p *Proofs) Confirm(r *http.Request, scheme, token, cnf string) error {
	dpop := strings.EqualFold(scheme, "DPoP")
	c, bad := parseConfirmation(cnf)
	switch {
	case bad != nil:
	case cnf == "" && (dpop || !p.unbound):
		bad = errNotBound
	case c.x5t != "" && p.tls == nil:
		bad = errOtherMethod
	case c.jkt != "" && !dpop: // RFC 9449, section 7.2
		bad = errAsBearer
	case c.jkt == "" && dpop:
		bad = errNotDPoP
	case c.x5t != "":
		bad = p.tls.check(r, c.x5t)
	}
	if bad != nil {
		return p.refuse(bad, http.StatusUnauthorized)
	}
	if c.jkt == "" {
		return nil
	}
	_, err := p.confirm(r, http.StatusUnauthorized, c.jkt, token)
	return err
}

// Key returns the thumbprint of the key of a proof (RFC 7638), for a token endpoint that
// binds the tokens it issues: it is the jkt of a [Confirmation]. found is false without a
// proof. Another proof than a valid one for this request is refused with 400 (RFC 9449,
// section 5).
//
// Call it after the client is authenticated, or behind a rate limit: a valid proof is
// remembered in Options.Once, and anyone can make one.
func (p *Proofs) Key(r *http.Request) (thumbprint string, found bool, err error) {
	if len(r.Header["Dpop"]) == 0 {
		return "", false, nil
	}
	key, err := p.confirm(r, http.StatusBadRequest, "", "")
	if err != nil {
		return "", false, err
	}
	return base64url.EncodeToString(key[:]), true, nil
}

// confirm checks the proof of a request, by the key with the thumbprint jkt and for the
// token, if they are not empty. status is that of a refusal.
func (p *Proofs) confirm(r *http.Request, status int, jkt, token string) (key digest, err error) {
	w, _ := p.proofs.Get().(*proof)
	if w == nil {
		w = new(proof)
	}
	defer func() {
		w.reset() // the pool must not hold the request
		p.proofs.Put(w)
	}()
	now := p.now()
	if bad := p.check(w, r, now, jkt, token); bad != nil {
		return digest{}, p.refuse(bad, status)
	}
	if wait := p.shares.take(w.thumb, now); wait > 0 {
		return digest{}, tooMany(wait)
	}
	first, err := p.spend(r.Context(), w)
	if !first {
		p.shares.giveBack(w.thumb)
	}
	switch {
	case err != nil:
		return digest{}, guard.Unavailable(err)
	case !first:
		return digest{}, p.refuse(errUsed, status)
	}
	return w.thumb, nil
}

// check returns why a proof is refused, whether it was used or not.
func (p *Proofs) check(w *proof, r *http.Request, now time.Time, jkt, token string) *reason {
	lines := r.Header["Dpop"]
	switch {
	case len(lines) == 0 || len(lines) == 1 && lines[0] == "":
		return errMissing
	case len(lines) > 1: // RFC 9449, section 4.3
		return errSeveral
	}
	if bad := w.parse(lines[0]); bad != nil {
		return bad
	}
	if bad := w.checkKey(p.algorithms); bad != nil {
		return bad
	}
	if jkt != "" && subtle.ConstantTimeCompare([]byte(base64url.EncodeToString(w.thumb[:])), []byte(jkt)) != 1 {
		return errOtherKey
	}
	if bad := w.verify(); bad != nil {
		return bad
	}
	if bad := w.check(&p.target, r, now); bad != nil {
		return bad
	}
	if token != "" {
		if bad := w.checkHash(token); bad != nil {
			return bad
		}
	} else if w.hasATH {
		return errNeedless
	}
	switch {
	case p.nonces == nil:
		return nil
	case !w.hasNCE:
		return errNoNonce
	}
	return p.nonces.check(w.nonce, now)
}

// spend remembers the proof as long as any process accepts it: a second longer, since
// iat may be a fraction.
func (p *Proofs) spend(ctx context.Context, w *proof) (first bool, err error) {
	return p.store.Take(ctx, once.Key("dpop", string(w.thumb[:]), string(w.jti)), w.iat.Add(maxAge+time.Second))
}
