package oauth

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/flight"
	"github.com/go-guard/guard/once"
)

const (
	// minValid is how long the access token of Refresh is valid at least.
	minValid = time.Minute
	// A refresh has this long for load and the request, and storeTimeout more for save: it
	// ends before its lease does.
	refreshTime = leaseTime - storeTimeout
	// refreshWait is longer than the lease of a process that crashed.
	refreshWait  = leaseTime + 5*time.Second
	maxRefreshes = 256
	saveTries    = 3
)

// ErrEnded is the cause of the 401 of [Login.Refresh] where no refresh token is left, or
// the provider accepts it no longer: the person signs in again.
var ErrEnded = errors.New("oauth: the provider's tokens can no longer be refreshed")

func newRefreshes() *flight.Group[[32]byte, Tokens] {
	return flight.New[[32]byte, Tokens](flight.Options{
		Name: "oauth: the refresh", Timeout: refreshWait + leaseTime, Max: maxRefreshes, Wait: waitForCall,
	})
}

// Refresh returns tokens of the provider whose access token is valid for a minute or
// longer, or does not expire: those that load returns, or else new ones for their refresh
// token (RFC 6749, section 6). id names what load loads and save saves: the tokens of one
// account, for example. There is one refresh of an id at a time, over all processes that
// share Options.Once: others wait, and load what it saved.
//
// load returns all of the Tokens that were saved, and its error is returned. save stores
// new ones, which may have another refresh token, before they are used. It is called up to
// three times if it fails, also after ctx ended, and has five seconds as load has. If it
// still fails, the error is 503, and the tokens may be lost.
//
// Tokens that can no longer be refreshed are a *guard.Error, 401 (signin_ended), with the
// cause [ErrEnded]: remove them. If the provider is down, the error is 503, and what is
// saved stays. Scopes are never more than they were, and less where the provider says so.
// An ID token in the answer is ignored. To refresh a token that an API refused, save it
// with an ExpiresAt of the past first.
func (l *Login[C]) Refresh(ctx context.Context, id string, load func(context.Context) (Tokens, error), save func(context.Context, Tokens) error) (Tokens, error) {
	if id == "" || load == nil || save == nil {
		return Tokens{}, errors.New("oauth: Refresh needs an id, load and save")
	}
	t, err := load(ctx)
	if err != nil || l.isFresh(t) {
		return t, err
	}
	key := once.Key("guard signin/oauth refresh", l.server.issuer, l.client.id, id)
	t, err = l.refreshes.Do(ctx, key, func(ctx context.Context) (Tokens, error) { return l.refresh(ctx, key, load, save) })
	switch {
	case errors.Is(err, flight.ErrBusy):
		return Tokens{}, guard.Unavailable(err)
	case err != nil:
		return Tokens{}, err
	}
	return t.clone(), nil // others may share the result
}

// isFresh reports whether t needs no refresh.
func (l *Login[C]) isFresh(t Tokens) bool {
	return len(t.AccessToken) > 0 && (t.ExpiresAt.IsZero() || !t.ExpiresAt.Before(l.opts.Now().Add(minValid)))
}

// refresh refreshes the tokens of a key, or waits until another process has.
func (l *Login[C]) refresh(ctx context.Context, key [32]byte, load func(context.Context) (Tokens, error), save func(context.Context, Tokens) error) (Tokens, error) {
	pause := 50 * time.Millisecond
	for waited := time.Duration(0); waited < refreshWait; {
		lease, state, err := l.opts.Once.Acquire(ctx, key, leaseTime)
		switch {
		case err != nil:
			return Tokens{}, guard.Unavailable(err)
		case state == once.First:
			defer l.release(ctx, lease)
			return l.refreshAlone(ctx, load, save)
		case state != once.Busy:
			return Tokens{}, guard.Unavailable(errRefreshKey)
		}
		d := pause + rand.N(pause)
		if err := sleep(ctx, d); err != nil {
			return Tokens{}, err
		}
		waited += d
		pause = min(pause*3/2, 500*time.Millisecond)
		if t, err := load(ctx); err != nil || l.isFresh(t) {
			return t, err
		}
	}
	return Tokens{}, guard.Unavailable(errRefreshBusy)
}

