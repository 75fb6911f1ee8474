package session

import (
	"net/http"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/field"
)

// CheckOrigin returns a 403 for a request that a browser sent from another origin,
// unless its method is safe or Options.TrustedOrigins has the origin: see
// [http.CrossOriginProtection]. The opening of a WebSocket is not safe. All methods
// that take a request check it. A login handler calls CheckOrigin first, before it
// reads the body.
func (m *Manager[D]) CheckOrigin(r *http.Request) error {
	return guard.Decision{Package: "session", Guard: "origin", Pattern: r.Pattern}.Deny(r.Context(), m.checkOrigin(r))
}

func (m *Manager[D]) checkOrigin(r *http.Request) error {
	if m.origins == nil {
		return nil
	}
	if err := field.CrossOrigin(m.origins, r); err != nil {
		return &guard.Error{Status: http.StatusForbidden, Code: codeCrossOrigin, Message: "Cross-origin request refused", Err: err}
	}
	return nil
}
