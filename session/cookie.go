package session

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-guard/guard/internal/field"
)

// newCookie returns the cookie without a value. Browsers enforce the rules of
// its prefix (RFC 6265bis, section 4.1.3).
func newCookie(o *Options) http.Cookie {
	c := http.Cookie{
		Name: "__Host-" + o.Name, Path: "/", Domain: o.Domain,
		Secure: true, HttpOnly: true, SameSite: o.SameSite,
	}
	switch {
	case o.InsecureCookie:
		c.Name, c.Secure = o.Name, false
	case o.Domain != "":
		c.Name = "__Secure-" + o.Name
	}
	return c
}

// setCookie sets the cookie, or clears it if the token is empty. It replaces
// one that the same response has set before.
func (m *Manager[D]) setCookie(w http.ResponseWriter, token string, maxAge int) {
	c := m.cookie
	c.Value, c.MaxAge = token, maxAge
	if token == "" {
		c.MaxAge = -1 // net/http's way to write Max-Age=0
	}
	h := w.Header()
	lines := slices.DeleteFunc(slices.Clone(h["Set-Cookie"]), func(line string) bool {
		_, ours := m.tokenIn(line)
		return ours
	})
	h["Set-Cookie"] = append(lines, c.String())
	h["Cache-Control"] = []string{"no-store"}
	if !slices.Contains(h["Vary"], "Cookie") {
		h.Add("Vary", "Cookie")
	}
}

// maxAge returns the seconds until the session's absolute timeout, or 0, which
// is no Max-Age, if the cookie ends with the browser.
func (m *Manager[D]) maxAge(s *Session[D]) int {
	if !s.rec.Remember {
		return 0
	}
	left := s.rec.Created.Add(m.lifetime).Sub(m.now())
	return max(1, int((left+time.Second-1)/time.Second))
}

// tokenIn returns the token in a line of Set-Cookie; ours is false if the line
// sets another cookie.
func (m *Manager[D]) tokenIn(line string) (token string, ours bool) {
	rest, ours := strings.CutPrefix(line, m.cookie.Name+"=")
	token, _, _ = strings.Cut(rest, ";")
	return token, ours
}

// presented returns the client's token: the one that this response has set, or
// else the one that the request has sent.
func (m *Manager[D]) presented(w http.ResponseWriter, r *http.Request) (token string, s field.State) {
	for _, line := range w.Header()["Set-Cookie"] {
		if token, ours := m.tokenIn(line); ours && token != "" {
			return token, field.Present
		}
	}
	return field.RawCookie(r.Header, m.cookie.Name)
}
