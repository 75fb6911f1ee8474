package session

import (
	"net/http"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/field"
	"github.com/go-guard/guard/internal/localpath"
	shared "github.com/go-guard/guard/internal/refusal"
	"github.com/go-guard/guard/internal/wiring"
)

// LogoutHandler answers a POST with [Manager.Destroy], and needs no authentication step.
// A browser is redirected (303) to next, a path of this site such as "/login", and its
// cookie is cleared, whether or not a session was left to end. Programs get 204, and
// 401 without a cookie. Other errors are those of Destroy: the session may be alive
// then.
func (m *Manager[D]) LogoutHandler(next string) http.Handler {
	if !localpath.Is(next) {
		wiring.Panic("session", "LogoutHandler(%q): write a path of this site, such as \"/login\"", next)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			guard.Refuse(w, r, shared.MethodNotAllowed(http.MethodPost))
			return
		}
		browser := isBrowser(r)
		subject, err := m.destroy(w, r)
		if browser && isRefusal(err) { // without a cookie there is nothing to end
			m.setCookie(w, "", 0)
			err = nil
		}
		if err = conclude(r, guard.Decision{Action: "sign-out", Subject: subject}, err); err != nil {
			guard.Refuse(w, r, err)
			return
		}
		if browser {
			http.Redirect(w, r, next, http.StatusSeeOther)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
}

// isBrowser reports whether r is a form, or a page is the answer that it expects. A
// script's fetch of a text has the type text/plain, which a form may have, too: only
// Sec-Fetch-Mode shows that one.
func isBrowser(r *http.Request) bool {
	kind := field.MediaType(r.Header.Get("Content-Type"))
	if kind == "application/x-www-form-urlencoded" || kind == "multipart/form-data" || r.Header.Get("Sec-Fetch-Mode") == "navigate" {
		return true
	}
	for _, line := range r.Header["Accept"] {
		if field.ContainsFold(line, "text/html") {
			return true
		}
	}
	return false
}
