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
