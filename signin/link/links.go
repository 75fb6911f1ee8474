package link

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/field"
	"github.com/go-guard/guard/internal/httpsurl"
	"github.com/go-guard/guard/once"
)

// Options holds what has a safe default.
type Options struct {
	// OldKeys verify links that were issued before the key was replaced. After
	// Lifetime none is needed.
	OldKeys []guard.Secret
	// Once decides which request redeems, over all processes that share it. If nil, it is
	// a once.Memory of this process. Then, at several processes at once, one link can be
	// redeemed at each.
	Once once.Store
	// Lifetime is how long a link works, from a minute to 30 days. If 0, it is an hour.
	Lifetime time.Duration
	// Now is the clock. If nil, it is time.Now.
	Now func() time.Time
}

const (
	defaultLifetime = time.Hour
	minLifetime     = time.Minute
	maxLifetime     = 30 * 24 * time.Hour
	// leeway is how far the clocks of two processes may differ.
	leeway = time.Minute
)

// Links are the links of one purpose. They never change, and are safe for use by several
// goroutines. Use [New].
type Links struct {
	purpose
	keys   keys
	prefix string // the URL up to the token
}

// parameter is the name of the token in the query.
const parameter = "token"

// New returns the links of a purpose, such as "reset": 1 to 32 letters, digits, hyphens,
// underscores and dots. baseURL is the page that they lead to: https, or http on this
// host, with a query or without; the parameter "token" is added. key has 32 bytes or more
// from crypto/rand, the same in all processes. Other purposes may have the same key. opts
// may be nil. The error lists every mistake.
//
// state returns what the links of a subject are bound to: a text of any length that
// changes when they must end, and when one is redeemed. For a reset it is the password's
// hash and the credential epoch; for the confirmation of an address, the address and
// whether it is confirmed; for a sign-in, the epoch and a count of sign-ins by link. It is
// neither stored nor in a link. found is false for a subject that does not exist. An
// error is a failure of ours (503).
//
// A state that comes back within a Lifetime after it was redeemed is still spent: its new
// links are refused. The epoch and a count never come back. Whether an address is taken
// does, so give each such link a subject of its own: a random text beside the address.
func New(purpose, baseURL string, key guard.Secret, state func(ctx context.Context, subject string) (boundTo string, found bool, err error), opts *Options) (*Links, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	if o.Lifetime == 0 {
		o.Lifetime = defaultLifetime
	}
	var errs []error
	if o.Lifetime < minLifetime || o.Lifetime > maxLifetime {
		errs = append(errs, fmt.Errorf("link: a Lifetime of %v, want %v to %v", o.Lifetime, minLifetime, maxLifetime))
	}
	l := &Links{}
	var err error
	l.prefix, err = prefixOf(baseURL)
	errs = append(errs, err)
	l.purpose, err = newPurpose(purpose, "link "+l.prefix, state, o.Once, o.Lifetime, o.Now)
	errs = append(errs, err)
	l.refuse = invalidLink
	l.keys, err = newKeys(l.scope, append([]guard.Secret{key}, o.OldKeys...))
	if err := errors.Join(append(errs, err)...); err != nil {
		return nil, err
	}
	return l, nil
}

// prefixOf returns the URL of a link without its token.
func prefixOf(baseURL string) (string, error) {
	u, err := httpsurl.Parse(baseURL, false)
	if err != nil {
		return "", fmt.Errorf("link: baseURL: %w", err)
	}
	query, err := url.ParseQuery(u.RawQuery)
	switch {
	case err != nil:
		return "", errors.New("link: baseURL has a malformed query")
	case query.Has(parameter):
		return "", fmt.Errorf("link: baseURL %q has the parameter %q, which is added", baseURL, parameter)
	}
	if u.Path == "" {
		u.Path = "/"
	}
	if u.RawQuery = strings.TrimSuffix(u.RawQuery, "&"); u.RawQuery != "" {
		u.RawQuery += "&"
	}
	u.RawQuery += parameter + "="
	return u.String(), nil
}

