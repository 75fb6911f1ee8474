package oauth

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/field"
	"github.com/go-guard/guard/internal/localpath"
	"github.com/go-guard/guard/internal/refusal"
	"github.com/go-guard/guard/internal/strictjson"
)

// Begin starts a sign-in: it sends the browser to the provider (303). The query
// parameter next is where it goes after the sign-in: a path of this site of at most 2
// KiB, and not that of the callback. Any other next is ignored, and so is one whose cookie
// would make those of all pending sign-ins longer than 6 KiB; the browser then goes to "/".
//
// If the provider's metadata, or the endpoint for pushed requests (RFC 9126) where it
// requires them, cannot be reached, the answer is 503.
func (l *Login[C]) Begin() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			l.decision().Refuse(w, r, refusal.MethodNotAllowed(http.MethodGet))
			return
		}
		if err := l.begin(w, r, ""); err != nil {
			l.decision().Refuse(w, r, err)
		}
	})
}

// begin starts a sign-in, or the linking to an account.
func (l *Login[C]) begin(w http.ResponseWriter, r *http.Request, linkTo string) error {
	m, err := l.server.metadata(r.Context())
	if err != nil {
		return guard.Unavailable(err)
	}
	p := newPending(l.opts.Now())
	p.LinkTo = []byte(linkTo)
	if next, found := field.Query(r.URL.RawQuery, "next"); found == field.Present && l.isNext(next) {
		p.Next = next
	}
	form, err := l.authRequest(r, p)
	if err != nil {
		return err
	}
	if m.mustPush {
		if form, err = l.push(r.Context(), m, form); err != nil {
			return err
		}
	}
	if err := l.setCookies(w, r, p); err != nil {
		return err
	}
	h := w.Header()
	field.NoStore(h)
	h["Location"] = []string{withQuery(m.authorize, form)}
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// isNext reports whether next is a path of this site where a sign-in may end. The callback
// would answer 400. The path of the request is allowed: a page for those who are signed in
// may call Begin itself, and lead back to itself. Browsers remove the dots of a path,
// escaped ones too (WHATWG URL, section 4.4).
func (l *Login[C]) isNext(next string) bool {
	if len(next) > maxNext || !localpath.Is(next) {
		return false
	}
	u, err := url.Parse(next)
	return err == nil && path.Clean(u.Path) != l.callbackPath
}

// authRequest returns the parameters of an authentication request (OpenID Connect Core,
// section 3.1.2.1; RFC 7636, section 4.3), and notes in p what its answer must satisfy.
func (l *Login[C]) authRequest(r *http.Request, p *pending) (url.Values, error) {
	challenge := sha256.Sum256([]byte(p.Verifier))
	one := [...]string{
		"code", l.client.id, l.callback, p.State, base64.RawURLEncoding.EncodeToString(challenge[:]), "S256", strings.Join(l.opts.Scopes, " "), p.Nonce,
	} // in one allocation
	form := url.Values{
		"response_type": one[0:1:1], "client_id": one[1:2:2], "redirect_uri": one[2:3:3], "state": one[3:4:4],
		"code_challenge": one[4:5:5], "code_challenge_method": one[5:6:6],
	}
	if len(l.opts.Scopes) > 0 {
		form["scope"] = one[6:7:7]
	}
	if l.server.openID {
		form["nonce"] = one[7:8:8]
	} else {
		p.Nonce = ""
	}
	if l.opts.FormPost {
		form.Set("response_mode", "form_post")
	}
	if l.opts.KeepTokens {
		maps.Copy(form, l.server.offline)
	}
	if l.opts.Request == nil {
		return form, nil
	}
	request := l.opts.Request(r)
	if !l.server.openID && (request.MaxAge != 0 || len(request.ACRValues) > 0) {
		return nil, errors.New("oauth: MaxAge and ACRValues need OpenID Connect: Endpoints have no ID token that confirms them")
	}
	if request.MaxAge != 0 {
		seconds := max(int64(request.MaxAge/time.Second), 0)
		p.MaxAge = &seconds
		form.Set("max_age", strconv.FormatInt(seconds, 10))
	}
	if len(request.ACRValues) > 0 {
		p.ACR = request.ACRValues
		form.Set("acr_values", strings.Join(request.ACRValues, " "))
	}
	if request.Prompt != "" {
		form.Set("prompt", request.Prompt)
	}
	if request.LoginHint != "" {
		form.Set("login_hint", request.LoginHint)
	}
	return form, nil
}

// push sends the request to the provider first (RFC 9126, section 2), and returns the
// parameters that stand for it.
func (l *Login[C]) push(ctx context.Context, m *metadata, form url.Values) (url.Values, error) {
	a, err := l.post(ctx, m, m.pushed, form)
	if err != nil {
		return nil, err
	}
	var pushed struct {
		RequestURI string `json:"request_uri"`
	}
	if a.status/100 != 2 {
		_, err := a.problem()
		return nil, err
	}
	if a.err != nil {
		return nil, guard.Unavailable(a.err)
	}
	if strictjson.Unmarshal(a.body, &pushed) != nil || pushed.RequestURI == "" {
		return nil, guard.Unavailable(errAnswerUnreadable)
	}
	return url.Values{"client_id": {l.client.id}, "request_uri": {pushed.RequestURI}}, nil
}
