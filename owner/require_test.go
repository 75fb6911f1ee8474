package owner_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/format"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/internal/testing/race"
	"github.com/go-guard/guard/owner"
)

func TestOrder(t *testing.T) {
	o, l := newPosts(t)
	hidden, hl := newHiddenPosts(t)
	o = o.WithMessage("You can only edit your own posts")
	edit, load := o.Require(byAuthor), guard.Middleware(o.Load)
	visible := o.Visible(func(u user, p post) bool { return published(u, p) || byAuthor(u, p) })
	bypass := visible.Bypass(isAdmin)
	const none, message, internal = "Post not found", "You can only edit your own posts", "The request could not be processed"
	codes := map[int]string{403: "not_owner", 404: "not_found"} // a loader's own 403 has its own
	tests := []struct {
		name    string
		m       guard.Middleware
		who, id string
		want    int
		message string
		loads   int
	}{
		{"anonymous, there", edit, "", "1", 401, "Authentication required", 0},
		{"anonymous, missing", edit, "", "9", 401, "Authentication required", 0},
		{"own", edit, "alice", "1", 200, "", 1},
		{"another's", edit, "alice", "2", 403, message, 1},
		{"missing", edit, "alice", "9", 404, none, 1},
		{"without an owner", edit, "alice", "4", 403, message, 1},
		{"without an id", edit, "admin:", "4", 403, message, 1},
		{"sql.ErrNoRows", edit, "alice", "sql", 404, none, 1},
		{"fs.ErrNotExist", edit, "alice", "fs", 404, none, 1},
		{"down", edit, "alice", "down", 500, internal, 1},
		{"timeout", edit, "alice", "timeout", 503, "The service is unavailable. Try again later.", 1},
		{"the loader's 400", edit, "alice", "bad", 400, "No such id", 1},
		{"the loader's 404 is the one 404", edit, "alice", "own404", 404, none, 1},
		{"the loader's 403", edit, "alice", "own403", 403, "Locked by alice", 1},
		{"the loader abstains", edit, "alice", "abstains", 500, internal, 1},
		{"load, anonymous", load, "", "1", 401, "Authentication required", 0},
		{"load, another's", load, "alice", "2", 200, "", 1},
		{"load, missing", load, "alice", "9", 404, none, 1},
		{"visible, own", visible.Require(byAuthor), "bob", "3", 200, "", 1},
		{"visible, published", visible.Require(byAuthor), "alice", "2", 403, message, 1},
		{"not visible", visible.Require(byAuthor), "alice", "3", 404, none, 1},
		{"load, not visible", visible.Load, "alice", "3", 404, none, 1},
		{"bypass", bypass.Require(byAuthor), "admin:root", "2", 200, "", 1},
		{"bypass, not visible", bypass.Require(byAuthor), "admin:root", "3", 200, "", 1},
		{"bypass, missing", bypass.Require(byAuthor), "admin:root", "9", 404, none, 1},
		{"bypass, not by others", bypass.Require(byAuthor), "alice", "2", 403, message, 1},
		{"bypass, anonymous", bypass.Require(byAuthor), "", "2", 401, "Authentication required", 0},
		{"hidden, own", hidden.Require(byAuthor), "alice", "1", 200, "", 1},
		{"hidden, another's", hidden.Require(byAuthor), "alice", "2", 404, none, 1},
		{"hidden, the loader's 403", hidden.Require(byAuthor), "alice", "own403", 404, none, 1},
		{"hidden, bypass", hidden.Bypass(isAdmin).Require(byAuthor), "admin:root", "2", 200, "", 1},
		{"hidden, down", hidden.Require(byAuthor), "alice", "down", 500, internal, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l.loads, hl.loads = 0, 0
			resource := o
			if strings.HasPrefix(tt.name, "hidden") {
				resource = hidden
			}
			w, reached, made := get(tt.m, resource, tt.who, tt.id)
			body := tt.id
			if tt.want != 200 {
				body = e(tt.want, tt.message)
			}
			if w.Code != tt.want || w.Body.String() != body || reached != (tt.want == 200) || l.loads+hl.loads != tt.loads {
				t.Errorf("%d %s, reached %t, %d loads; want %d %s, %d loads", w.Code, w.Body, reached, l.loads+hl.loads, tt.want, body, tt.loads)
			}
			if tt.want != 200 && w.Header().Get("Cache-Control") != "no-store" {
				t.Error("the refusal may be cached")
			}
			if (tt.want == 401) != (w.Header().Get("WWW-Authenticate") != "") {
				t.Errorf("challenge %q", w.Header().Get("WWW-Authenticate"))
			}
			if want := codes[tt.want]; want != "" && codeOf(made[0].Err) != want && tt.id != "own403" {
				t.Errorf("code %q, want %q", codeOf(made[0].Err), want)
			}
			if len(made) != 1 || made[0].Package != "owner" || made[0].Status != map[bool]int{true: 0, false: tt.want}[tt.want == 200] {
				t.Errorf("decisions %+v", made)
			}
		})
	}
}