// Issue returns the URL of a new link for a subject of 1 to 255 bytes. The link is for the
// mail alone: anyone who has it can redeem it, and read the subject in it.
//
// For a subject that does not exist the URL is empty, and there is no error: send nothing,
// and answer as if the mail were sent. The error is for guard.Refuse, and already reported
// to Observe: 503 if the state cannot be read.
func (l *Links) Issue(ctx context.Context, subject string) (url string, err error) {
	d := l.decision("issue")
	d.Subject = subject
	boundTo, found, err := l.issued(ctx, subject)
	if err != nil {
		return "", d.Deny(ctx, err)
	}
	text := l.keys.sign(subject, boundTo, l.now().Add(l.lifetime)) // the same cost for an unknown subject
	if !concludeIssue(ctx, d, found) {
		return "", nil
	}
	return l.prefix + text, nil
}

// Open returns the subject of a link, and changes nothing, however often it is called: it
// is for the GET of the page. Call [SetHeaders] first.
//
// The error is for guard.Refuse, and already reported to Observe: 400 with the cause
// [ErrInvalid] for a link that does not work, 503 if the state cannot be read. Open does
// not ask the store: a link is invalid after Redeem because the state has changed.
func (l *Links) Open(ctx context.Context, token string) (subject string, err error) {
	d := l.decision("")
	subject, _, err = l.verified(ctx, token)
	d.Subject = subject
	if err != nil {
		return "", d.Deny(ctx, err)
	}
	d.Outcome = guard.Allowed
	d.ReportTo(ctx)
	return subject, nil
}

// Redeem does what a link is for, once: it calls action with the subject. It is for a
// POST, with the token from the body.
//
// If action returns an error, such as the 422 of a refused password or that of a database,
// nothing is spent: Redeem returns that error, and the link works again. If it returns
// nil, all links of the state are spent, also those that are issued before it changes. So
// action must change the state; it is called for one request at a time. Its context does
// not end when the client leaves, but after 30 seconds.
//
// The state is read again right before action. It can change in another way while action
// runs, such as by someone who is signed in: an action that takes long, such as for a hash,
// reads what it replaces first, and replaces it by a compare-and-swap.
//
// The error is for guard.Refuse, and already reported to Observe: 400 with the cause
// [ErrInvalid] for a link that does not work, and for all but one of several requests at
// once; 503 if the state or the store fails; otherwise that of action.
//
// It is one round trip to the store before action, and one after it.
func (l *Links) Redeem(ctx context.Context, token string, action func(ctx context.Context, subject string) error) error {
	d := l.decision("redeem")
	subject, boundTo, err := l.verified(ctx, token)
	d.Subject = subject
	if err == nil {
		err = l.spend(ctx, d, boundTo, action)
	}
	if err != nil {
		return d.Deny(ctx, err)
	}
	d.Outcome = guard.Allowed
	d.ReportTo(ctx)
	return nil
}

// verified returns the subject of a link that works, and its state. With an error, the
// subject is that of a genuine link, or empty.
func (l *Links) verified(ctx context.Context, text string) (subject, boundTo string, err error) {
	t, ok := parse(text)
	if !ok {
		return "", "", invalidLink(errMalformed)
	}
	key, ok := l.keys.signer(&t)
	if !ok {
		return "", "", invalidLink(errForged)
	}
	subject = string(t.subject())
	left := t.expires().Sub(l.now())
	switch {
	case left <= 0:
		return subject, "", invalidLink(errExpired)
	case left > l.lifetime+leeway: // or Lifetime was longer then
		return subject, "", invalidLink(errFuture)
	}
	boundTo, found, err := l.stateOf(ctx, subject)
	switch {
	case err != nil:
		return subject, "", err
	case !found:
		return subject, "", invalidLink(errUnknownSubject)
	case !t.isBoundTo(key, boundTo):
		return subject, "", invalidLink(errState)
	}
	return subject, boundTo, nil
}

// SetHeaders sets the header fields that keep the token in the URL of a link's page secret.
// Referrer-Policy hides it from the pages and files that the page refers to, and
// Cache-Control keeps it out of caches. Call it first in the handler, so that refusals have
// the fields, too.
func SetHeaders(h http.Header) {
	h["Referrer-Policy"] = []string{"no-referrer"}
	field.NoStore(h)
}
