package interop

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/session"
)

// FromSCS carries the sessions of alexedwards/scs over: the first request with an old
// cookie gets a new session, in this request already, and the old one ends.
type FromSCS[D any] struct {
	Old *scs.SessionManager
	New *session.Manager[D]
	// Read returns the subject of an old session, "" if it is anonymous, and its data.
	Read func(ctx context.Context, old *scs.SessionManager) (subject string, data D)

	mu    sync.Mutex
	moves map[string]*move
}

// A move is the one of an old token. Other requests of the browser, in parallel with the
// first or shortly after it, get the same new cookie.
type move struct {
	first  sync.Once
	cookie *http.Cookie // nil if there is nothing to carry over
	err    error
}

// Wrap is the middleware. It belongs outside the guards, and outside LoadAndSave.
func (f *FromSCS[D]) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		old, err := r.Cookie(f.Old.Cookie.Name)
		if err == nil {
			_, err = f.New.Authenticate(r)
		}
		if !errors.Is(err, guard.ErrNoCredentials) || f.New.CheckOrigin(r) != nil {
			next.ServeHTTP(w, r) // no old cookie, or a new one, or a request of another site
			return
		}
		m := f.move(old.Value)
		m.first.Do(func() {
			m.cookie, m.err = f.carry(r, old.Value)
			wait := 10 * time.Second
			if m.cookie == nil {
				wait = 0
			}
			time.AfterFunc(wait, func() { f.forget(old.Value) })
		})
		if m.err != nil {
			guard.Refuse(w, r, m.err)
			return
		}
		if m.cookie != nil {
			http.SetCookie(w, m.cookie)
			f.Old.WriteSessionCookie(r.Context(), w, "", time.Time{}) // clears it
			w.Header().Set("Cache-Control", "no-store")
			r = r.Clone(r.Context())
			r.AddCookie(&http.Cookie{Name: m.cookie.Name, Value: m.cookie.Value})
		}
		next.ServeHTTP(w, r)
	})
}

func (f *FromSCS[D]) move(token string) *move {
	f.mu.Lock()
	defer f.mu.Unlock()
	m, found := f.moves[token]
	if !found {
		if f.moves == nil {
			f.moves = map[string]*move{}
		}
		m = &move{}
		f.moves[token] = m
	}
	return m
}

func (f *FromSCS[D]) forget(token string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.moves, token)
}

// carry creates the new session and ends the old one. It returns the new cookie.
func (f *FromSCS[D]) carry(r *http.Request, token string) (*http.Cookie, error) {
	ctx, err := f.Old.Load(context.WithoutCancel(r.Context()), token) // others wait for this request
	if err != nil {
		return nil, err
	}
	subject, data := f.Read(ctx, f.Old)
	rest := time.Until(f.Old.Deadline(ctx))
	if subject == "" || rest < time.Second {
		return nil, nil
	}
	w := headerOnly{}
	if _, err := f.New.Create(w, r.WithContext(ctx), subject, data, session.For(rest)); err != nil {
		return nil, err
	}
	cookie, err := http.ParseSetCookie(w.Header().Get("Set-Cookie"))
	if err != nil {
		return nil, err
	}
	if err := f.Old.Destroy(ctx); err != nil {
		return nil, err
	}
	return cookie, nil
}

// headerOnly keeps the header fields of an answer.
type headerOnly http.Header

func (h headerOnly) Header() http.Header       { return http.Header(h) }
func (headerOnly) Write(b []byte) (int, error) { return len(b), nil }
func (headerOnly) WriteHeader(int)             {}