// Around a router, a loader has no path values: it finds nothing, and no request
// is allowed.
func TestAroundARouter(t *testing.T) {
	o, _ := newPosts(t)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /posts/{id}", func(http.ResponseWriter, *http.Request) { t.Error("reached") })
	r := httptest.NewRequest("GET", "/posts/1", nil)
	w := httptest.NewRecorder()
	o.Require(byAuthor)(mux).ServeHTTP(w, r.WithContext(guard.WithPrincipal(r.Context(), user{ID: "alice"})))
	if w.Code != 404 {
		t.Errorf("status %d", w.Code)
	}
}

// Without an authentication step in front, no resource is loaded, no request is
// let through, and the first one is logged. The answer was 401 to every client,
// and nothing was logged.
func TestWrongOrderIsLogged(t *testing.T) {
	o, l := newPosts(t)
	hidden, hl := newHiddenPosts(t)
	authenticated := guard.Optional(anonymous{})
	for name, tt := range map[string]struct {
		m     guard.Middleware
		guard string
	}{
		"Require outside":          {guard.Chain(o.Require(byAuthor), authenticated), "guard=require"},
		"Require, no step":         {o.Require(byAuthor), "guard=require"},
		"Require, with a bypass":   {o.Bypass(func(context.Context) (bool, error) { return true, nil }).Require(byAuthor), "guard=require"},
		"Load outside":             {guard.Chain(o.Load, authenticated), "guard=load"},
		"HideAll does not hide it": {hidden.Require(byAuthor), "guard=require"},
	} {
		t.Run(name, func(t *testing.T) {
			log := harness.CaptureLog(t)
			r := harness.Request("/posts/1")
			r.SetPathValue("id", "1")
			w, reached := harness.Serve(t, tt.m, nil, r)
			if w.Code != 500 || reached || l.loads+hl.loads != 0 || w.Body.String() != e(500, "The request could not be processed") {
				t.Errorf("status %d, body %s, reached %t, %d loads; want 500", w.Code, w.Body, reached, l.loads+hl.loads)
			}
			lines := log.Lines()
			if len(lines) != 1 {
				t.Fatalf("logged %q, want one line", lines)
			}
			for _, want := range []string{"level=ERROR", "package=owner", tt.guard, "owner_test.user", "no authentication step is in front of it"} {
				if !strings.Contains(lines[0], want) {
					t.Errorf("the line does not mention %q: %s", want, lines[0])
				}
			}
		})
	}
}

func TestWrongPrincipal(t *testing.T) {
	o, l := newPosts(t)
	h := o.Require(byAuthor)(http.NotFoundHandler())
	// WithPrincipal of another type is an authentication of another type.
	r := httptest.NewRequest("GET", "/", nil)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r.WithContext(guard.WithPrincipal(r.Context(), &user{ID: "alice"})))
	if w.Code != 500 || l.loads != 0 {
		t.Errorf("status %d after %d loads", w.Code, l.loads)
	}
}

