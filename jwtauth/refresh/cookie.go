package refresh

import (
	"errors"
	"net/http"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/field"
	"github.com/go-guard/guard/internal/refusal"
	"github.com/go-guard/guard/jwtauth"
)

func (r *Refresher[C]) cookieName() string {
	if r.opts.InsecureCookie {
		return "refresh"
	}
	return "__Host-refresh"
}

// newCookie returns the cookie of Options.Cookie. Browsers enforce the rules of its
// prefix (RFC 6265bis, section 4.1.3): no other host and no subdomain can set it.
func (r *Refresher[C]) newCookie(refreshToken string, maxAge int) *http.Cookie {
	return &http.Cookie{
		Name: r.cookieName(), Value: refreshToken, Path: "/", MaxAge: maxAge,
		Secure: !r.opts.InsecureCookie, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	}
}

// pair returns the response to a login or refresh. With Options.Cookie, the refresh
// token is in the cookie alone, until the login's end.
func (r *Refresher[C]) pair(access, kind string, lifetime time.Duration, t token) *jwtauth.Tokens {
	tokens := &jwtauth.Tokens{AccessToken: access, ExpiresIn: lifetime, Type: kind}
	if refreshToken := r.keys.seal(t); r.opts.Cookie {
		left := t.expires.Sub(r.now())
		tokens.Cookie = r.newCookie(refreshToken, max(1, int((left+time.Second-1)/time.Second)))
	} else {
		tokens.RefreshToken = refreshToken
	}
	return tokens
}

// checkOrigin refuses a request that a browser sent from an origin that is neither
// the same nor in Options.TrustedOrigins: browsers send the cookie unasked.
func (r *Refresher[C]) checkOrigin(req *http.Request) error {
	if r.origins != nil && field.CrossOrigin(r.origins, req) != nil {
		return refusal.CrossSite("refresh")
	}
	return nil
}

// clearDead clears the cookie of a request whose refusal is final. A failure of ours
// clears nothing, nor does a token that was used within the grace period: the
// browser has its successor, or soon gets it. A request without the cookie may be
// late, and that of a new login is there by now.
func (r *Refresher[C]) clearDead(w http.ResponseWriter, req *http.Request, err error) {
	if _, state := field.RawCookie(req.Header, r.cookieName()); state != field.Absent && isFinal(err) {
		r.clearCookie(w)
	}
}

// clearCookie does nothing without Options.Cookie.
func (r *Refresher[C]) clearCookie(w http.ResponseWriter) {
	if r.opts.Cookie {
		http.SetCookie(w, r.newCookie("", -1)) // net/http's way to write Max-Age=0
	}
}

// isFinal reports whether err refuses a refresh token that no later request can use.
func isFinal(err error) bool {
	e, ok := errors.AsType[*guard.Error](err)
	if !ok || e.Status >= http.StatusInternalServerError {
		return false
	}
	switch e.Err {
	case errForged, errNoToken, errExpired, errEnded, errNoSubject:
		return true
	}
	_, reused := e.Err.(*ReuseError)
	return reused
}
