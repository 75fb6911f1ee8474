package owner_test

import (
	"context"
	"database/sql"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/owner"
)

// A server that cancels its base context, as many do to stop, cancels requests
// whose clients still wait. These must not take silence for success: net/http
// makes 200 of a handler that returns without an answer.
func TestCancelledByTheServerIsNo200(t *testing.T) {
	stopping, stop := context.WithCancel(context.Background())
	o := guard.Must(owner.New(func(r *http.Request, _ user) (post, bool, error) {
		stop()
		<-r.Context().Done()
		return post{}, false, r.Context().Err()
	}, nil))
	h := o.Require(byAuthor)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("reached") }))
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(w, r.WithContext(guard.WithPrincipal(r.Context(), user{ID: "alice"})))
	}))
	s.Config.BaseContext = func(net.Listener) context.Context { return stopping }
	s.Start()
	defer s.Close()
	res, err := http.Post(s.URL, "", nil)
	if err == nil {
		res.Body.Close()
		t.Errorf("the client was told %d about what did not happen", res.StatusCode)
	}
}

// A check that fails is neither a yes nor a no.
func TestBypassCheck(t *testing.T) {
	o, _ := newPosts(t)
	for _, tt := range []struct {
		name string
		err  error
		want int
	}{
		{"yes", nil, 200},
		{"no", guard.Forbidden("Not you"), 403},
		{"nobody", guard.Unauthorized(""), 403},
		{"down", errDown, 500},
		{"unavailable", guard.Unavailable(errDown), 503},
		{"abstains", guard.ErrNoCredentials, 500},
	} {
		b := o.BypassCheck(func(context.Context) error { return tt.err })
		own := 200
		if tt.want >= 500 {
			own = tt.want
		}
		for id, want := range map[string]int{"2": tt.want, "1": own, "9": 404} { // another's, one's own, none
			if w, reached, _ := get(b.Require(byAuthor), o, "alice", id); w.Code != want || reached != (want == 200) {
				t.Errorf("%s, post %s: status %d, reached %t; want %d", tt.name, id, w.Code, reached, want)
			}
		}
	}
}

// TestSameOfInterfaces: an empty id is nobody's, whatever it was read into.
func TestSameOfInterfaces(t *testing.T) {
	for _, tt := range []struct {
		a, b any
		want bool
	}{{"", "", false}, {0, 0, false}, {nil, nil, false}, {"1", "1", true}, {1, 1, true}, {"1", 1, false}} {
		if got := owner.Same(tt.a, tt.b); got != tt.want {
			t.Errorf("Same(%#v, %#v) = %t", tt.a, tt.b, got)
		}
	}
}

// What a loader itself calls an outage is none the less one for what it wraps.
func TestUnavailableIsNotFoundNowhere(t *testing.T) {
	o := guard.Must(owner.New(func(*http.Request, user) (post, bool, error) {
		return post{}, false, guard.Unavailable(errors.Join(errDown, sql.ErrNoRows))
	}, &owner.Options{NotFound: []error{sql.ErrNoRows}}))
	w, reached, _ := get(o.Require(byAuthor), o, "alice", "1")
	if w.Code != 503 || reached {
		t.Errorf("status %d, reached %t; want 503", w.Code, reached)
	}
}
