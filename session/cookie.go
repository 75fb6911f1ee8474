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
		Secure: true, HttpOnly: true, SameSite: o.SameSite, Partitioned: o.Partitioned && !o.InsecureCookie,
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
		_, ours := tokenIn(line, m.cookie.Name)
		return ours
	})
	h["Set-Cookie"] = append(lines, c.String())
	if token == "" {
		m.device.clear(w)
	}
	field.NoStore(h)
	if !slices.Contains(h["Vary"], "Cookie") {
		h.Add("Vary", "Cookie")
	}
}

// maxAge returns the seconds until the session ends, or 0, which is no Max-Age, if
// the cookie ends with the browser.
func (m *Manager[D]) maxAge(s *Session[D]) int {
	if l := &s.state().login; l.lifetime == 0 || l.step != "" {
		return 0
	}
	left := s.state().deadline.Sub(m.now())
	return max(1, int((left+time.Second-1)/time.Second))
}

// tokenIn returns the token in a line of Set-Cookie; ours is false if the line does not
// set the named cookie.
func tokenIn(line, name string) (token string, ours bool) {
	rest, ours := strings.CutPrefix(line, name+"=")
	token, _, _ = strings.Cut(rest, ";")
	return token, ours
}
