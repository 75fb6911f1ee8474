package bound_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/bound"
)

// A binding answers every request with one error, as an application's may.
type binding struct{ err error }

func (binding) Challenges() []string                                  { return []string{"Key", `Other a="b"`} }
func (b binding) Confirm(*http.Request, string, string, string) error { return b.err }
func (binding) Accepted(http.Header)                                  {}

// A refusal that every request gets is not changed, so it does not grow with them.
func TestSharedRefusal(t *testing.T) {
	refusal := &guard.Error{Status: http.StatusUnauthorized, Challenges: []string{"Key", `Other a="b"`}}
	want := []string{`Key realm="r"`, `Other a="b", realm="r"`}
	wrapped := fmt.Errorf("a key of another client: %w", refusal)
	for _, err := range []error{refusal, wrapped} {
		s := guard.Must(bound.New("test", binding{err}, "realm", "r"))
		for range 3 {
			got := s.Confirm(httptest.NewRequest("GET", "/", nil), "Key", "token", "{}")
			e, ok := errors.AsType[*guard.Error](got)
			if !ok || e.Status != 401 || !slices.Equal(e.Challenges, want) {
				t.Errorf("%v: %+v", err, got)
			}
			if err == wrapped && !errors.Is(got, wrapped) {
				t.Errorf("%v lost its cause", got)
			}
		}
	}
	if !slices.Equal(refusal.Challenges, []string{"Key", `Other a="b"`}) {
		t.Errorf("the refusal was changed: %q", refusal.Challenges)
	}
}

// A token is there, so a binding cannot answer that there is none: behind guard.Optional,
// the request would be anonymous in place of refused.
func TestNoAbstention(t *testing.T) {
	s := guard.Must(bound.New("test", binding{guard.ErrNoCredentials}))
	if err := s.Confirm(httptest.NewRequest("GET", "/", nil), "Key", "token", ""); err == nil || errors.Is(err, guard.ErrNoCredentials) {
		t.Error(err)
	}
	s = guard.Must(bound.New("test", binding{}))
	if err := s.Confirm(httptest.NewRequest("GET", "/", nil), "Key", "token", ""); err != nil {
		t.Error(err)
	}
}