func TestNilIsAFailure(t *testing.T) {
	o, err := owner.New(func(*http.Request, user) (*post, bool, error) { return nil, true, nil }, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("GET", "/", nil)
	w := httptest.NewRecorder()
	o.Require(func(user, *post) bool { return true })(http.NotFoundHandler()).ServeHTTP(w, r.WithContext(guard.WithPrincipal(r.Context(), user{})))
	if w.Code != 500 {
		t.Errorf("status %d", w.Code)
	}
}

// An outage that wraps an error of NotFound is still an outage.
func TestUnavailableIsNotNotFound(t *testing.T) {
	o := guard.Must(owner.New(func(*http.Request, user) (post, bool, error) {
		return post{}, false, guard.Unavailable(errors.Join(errDown, sql.ErrNoRows))
	}, &owner.Options{NotFound: []error{sql.ErrNoRows}}))
	w, reached, _ := get(o.Require(byAuthor), o, "alice", "1")
	if w.Code != 503 || reached {
		t.Errorf("status %d, reached %t; want 503", w.Code, reached)
	}
}

// HideAll answers as for a missing resource, byte for byte, in every error
// format. The causes for Observe differ.
func TestHideAllByteForByte(t *testing.T) {
	o, _ := newHiddenPosts(t)
	hidden := o.WithMessage("Not yours")
	formats := map[string]guard.Middleware{
		"default": guard.Chain(), "JSON": guard.OnError(guard.JSON), "problem": guard.OnError(format.Problem),
		"HTML": guard.OnError(format.HTML("/login", nil)),
		"everything": guard.OnError(func(w http.ResponseWriter, _ *http.Request, e *guard.Error) {
			fmt.Fprintf(w, "%+v %v", *e, errors.Unwrap(e))
		}),
	}
	for name, format := range formats {
		for _, m := range []guard.Middleware{hidden.Require(byAuthor), hidden.Visible(published).Require(byAuthor)} {
			reasons := map[string]bool{}
			var first string
			for _, id := range []string{"9", "2", "3", "4", "sql", "own403", "own404"} {
				w, reached, made := get(guard.Chain(format, m), o, "alice", id)
				dump := fmt.Sprintf("%d %v %s", w.Code, w.Result().Header, w.Body)
				if first == "" {
					first = dump
				}
				if dump != first || reached || w.Code != 404 {
					t.Errorf("%s: post %s: %s; a missing one: %s", name, id, dump, first)
				}
				if code := codeOf(made[0].Err); code != "not_found" {
					t.Errorf("%s: post %s: code %q", name, id, code)
				}
				reasons[made[0].Reason] = true
			}
			if len(reasons) < 3 {
				t.Errorf("%s: reasons %v", name, reasons)
			}
		}
	}
}

// A server that cancels its base context to stop cancels requests whose clients
// still wait. Such a client gets a failure: net/http would answer 200 for a
// handler that returns without an answer.
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
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != 503 {
		t.Errorf("status %d, want 503", res.StatusCode)
	}
}

// After a client disconnected, the loader's errors are refused and reported like
// any others, and nothing panics.
func TestCancelled(t *testing.T) {
	o, _ := newPosts(t)
	for id, want := range map[string]int{"interrupted": 500, "down": 500, "timeout": 503, "9": 404, "2": 403, "bad": 400} {
		var made []guard.Decision
		h := guard.Observe(func(_ *http.Request, d guard.Decision) { made = append(made, d) })(o.Require(byAuthor)(http.NotFoundHandler()))
		ctx, cancel := context.WithCancel(guard.WithPrincipal(context.Background(), user{ID: "alice"}))
		cancel()
		r := httptest.NewRequest("GET", "/", nil).WithContext(ctx)
		r.SetPathValue("id", id)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		outcome := guard.Refused
		if want >= 500 {
			outcome = guard.Failed
		}
		if w.Code != want || len(made) != 1 || made[0].Outcome != outcome || made[0].Status != want || made[0].Err == nil {
			t.Errorf("%s: status %d, want %d; %+v", id, w.Code, want, made)
		}
	}
	// A deadline that passed is an outage.
	ctx, cancel := context.WithTimeout(guard.WithPrincipal(context.Background(), user{ID: "alice"}), -1)
	defer cancel()
	r := httptest.NewRequest("GET", "/", nil).WithContext(ctx)
	r.SetPathValue("id", "timeout")
	w := httptest.NewRecorder()
	o.Load(http.NotFoundHandler()).ServeHTTP(w, r)
	if w.Code != 503 {
		t.Errorf("after the deadline: status %d", w.Code)
	}
}

func TestAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	o, _ := newPosts(t)
	h := o.Visible(byAuthor).Require(byAuthor)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	r := httptest.NewRequest("GET", "/", nil)
	r = r.WithContext(guard.WithPrincipal(r.Context(), user{ID: "alice"}))
	r.SetPathValue("id", "1")
	w := httptest.NewRecorder()
	if got := testing.AllocsPerRun(100, func() { h.ServeHTTP(w, r) }); got > 2 {
		t.Errorf("%v allocations, want 2", got)
	}
}
