package refresh

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/go-guard/guard/internal/issue"
	"github.com/go-guard/guard/jwtauth"
)

// A Refresher issues pairs of an access token, with the private claims C, and a
// refresh token. Its settings never change, and it is safe for use by several
// goroutines.
type Refresher[C any] struct {
	issuer    *issue.Issuer[C]
	verifier  *jwtauth.Verifier[C]
	challenge string
	reload    func(ctx context.Context, subject string, login map[string]any) (C, bool, error)
	opts      Options
	scope     string // precedes subjects in the Store
	keys      *keyring
	origins   *http.CrossOriginProtection // nil without Options.Cookie

	unanswered unanswered
}

// New returns a Refresher for logins whose access tokens are the issuer's. It
// calls reload at every refresh, and at a login without StartOptions.Claims, for the
// claims of a subject, so that the next token has a changed role. The login is that of
// [StartOptions]. If reload reports found == false, because the subject was deleted or
// disabled, the login ends. An error of reload is our own failure, unless it is a
// *guard.Error, and ends no login. opts may be nil. The error of New lists every mistake.
func New[C any](issuer *jwtauth.Issuer[C], reload func(ctx context.Context, subject string, login map[string]any) (claims C, found bool, err error), opts *Options) (*Refresher[C], error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	var errs []error
	if reload == nil {
		errs = append(errs, errors.New("refresh: New needs a function that reloads claims"))
	}
	if issuer == nil {
		errs = append(errs, errors.New("refresh: New needs an Issuer"), o.complete(0))
		return nil, errors.Join(errs...)
	}
	i := issue.From[C](issuer)
	scope := scopeOf(i.Name, i.Type, i.Audience)
	keys, err := newKeyring(&o, i.Secrets, scope)
	if errs = append(errs, o.complete(i.Lifetime), err); errors.Join(errs...) != nil {
		return nil, errors.Join(errs...)
	}
	o.Key, o.PreviousKeys = nil, nil // the derived keys are enough
	origins, _ := o.origins()        // complete reports its mistakes
	v := issuer.Verifier()
	return &Refresher[C]{
		issuer: i, verifier: v, challenge: v.Scheme().Challenge, reload: reload,
		opts: o, scope: scopeDigest(scope), keys: keys, origins: origins,
	}, nil
}

// now returns the time in whole milliseconds, as stores hold it.
func (r *Refresher[C]) now() time.Time { return r.issuer.Now().Truncate(time.Millisecond) }