// release ends a lease whose work may be done again.
func (l *Login[C]) release(ctx context.Context, lease once.Lease) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	_ = l.opts.Once.Release(ctx, lease) // or else it runs out
}

// sleep waits for d.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// refreshAlone is the refresh of who has the lease.
func (l *Login[C]) refreshAlone(ctx context.Context, load func(context.Context) (Tokens, error), save func(context.Context, Tokens) error) (Tokens, error) {
	ctx, cancel := context.WithTimeout(ctx, refreshTime)
	defer cancel()
	old, err := loadInTime(ctx, load)
	if err != nil || l.isFresh(old) { // another process has refreshed it
		return old, err
	}
	if len(old.RefreshToken) == 0 {
		return Tokens{}, ended(errNoRefreshToken)
	}
	g, err := l.exchangeRefresh(ctx, old)
	if errors.Is(err, ErrEnded) {
		// A process whose lease ran out may have used it, and saved what followed.
		if t, err := loadInTime(ctx, load); err == nil && l.isFresh(t) {
			return t, nil
		}
	}
	if err != nil {
		return Tokens{}, err
	}
	t := g.refreshed(old, l.opts.Now(), l.server)
	return t, saveNew(ctx, t, save)
}

// saveNew saves tokens that replace others, which may be invalid now.
func saveNew(ctx context.Context, t Tokens, save func(context.Context, Tokens) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	for try := 1; ; try++ {
		err := save(ctx, t.clone())
		if err == nil {
			return nil
		}
		if try == saveTries || sleep(ctx, 100*time.Millisecond) != nil {
			return guard.Unavailable(fmt.Errorf("oauth: refreshed tokens could not be saved: %w", err))
		}
	}
}

// loadInTime loads with a timeout: the refresh needs the rest of its time.
func loadInTime(ctx context.Context, load func(context.Context) (Tokens, error)) (Tokens, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	t, err := load(ctx)
	if err == nil && ctx.Err() != nil { // load ignored the timeout
		return Tokens{}, guard.Unavailable(ctx.Err())
	}
	return t, err
}

// exchangeRefresh sends the refresh token. Without a scope in the request, the scopes stay
// as they were granted.
func (l *Login[C]) exchangeRefresh(ctx context.Context, old Tokens) (*grant, error) {
	m, err := l.server.metadata(ctx)
	if err != nil {
		return nil, guard.Unavailable(err)
	}
	a, err := l.post(ctx, m, m.token, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {string(old.RefreshToken)}})
	var g *grant
	switch {
	case ctx.Err() != nil: // the lease ends soon
		return nil, guard.Unavailable(ctx.Err())
	case err != nil:
		return nil, err
	case a.status/100 != 2:
		_, err = a.problem()
	default:
		g, err = a.grant()
	}
	if errors.Is(err, errInvalidGrant) || errors.Is(err, errInteraction) {
		return nil, ended(errors.Unwrap(err))
	}
	return g, err
}

// ended is the 401 for tokens that can no longer be refreshed.
func ended(cause error) error {
	return &guard.Error{Status: http.StatusUnauthorized, Code: "signin_ended", Message: "Sign in again", Err: fmt.Errorf("%w: %w", ErrEnded, cause)}
}

// refreshed returns the tokens of an answer to a refresh. One without a refresh token
// keeps the old one (RFC 6749, section 6).
func (g *grant) refreshed(old Tokens, now time.Time, s *server) Tokens {
	t := g.tokens(now, old.Scopes, s)
	t.Scopes = slices.DeleteFunc(t.Scopes, func(scope string) bool { return !slices.Contains(old.Scopes, scope) })
	if t.RefreshToken == nil {
		t.RefreshToken = old.RefreshToken
	}
	return t.clone()
}

// clone returns a copy that shares nothing.
func (t Tokens) clone() Tokens {
	t.AccessToken, t.RefreshToken, t.Scopes = slices.Clone(t.AccessToken), slices.Clone(t.RefreshToken), slices.Clone(t.Scopes)
	return t
}
