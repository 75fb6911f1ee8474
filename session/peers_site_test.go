package session_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"net/http"
	"strings"
)

// copied is a site with the behaviour of other packages: the session is loaded
// before the handler, changed in memory, and saved as a whole when the first byte
// of the response is written through a wrapper.
type copied struct {
	stateless bool                  // gorilla: the session is its cookie
	sessions  map[[32]byte]loggedIn // by the token's hash
	down      bool
}

type loggedIn struct {
	N   int
	out bool
}

type copiedKey struct{}

// requestSession is the session of one request.
type requestSession struct {
	loggedIn
	token string
}

func newCopied(defect string) *copied {
	return &copied{stateless: strings.Contains(defect, "gorilla"), sessions: map[[32]byte]loggedIn{}}
}

func (c *copied) load(token string) (s loggedIn, found bool) {
	if c.stateless {
		_, err := fmt.Sscanf(token, "signed-%d", &s.N)
		return s, err == nil
	}
	s, found = c.sessions[sha256.Sum256([]byte(token))]
	return s, found
}

func (c *copied) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		cur := &requestSession{}
		if cookie, err := r.Cookie("session"); err == nil {
			cur.token = cookie.Value
			s, found := c.load(cur.token)
			if !found {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			cur.loggedIn = s
		}
		saving := &savingWriter{ResponseWriter: w, save: func() { c.save(w, cur) }}
		next.ServeHTTP(saving, r.WithContext(context.WithValue(r.Context(), copiedKey{}, cur)))
		if c.down {
			http.Error(w, "Internal Server Error", http.StatusInternalServerError)
		}
		saving.saveOnce()
	})
}

// save creates the session if it does not exist.
func (c *copied) save(w http.ResponseWriter, cur *requestSession) {
	cookie := &http.Cookie{Name: "session", Value: cur.token, Path: "/", HttpOnly: !c.stateless}
	switch key := sha256.Sum256([]byte(cur.token)); {
	case cur.token == "":
		return
	case cur.out:
		delete(c.sessions, key)
		cookie.MaxAge = -1
	case c.stateless:
		cookie.Value = fmt.Sprintf("signed-%d", cur.N)
	default:
		c.sessions[key] = cur.loggedIn
	}
	http.SetCookie(w, cookie)
}

// savingWriter is the wrapper. Unwrap lets Flush bypass it.
type savingWriter struct {
	http.ResponseWriter
	save func()
	done bool
}

func (w *savingWriter) saveOnce() {
	if !w.done {
		w.done = true
		w.save()
	}
}

func (w *savingWriter) Write(b []byte) (int, error) {
	w.saveOnce()
	return w.ResponseWriter.Write(b)
}

func (w *savingWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func of(r *http.Request) *requestSession { return r.Context().Value(copiedKey{}).(*requestSession) }

func (c *copied) login(_ http.ResponseWriter, r *http.Request)  { of(r).token = rand.Text() }
func (c *copied) logout(_ http.ResponseWriter, r *http.Request) { of(r).out = true }
func (c *copied) count(r *http.Request) int                     { return of(r).N }
func (c *copied) fail()                                         { c.down = true }

func (c *copied) add(_ http.ResponseWriter, r *http.Request, meanwhile func()) {
	n := of(r).N
	meanwhile()
	of(r).N = n + 1
}

// logoutEverywhere deletes the hashes of the hashes of the tokens: iterating
// yields hashes, and the store hashes them again.
func (c *copied) logoutEverywhere() {
	for key := range c.sessions {
		delete(c.sessions, sha256.Sum256(key[:]))
	}
}
