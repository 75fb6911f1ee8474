package session

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/field"
)

const (
	maxFlashes = 10
	maxFlash   = 1024
)

// Flash keeps a message for the next page that calls [Manager.Flashes], such as
// "Saved" before a redirect. It is kept with the client's session, or half sign-in; a
// client that has neither becomes a guest, see [Manager.Guest]. Of more than 10 messages,
// the oldest go. It must be called before the response is written.
//
// The error is for guard.Refuse: 403 for a request from another origin, 401 if the
// session ends meanwhile, 503 if the store is down, 500 for a text of more than 1024
// bytes.
func (m *Manager[D]) Flash(w http.ResponseWriter, r *http.Request, text string) error {
	return m.denyFlash(r, m.flash(w, r, text))
}

func (m *Manager[D]) denyFlash(r *http.Request, err error) error {
	return guard.Decision{Package: "session", Guard: "flash", Pattern: r.Pattern}.Deny(r.Context(), err)
}

func (m *Manager[D]) flash(w http.ResponseWriter, r *http.Request, text string) error {
	if err := m.checkOrigin(r); err != nil {
		return err
	}
	if len(text) > maxFlash {
		return fmt.Errorf("session: a flash message of %d bytes, want at most %d", len(text), maxFlash)
	}
	rec, _, found, err := m.visitor(w.Header(), r)
	if err != nil {
		return err
	}
	if !found {
		_, err := m.beginGuest(w, r, *new(D), &createOptions{login: plain, flashes: []string{text}}, nil)
		return err
	}
	_, found, err = m.changeFlashes(r, rec, func(list []string) []string { return append(list, text) })
	if err == nil && !found {
		return errUnknown.Clone()
	}
	return err
}

// Flashes returns the messages of [Manager.Flash], the oldest first, and removes them:
// of several requests, one gets each. They are text: HTML needs escaping, as
// html/template does. The response is not to be cached.
//
// The error is for guard.Refuse: 403 for a request from another origin, 503 if the
// store is down.
func (m *Manager[D]) Flashes(w http.ResponseWriter, r *http.Request) ([]string, error) {
	list, err := m.flashes(w, r)
	return list, m.denyFlash(r, err)
}

func (m *Manager[D]) flashes(w http.ResponseWriter, r *http.Request) ([]string, error) {
	if err := m.checkOrigin(r); err != nil {
		return nil, err
	}
	h := w.Header()
	if !slices.Contains(h["Vary"], "Cookie") {
		h.Add("Vary", "Cookie")
	}
	rec, _, found, err := m.visitor(h, r)
	if errors.Is(err, guard.ErrNoCredentials) { // bound to a device: the page to sign in is shown all the same
		return nil, nil
	}
	if err != nil || !found || !hasFlashes(rec.Data) {
		return nil, err
	}
	field.NoStore(h)
	list, _, err := m.changeFlashes(r, rec, func([]string) []string { return nil })
	return list, err
}

// changeFlashes changes the messages of a record and returns those before. found is
// false if the record is gone.
func (m *Manager[D]) changeFlashes(r *http.Request, rec Record, change func([]string) []string) (before []string, found bool, err error) {
	done, waited, err := m.turns.take(r.Context(), rec.ID, m.timeout)
	if err != nil {
		return nil, false, err
	}
	defer done()
	ctx, cancel := m.writeContext(r.Context())
	defer cancel()
	for i := range maxTries {
		if i > 0 || waited { // the record has changed
			if rec, found, err = m.store.Load(ctx, rec.Key); err != nil {
				return nil, false, unavailable("load", err)
			}
			if !found {
				return nil, false, nil
			}
		}
		data, list, err := splitFlashes(rec.Data)
		if err != nil {
			return nil, false, err
		}
		updated, err := m.store.Update(ctx, rec.Key, rec.Revision, joinFlashes(data, change(slices.Clone(list))))
		if err != nil {
			return nil, false, unavailable("update", err)
		}
		if updated {
			return list, true, nil
		}
	}
	return nil, false, unavailable("update", errContended)
}

// Messages are kept around the data, not in it, which may be any JSON. No data begins
// with this: encoding/json writes no space in front.
const flashPrefix = ` {"flash":[`

func hasFlashes(text string) bool { return strings.HasPrefix(text, flashPrefix) }

// splitFlashes returns the data of the application and the messages in [Record].Data.
func splitFlashes(text string) (data string, flashes []string, err error) {
	if !hasFlashes(text) {
		return text, nil, nil
	}
	var v struct {
		Flash []string        `json:"flash"`
		Data  json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		return "", nil, fmt.Errorf("session: decode flash messages: %w", err)
	}
	return string(v.Data), v.Flash, nil
}

func joinFlashes(data string, flashes []string) string {
	if flashes = bounded(flashes); len(flashes) == 0 {
		return data
	}
	list, _ := json.Marshal(flashes) // strings never fail
	return flashPrefix + string(list[1:]) + `,"data":` + data + `}`
}

// bounded returns the last messages.
func bounded(flashes []string) []string { return flashes[max(0, len(flashes)-maxFlashes):] }
