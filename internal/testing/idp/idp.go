// Package idp is an authorization server in memory, for tests of remote keys.
package idp

import (
	"cmp"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// The server's addresses.
const (
	Issuer  = "https://idp.example"
	JWKSURL = Issuer + "/jwks"
)

// A Server answers requests as an http.RoundTripper, without a network. Once it
// is in use, its fields may be changed in Set only. It is safe for concurrent
// use.
type Server struct {
	Answers  map[string]string // bodies by escaped path
	Missing  int               // status of other paths; if 0, it is 404
	Header   http.Header       // of every answer
	Status   int               // of every answer, if not 0
	Redirect bool              // redirects every request
	Down     error             // fails every request, if not nil
	Delay    time.Duration     // before every answer

	mu    sync.Mutex
	paths []string
}

// RoundTrip implements http.RoundTripper.
func (s *Server) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	delay := s.Delay
	s.mu.Unlock()
	if delay > 0 {
		select {
		case <-time.After(delay):
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	path := r.URL.EscapedPath()
	s.paths = append(s.paths, path)
	if s.Down != nil {
		return nil, s.Down
	}
	body, ok := s.Answers[path]
	status, h := http.StatusOK, s.Header.Clone()
	switch {
	case s.Redirect:
		status, h = http.StatusFound, http.Header{"Location": {JWKSURL + "2"}}
	case s.Status != 0:
		status = s.Status
	case !ok:
		status = cmp.Or(s.Missing, http.StatusNotFound)
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

// Client returns an HTTP client of the server.
func (s *Server) Client() *http.Client { return &http.Client{Transport: s} }

// Set runs f, which may change fields.
func (s *Server) Set(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

// Serve makes jwks the only answer, at JWKSURL.
func (s *Server) Serve(jwks string) {
	s.Set(func() { s.Answers = map[string]string{"/jwks": jwks} })
}

// Paths returns the paths of all requests.
func (s *Server) Paths() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.paths)
}

// Count returns the number of requests.
func (s *Server) Count() int { return len(s.Paths()) }
