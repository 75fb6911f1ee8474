package dpop

import (
	"context"
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

var _ guard.Binding = (*Proofs)(nil) // and a refresh.Proofs

// Challenges implements [guard.Binding]. The challenge names the algorithms (RFC 9449,
// section 7.1).
func (p *Proofs) Challenges() []string { return append([]string{p.challenge}, p.others...) }

// Accepted implements [guard.Binding]: it sets the next nonce, and no-store, as a stored
// nonce would be stale (RFC 9449, section 8.2). A token endpoint calls it before it
// answers.
func (p *Proofs) Accepted(h http.Header) {
	if p.nonces != nil {
		fields := []string{p.nonces.next(p.now()), "no-store"} // in one allocation
		h[nonceField], h["Cache-Control"] = fields[:1:1], fields[1:]
	}
}

// Confirm implements [guard.Binding]. The Code of a refusal is token_invalid,
// invalid_dpop_proof or use_dpop_nonce (401), and rate_limited (429) for a key that has
// used its Options.MaxPerKey.
func (p *Proofs) Confirm(r *http.Request, scheme, token, cnf string) error {
	w := p.proof()
	defer p.put(w)
	bad := p.checkToken(w, r, scheme, cnf)
	if bad != nil {
		return p.refuse(bad, http.StatusUnauthorized)
	}
	if len(w.cnf.jkt) == 0 {
		return nil
	}
	return p.confirm(w, r, http.StatusUnauthorized, token)
}

// checkToken returns why a token is refused, before its proof is read.
func (p *Proofs) checkToken(w *proof, r *http.Request, scheme, cnf string) *reason {
	bad := w.cnf.parse(cnf)
	isDPoP, hasKey, hasCertificate := strings.EqualFold(scheme, "DPoP"), len(w.cnf.jkt) > 0, len(w.cnf.x5t) > 0
	switch {
	case bad != nil:
		return bad
	case cnf == "" && (isDPoP || !p.unbound):
		return errNotBound
	case hasCertificate && p.tls == nil:
		return errOtherMethod
	case hasKey && !isDPoP: // RFC 9449, section 7.2
		return errAsBearer
	case !hasKey && isDPoP:
		return errNotDPoP
	case hasCertificate:
		return p.tls.check(r, w.cnf.x5t)
	}
	return nil
}

// Key returns the thumbprint of the key of a proof (RFC 7638), for a token endpoint that
// binds the tokens it issues: it is the jkt of a [Confirmation]. found is false without a
// proof. A proof that is not valid for this request is refused with 400, invalid_dpop_proof
// or use_dpop_nonce (RFC 9449, section 5), and one above Options.MaxPerKey with 429. A
// failure of the store is 503.
//
// Call it after the client is authenticated, or behind a rate limit: a valid proof is
// remembered in Options.Once, and anyone can make one.
func (p *Proofs) Key(r *http.Request) (thumbprint string, found bool, err error) {
	if len(r.Header["Dpop"]) == 0 {
		return "", false, nil
	}
	w := p.proof()
	defer p.put(w)
	if err := p.confirm(w, r, http.StatusBadRequest, ""); err != nil {
		return "", false, err
	}
	return base64url.EncodeToString(w.thumb[:]), true, nil
}

// proof returns one for the caller to put back.
func (p *Proofs) proof() *proof {
	if w, ok := p.proofs.Get().(*proof); ok {
		return w
	}
	return new(proof)
}

func (p *Proofs) put(w *proof) {
	w.reset() // the pool must not hold the request
	p.proofs.Put(w)
}

// confirm checks the proof of a request: by the key of w.cnf and for the token, if they
// are not empty. status is that of a refusal.
func (p *Proofs) confirm(w *proof, r *http.Request, status int, token string) error {
	now := p.now()
	if bad := p.check(w, r, now, token); bad != nil {
		return p.refuse(bad, status)
	}
	if wait := p.shares.take(w.thumb, now); wait > 0 {
		return tooMany(wait)
	}
	first, err := p.spend(r.Context(), w)
	if !first {
		p.shares.giveBack(w.thumb)
	}
	switch {
	case err != nil:
		return guard.Unavailable(err)
	case !first:
		return p.refuse(errUsed, status)
	}
	return nil
}

// check returns why a proof is refused, whether it was used or not.
func (p *Proofs) check(w *proof, r *http.Request, now time.Time, token string) *reason {
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
	if len(w.cnf.jkt) > 0 && !w.thumb.is(w.cnf.jkt) {
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
