package oauth

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/field"
	"github.com/go-guard/guard/internal/localpath"
	"github.com/go-guard/guard/internal/refusal"
	"github.com/go-guard/guard/internal/wiring"
	"github.com/go-guard/guard/once"
)

const (
	// leaseTime is longer than a request to the token endpoint takes.
	leaseTime    = callTimeout + waitForCall + 15*time.Second
	storeTimeout = 5 * time.Second // to spend a sign-in whose client has left
)

// Complete ends a sign-in: it serves the callback URL. It calls signIn with the identity
// that the provider states. signIn finds or makes the account of (Issuer, Subject), creates
// the session, such as by sessions.Create, and writes no response. With a LinkTo it adds
// the identity to that account instead: see [Login.Link]. If it returns nil, the browser
// goes to who.Next (303), which is the next of [Login.Begin] or "/". An error is answered
// by guard.Refuse; either way the sign-in is spent. Complete panics if signIn is nil.
//
// A callback without a pending sign-in in this browser, or a repeated one, is 400
// (signin_invalid). A person who declined gets 403 (signin_declined), another error of the
// provider is 400 and an answer that is not accepted 401 (signin_failed). If the provider
// cannot be reached, the answer is 503, and the same URL may be tried again unless its
// token endpoint answered with 2xx.
func (l *Login[C]) Complete(signIn func(w http.ResponseWriter, r *http.Request, who *Identity[C]) error) http.Handler {
	if signIn == nil {
		wiring.Panic("oauth", "the function of Complete is nil")
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Referrer-Policy"] = []string{"no-referrer"} // the URL has the code (RFC 9700, section 4.2.4)
		d := l.decision()
		who, err := l.complete(w, r)
		if who != nil {
			d.Subject = who.Subject
			if who.LinkTo != "" {
				d.Action = actionLink
			}
		}
		if err == nil {
			err = signIn(w, l.withoutSite(r), who)
		}
		if err != nil {
			d.Refuse(w, r, err)
			return
		}
		d.Action, d.Outcome = "", guard.Allowed // no action: signIn did it, or began another factor
		d.Report(r)
		next := "/"
		if localpath.Is(who.Next) {
			next = who.Next
		}
		h := w.Header()
		field.NoStore(h)
		h["Location"] = []string{next}
		w.WriteHeader(http.StatusSeeOther)
	})
}

// withoutSite returns the request for the function of Complete. That of form_post comes from
// the provider's site, and sessions.Create would refuse it, though its cookie and its state
// have shown that this browser began the sign-in here.
func (l *Login[C]) withoutSite(r *http.Request) *http.Request {
	if !l.opts.FormPost {
		return r
	}
	r = r.WithContext(r.Context())
	r.Header = r.Header.Clone()
	r.Header.Del("Origin")
	r.Header.Del("Sec-Fetch-Site")
	return r
}

// complete returns who signed in, and clears the cookie of a sign-in that is spent.
func (l *Login[C]) complete(w http.ResponseWriter, r *http.Request) (*Identity[C], error) {
	c, err := l.callbackOf(w, r)
	if err != nil {
		return nil, err
	}
	p, err := l.pendingOf(r, c.state)
	if err != nil {
		return nil, invalid(err)
	}
	who, spent, err := l.spend(r.Context(), p, c)
	if spent {
		l.clear(w, p.id())
	}
	if who != nil && l.server.appleTeam != "" {
		who.FirstName, who.LastName = appleName(c.user)
	}
	return who, err
}

// A callback is the parameters of an authentication response (RFC 6749, section 4.1.2;
// RFC 9207).
type callback struct {
	state, code, failure, iss string
	hasIss                    bool
	user                      string // Apple's
}

// callbackOf reads the parameters. Each may occur once.
func (l *Login[C]) callbackOf(w http.ResponseWriter, r *http.Request) (*callback, error) {
	method, text := http.MethodGet, r.URL.RawQuery
	if l.opts.FormPost {
		method = http.MethodPost
	}
	if r.Method != method {
		return nil, refusal.MethodNotAllowed(method)
	}
	if l.opts.FormPost {
		var err error
		if text, err = readForm(w, r, invalid); err != nil {
			return nil, err
		}
	}
	values, err := parametersOf(text, invalid)
	if err != nil {
		return nil, err
	}
	return &callback{
		state: values.Get("state"), code: values.Get("code"), failure: values.Get("error"), iss: values.Get("iss"), hasIss: values.Has("iss"),
		user: values.Get("user"),
	}, nil
}

// spend spends a pending sign-in, over all processes. spent is false while it can still
// be completed: by another request, or after an outage.
func (l *Login[C]) spend(ctx context.Context, p *pending, c *callback) (who *Identity[C], spent bool, err error) {
	m, err := l.server.metadata(ctx)
	if err != nil {
		return nil, false, guard.Unavailable(err)
	}
	lease, state, err := l.opts.Once.Acquire(ctx, once.Key("guard signin/oauth", l.sealedAs, p.State), leaseTime)
	switch {
	case err != nil:
		return nil, false, guard.Unavailable(err)
	case state == once.Done:
		return nil, true, invalid(errSpent)
	case state != once.First:
		return nil, false, invalid(errBusy)
	}
	// Also if the client leaves: whether the code is spent must be known.
	g, spent, err := l.redeem(context.WithoutCancel(ctx), m, p, c)
	if ended := l.endLease(ctx, lease, spent, p); ended != nil {
		return nil, spent, ended
	}
	if err != nil {
		return nil, spent, err
	}
	who, err = l.identify(ctx, m, p, g)
	if err != nil {
		return nil, true, err
	}
	return who, true, nil
}

// endLease commits or releases the lease, also if the client has left.
func (l *Login[C]) endLease(ctx context.Context, lease once.Lease, spent bool, p *pending) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	if !spent {
		_ = l.opts.Once.Release(ctx, lease) // or else it runs out
		return nil
	}
	switch err := l.opts.Once.Commit(ctx, lease, p.expires()); {
	case errors.Is(err, once.ErrLost): // another request may have signed in with it
		return invalid(errSpent)
	case err != nil:
		return guard.Unavailable(err)
	}
	return nil
}

// redeem checks the provider's answer, and exchanges its code.
func (l *Login[C]) redeem(ctx context.Context, m *metadata, p *pending, c *callback) (g *grant, spent bool, err error) {
	switch {
	case !c.hasIss && m.announcesIssuer: // errors have it, too (RFC 9207, section 2)
		return nil, true, failed(errIssuerMissing)
	case c.hasIss && !l.server.isIssuer(c.iss):
		return nil, true, failed(errIssuerOther)
	case c.failure != "" && c.code != "":
		return nil, true, invalid(errCodeAndError)
	case c.failure == "access_denied", c.failure != "" && c.failure == l.server.declined:
		return nil, true, declined()
	case c.failure != "":
		return nil, true, unsuccessful(namedError("the authorization endpoint", c.failure))
	case c.code == "":
		return nil, true, invalid(errNoCode)
	}
	return l.exchange(ctx, m, p, c.code)
}
