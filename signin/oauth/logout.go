package oauth

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/field"
	"github.com/go-guard/guard/internal/httpsurl"
	"github.com/go-guard/guard/internal/localpath"
	"github.com/go-guard/guard/internal/refusal"
	"github.com/go-guard/guard/internal/wiring"
)

// maxLogoutURL bounds the URL that has an ID token: many servers read a request line of
// 8 KiB.
const maxLogoutURL = 8000

// Logout signs a browser out here, and then at the provider (OpenID Connect RP-Initiated
// Logout 1.0). It answers a POST. end ends the session, as sessions.Destroy does, which
// also refuses requests of other sites; it writes no response, and returns the
// [Identity.IDToken] that the session has. Without one, or with one of another provider or
// client, the provider gets the client_id, and may ask the person before it signs out. The
// pending sign-ins of the browser end, too, and so does what [Login.Link] began.
//
// The browser goes to the provider (303), which sends it on to Options.PostLogoutURL. It
// goes there directly if the provider has no end_session_endpoint, with Endpoints, where
// the error of end is a 401 (there was no session), and while the metadata
// cannot be fetched: the session here has ended, and the failure is reported. Any other
// error of end is answered by guard.Refuse.
//
// If the page with the form has a Content-Security-Policy with form-action, it must list
// the provider.
func (l *Login[C]) Logout(end func(w http.ResponseWriter, r *http.Request) (idToken string, err error)) http.Handler {
	if end == nil {
		wiring.Panic("oauth", "the function of Logout is nil")
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Referrer-Policy"] = []string{"no-referrer"}
		d := l.decision()
		d.Action = "sign-out"
		if r.Method != http.MethodPost {
			d.Refuse(w, r, refusal.MethodNotAllowed(http.MethodPost))
			return
		}
		location := l.afterLogout
		switch idToken, err := end(w, r); {
		case isUnauthorized(err):
			l.clearAll(w, r)
		case err != nil:
			d.Refuse(w, r, err)
			return
		default:
			l.clearAll(w, r)
			m, err := l.server.metadata(r.Context())
			d.Action, d.Outcome = "", guard.Allowed // no action: end did it
			if idToken != "" && !l.isForUs(idToken) {
				idToken, d.Reason = "", errHint.Error()
			}
			switch {
			case err == nil && m.endSession != "":
				location = l.endSessionURL(m, idToken)
			case err != nil && r.Context().Err() == nil: // or else the client has left
				d.Action, d.Outcome, d.Reason, d.Err = "sign-out", guard.Failed, err.Error(), err
			}
			d.Report(r)
		}
		h := w.Header()
		field.NoStore(h)
		h["Location"] = []string{location}
		w.WriteHeader(http.StatusSeeOther)
	})
}

// isUnauthorized reports whether err is a 401.
func isUnauthorized(err error) bool {
	if e, ok := errors.AsType[*guard.Error](err); ok && e != nil {
		return e.Status == http.StatusUnauthorized
	}
	return errors.Is(err, guard.ErrNoCredentials)
}

// isForUs reports whether an ID token is of this provider and client: that of a session
// with another provider is not for this one to see. It was verified at the sign-in, and
// may have expired since.
func (l *Login[C]) isForUs(idToken string) bool {
	_, payload := segments(idToken)
	var c struct {
		Issuer   string          `json:"iss"`
		Audience json.RawMessage `json:"aud"`
	}
	if json.Unmarshal(payload, &c) != nil || !slices.Contains(audienceOf(c.Audience), l.client.id) {
		return false
	}
	if l.server.isTenant != nil {
		return l.server.isTenant(c.Issuer)
	}
	return c.Issuer == l.server.issuer
}

// endSessionURL returns the URL of a logout request (RP-Initiated Logout 1.0, section 2).
func (l *Login[C]) endSessionURL(m *metadata, idToken string) string {
	form := url.Values{"post_logout_redirect_uri": {l.opts.PostLogoutURL}}
	if idToken != "" {
		form.Set("id_token_hint", idToken)
		if to := withQuery(m.endSession, form); len(to) <= maxLogoutURL {
			return to
		}
		form.Del("id_token_hint")
	}
	form.Set("client_id", l.client.id)
	return withQuery(m.endSession, form)
}

// setPostLogoutURL sets where browsers go after a logout.
func (l *Login[C]) setPostLogoutURL() error {
	o, origin := &l.opts, originOf(l.callback)
	if o.PostLogoutURL == "" {
		o.PostLogoutURL = origin + "/" // New reports a callbackURL without an origin
	} else if _, err := httpsurl.Parse(o.PostLogoutURL, o.InsecureHTTP); err != nil {
		return fmt.Errorf("oauth: PostLogoutURL: %w", err)
	}
	l.afterLogout = o.PostLogoutURL
	if path, ok := strings.CutPrefix(o.PostLogoutURL, origin); ok && localpath.Is(path) {
		l.afterLogout = path
	}
	return nil
}
