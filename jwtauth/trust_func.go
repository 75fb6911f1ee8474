package jwtauth

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/flight"
)

// Bounds of the issuers that a TrustFunc finds.
const (
	maxFound       = 10_000 // of each kind, known and unknown
	maxFoundCalls  = 8      // of each kind: strangers take none from known issuers
	foundTimeout   = 5 * time.Second
	foundFresh     = time.Minute
	foundInOutages = 5 * time.Minute
	foundPatience  = 100 * time.Millisecond
)

// foundIssuers are the issuers that VerifierOptions.TrustFunc finds. Those that it
// does not know are in a map of their own: tokens that anyone can write evict no
// known issuer.
type foundIssuers struct {
	find  func(ctx context.Context, iss string) (Trust, bool, error)
	check func(*issuerConfig) error // what a Verifier requires besides
	now   func() time.Time
	first *flight.Group[string, *issuerConfig] // calls for issuers that are not known
	again *flight.Group[string, *issuerConfig] // calls for known ones

	mu      sync.RWMutex
	known   map[string]foundIssuer
	unknown map[string]time.Time // since when
	named   map[string]string    // the known issuer of a Prefix, in lower case
}

// A foundIssuer is what TrustFunc returned at a time.
type foundIssuer struct {
	*issuerConfig
	at time.Time
}

func newFoundIssuers(o *VerifierOptions, check func(*issuerConfig) error) *foundIssuers {
	calls := flight.Options{Name: "jwtauth: TrustFunc", Timeout: foundTimeout, Max: maxFoundCalls}
	return &foundIssuers{
		find: o.TrustFunc, check: check, now: o.Now,
		first: flight.New[string, *issuerConfig](calls), again: flight.New[string, *issuerConfig](calls),
		known: map[string]foundIssuer{}, unknown: map[string]time.Time{}, named: map[string]string{},
	}
}

// get returns the issuer of a token that is not verified yet. Its error is pending,
// or our failure: while TrustFunc fails, or is busy, an issuer that it has
// returned shortly before is still used.
func (f *foundIssuers) get(ctx context.Context, iss []byte) (*issuerConfig, error) {
	now := f.now()
	last, isUnknown := f.lookup(iss, now)
	switch {
	case within(last.at, now, foundFresh):
		return last.issuerConfig, nil
	case isUnknown:
		return nil, pending{errNotTrusted}
	case !isIssuerURL(string(iss)):
		return nil, pending{errNotAsked}
	}
	calls := f.first
	if last.issuerConfig != nil {
		calls = f.again
	}
	name := string(iss) // a copy: the call may outlive the request, whose buffers others use then
	usable := within(last.at, now, foundInOutages)
	if usable { // the call goes on, and its answer is for later requests
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, foundPatience)
		defer cancel()
	}
	c, err := calls.Do(ctx, name, func(ctx context.Context) (*issuerConfig, error) {
		return f.ask(ctx, name, last.issuerConfig)
	})
	switch {
	case err == nil:
		return c, nil
	case err == errNotTrusted:
		return nil, pending{errNotTrusted} // it may be added
	case usable:
		return last.issuerConfig, nil
	}
	return nil, guard.Unavailable(err)
}

func (f *foundIssuers) lookup(iss []byte, now time.Time) (last foundIssuer, isUnknown bool) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	since, found := f.unknown[string(iss)]
	return f.known[string(iss)], found && within(since, now, foundFresh)
}

// within reports whether now is less than d after at. It is not where the clock was
// set back.
func within(at, now time.Time, d time.Duration) bool {
	return !now.Before(at) && now.Sub(at) < d
}

// ask calls TrustFunc. last is what it returned before, or nil.
func (f *foundIssuers) ask(ctx context.Context, iss string, last *issuerConfig) (*issuerConfig, error) {
	at := f.now() // before the call: its answer may be as old as this
	t, found, err := f.find(ctx, iss)
	if err == nil {
		err = ctx.Err() // too late: a later call may have another answer
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("jwtauth: TrustFunc: %w", err)
	case !found:
		f.add(iss, foundIssuer{at: at})
		return nil, errNotTrusted
	}
	if last != nil {
		t.Keys = fetchedKeys(last.Keys, t.Keys)
	}
	c, err := newIssuerConfig(t)
	c.found = true
	if err := errors.Join(err, checkFound(c, iss), f.check(c)); err != nil {
		return nil, fmt.Errorf("jwtauth: what TrustFunc returned for %q: %w", iss, err)
	}
	if other, ok := f.add(iss, foundIssuer{c, at}); !ok {
		return nil, fmt.Errorf("jwtauth: TrustFunc returned the Prefix %q for %q and for %q", c.Prefix, iss, other)
	}
	return c, nil
}

// checkFound requires what keeps the issuers of strangers apart.
func checkFound(c *issuerConfig, iss string) error {
	var errs []error
	if c.Issuer != iss {
		errs = append(errs, fmt.Errorf("jwtauth: Issuer is %q", c.Issuer))
	}
	if len(c.Audience) == 0 {
		errs = append(errs, errors.New("jwtauth: Audience is empty"))
	}
	if c.Prefix == "" && !c.InsecureSameSubjects {
		errs = append(errs, errors.New("jwtauth: Prefix is empty"))
	}
	return errors.Join(errs...)
}

// add remembers an issuer: an unknown one has no configuration. Where there are too
// many, any other is forgotten: it is asked for again. ok is false if another that may
// still be used has its Prefix.
func (f *foundIssuers) add(iss string, found foundIssuer) (other string, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if found.issuerConfig == nil {
		delete(f.known, iss)
		makeRoom(f.unknown, iss)
		f.unknown[iss] = found.at
		return "", true
	}
	if prefix := strings.ToLower(found.Prefix); prefix != "" {
		other = f.named[prefix]
		if last := f.known[other]; other != iss && within(last.at, found.at, foundInOutages) && strings.ToLower(last.Prefix) == prefix {
			return other, false
		}
		makeRoom(f.named, prefix)
		f.named[prefix] = iss
	}
	delete(f.unknown, iss)
	makeRoom(f.known, iss)
	f.known[iss] = found
	return "", true
}

// makeRoom makes room for key in m.
func makeRoom[V any](m map[string]V, key string) {
	if _, ok := m[key]; ok || len(m) < maxFound {
		return
	}
	for victim := range m {
		delete(m, victim)
		return
	}
}

// isIssuerURL reports whether iss is an issuer's identifier (RFC 8414, section 2) of
// a bounded length. Like TrustFunc, it is called for texts that anyone can write: a
// database fails where one is not UTF-8.
func isIssuerURL(iss string) bool {
	if len(iss) > maxIssuerBytes || !strings.HasPrefix(iss, "https://") || strings.ContainsFunc(iss, notInIssuerURL) {
		return false
	}
	u, err := url.Parse(iss)
	return err == nil && u.Host != ""
}

// notInIssuerURL reports whether c is not in a URI, which is ASCII (RFC 3986), or is
// the sign of credentials, a query or a fragment.
func notInIssuerURL(c rune) bool { return c <= ' ' || c > '~' || strings.ContainsRune("?#@", c) }
