package owner_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/race"
	"github.com/go-guard/guard/owner"
)

type user struct {
	ID    string
	admin bool
}

type post struct {
	ID, Author string
	Draft      bool
}

var posts = map[string]post{
	"1": {"1", "alice", false}, "2": {"2", "bob", false}, "3": {"3", "bob", true}, "4": {"4", "", false},
}

// loader is a loader that counts.
type loader struct{ loads int }

var errDown = errors.New("connection refused by 10.0.0.1")

func (l *loader) load(r *http.Request, _ user) (post, bool, error) {
	l.loads++
	switch id := r.PathValue("id"); id {
	case "sql":
		return post{}, false, fmt.Errorf("scan: %w", sql.ErrNoRows)
	case "fs":
		return post{}, true, &fs.PathError{Op: "open", Path: "/secret", Err: fs.ErrNotExist}
	case "down":
		return post{}, false, errDown
	case "timeout":
		return post{}, false, context.DeadlineExceeded
	case "gone":
		return post{}, false, errors.New("driver: interrupted")
	case "bad":
		return post{}, false, &guard.Error{Status: 400, Message: "No such id"}
	case "own404":
		return post{}, false, guard.NotFound("This one was deleted by alice")
	case "own403":
		return post{}, false, guard.Forbidden("Locked by alice")
	case "abstains":
		return post{}, false, guard.ErrNoCredentials
	default:
		p, found := posts[id]
		return p, found, nil
	}
}

func byAuthor(u user, p post) bool { return owner.Same(u.ID, p.Author) }

func isAdmin(ctx context.Context) bool {
	u, _ := guard.PrincipalFrom[user](ctx)
	return u.admin
}

func newPosts(t *testing.T) (*owner.Resource[user, post], *loader) {
	t.Helper()
	l := &loader{}
	o, err := owner.New(l.load, &owner.Options{NotFound: []error{sql.ErrNoRows, fs.ErrNotExist}, Missing: "Post not found"})
	if err != nil {
		t.Fatal(err)
	}
	return o, l
}

// get asks for a post as who; "" is nobody.
func get(m guard.Middleware, o *owner.Resource[user, post], who, id string) (w *httptest.ResponseRecorder, reached bool, made []guard.Decision) {
	mux := http.NewServeMux()
	mux.Handle("GET /posts/{id}", m(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reached = true
		fmt.Fprint(w, o.From(r.Context()).ID)
	})))
	r := httptest.NewRequest("GET", "/posts/"+id, nil)
	if who != "" {
		r = r.WithContext(guard.WithPrincipal(r.Context(), user{strings.TrimPrefix(who, "admin:"), strings.HasPrefix(who, "admin:")}))
	}
	w = httptest.NewRecorder()
	guard.Observe(func(_ context.Context, d guard.Decision) { made = append(made, d) })(mux).ServeHTTP(w, r)
	return w, reached, made
}

func e(status int, message string) string {
	return fmt.Sprintf(`{"error":"%s","message":"%s"}`, http.StatusText(status), message)
}

func TestOrder(t *testing.T) {
	o, l := newPosts(t)
	o = o.WithMessage("You can only edit your own posts")
	published := func(u user, p post) bool { return !p.Draft || byAuthor(u, p) }
	edit, load := o.Require(byAuthor), guard.Middleware(o.Load)
	visible := o.Visible(published)
	bypass := visible.Bypass(isAdmin)
	const none, own, internal = "Post not found", "You can only edit your own posts", "The request could not be processed"
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
		{"another's", edit, "alice", "2", 403, own, 1},
		{"missing", edit, "alice", "9", 404, none, 1},
		{"nobody's", edit, "alice", "4", 403, own, 1},
		{"without an id", edit, "admin:", "4", 403, own, 1},
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
		{"visible, published", visible.Require(byAuthor), "alice", "2", 403, own, 1},
		{"not visible", visible.Require(byAuthor), "alice", "3", 404, none, 1},
		{"load, not visible", visible.Load, "alice", "3", 404, none, 1},
		{"bypass", bypass.Require(byAuthor), "admin:root", "2", 200, "", 1},
		{"bypass, not visible", bypass.Require(byAuthor), "admin:root", "3", 200, "", 1},
		{"bypass, missing", bypass.Require(byAuthor), "admin:root", "9", 404, none, 1},
		{"bypass, not by others", bypass.Require(byAuthor), "alice", "2", 403, own, 1},
		{"bypass, anonymous", bypass.Require(byAuthor), "", "2", 401, "Authentication required", 0},
		{"hidden, own", o.HideAll().Require(byAuthor), "alice", "1", 200, "", 1},
		{"hidden, another's", o.HideAll().Require(byAuthor), "alice", "2", 404, none, 1},
		{"hidden, the loader's 403", o.HideAll().Require(byAuthor), "alice", "own403", 404, none, 1},
		{"hidden, bypass", o.HideAll().Bypass(isAdmin).Require(byAuthor), "admin:root", "2", 200, "", 1},
		{"hidden, down", o.HideAll().Require(byAuthor), "alice", "down", 500, internal, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l.loads = 0
			w, reached, made := get(tt.m, o, tt.who, tt.id)
			body := tt.id
			if tt.want != 200 {
				body = e(tt.want, tt.message)
			}
			if w.Code != tt.want || w.Body.String() != body || reached != (tt.want == 200) || l.loads != tt.loads {
				t.Errorf("%d %s, reached %t, %d loads; want %d %s, %d loads", w.Code, w.Body, reached, l.loads, tt.want, body, tt.loads)
			}
			if tt.want != 200 && w.Header().Get("Cache-Control") != "no-store" {
				t.Error("the refusal may be cached")
			}
			if (tt.want == 401) != (w.Header().Get("WWW-Authenticate") != "") {
				t.Errorf("challenge %q", w.Header().Get("WWW-Authenticate"))
			}
			if len(made) != 1 || made[0].Package != "owner" || made[0].Status != map[bool]int{true: 0, false: tt.want}[tt.want == 200] {
				t.Errorf("decisions %+v", made)
			}
		})
	}
}

// Where another's thing is hidden, the answer is a missing one's, byte for byte,
// in every error format; operators are told the difference.
func TestHideAllByteForByte(t *testing.T) {
	o, _ := newPosts(t)
	hidden := o.WithMessage("Not yours").HideAll()
	formats := map[string]guard.Middleware{
		"default": guard.Chain(), "JSON": guard.OnError(guard.JSON), "problem": guard.OnError(guard.Problem),
		"HTML": guard.OnError(guard.HTML("/login", nil)),
		"everything": guard.OnError(func(w http.ResponseWriter, _ *http.Request, e *guard.Error) {
			fmt.Fprintf(w, "%+v %v", *e, errors.Unwrap(e))
		}),
	}
	for name, format := range formats {
		for _, m := range []guard.Middleware{hidden.Require(byAuthor), o.Visible(func(_ user, p post) bool { return !p.Draft }).HideAll().Require(byAuthor)} {
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
				reasons[made[0].Reason] = true
			}
			if len(reasons) < 3 {
				t.Errorf("%s: operators are told %v", name, reasons)
			}
		}
	}
}

// A client that hung up gets nothing, and the failure is not lost.
func TestCancelled(t *testing.T) {
	o, _ := newPosts(t)
	for id, want := range map[string]int{"gone": 0, "down": 0, "9": 404, "2": 403, "bad": 400} {
		var made []guard.Decision
		h := guard.Observe(func(_ context.Context, d guard.Decision) { made = append(made, d) })(o.Require(byAuthor)(http.NotFoundHandler()))
		ctx, cancel := context.WithCancel(guard.WithPrincipal(context.Background(), user{ID: "alice"}))
		cancel()
		r := httptest.NewRequest("GET", "/", nil).WithContext(ctx)
		r.SetPathValue("id", id)
		w := &silent{ResponseRecorder: httptest.NewRecorder()}
		h.ServeHTTP(w, r)
		if w.status != want || len(made) != 1 || want == 0 && (made[0].Outcome != guard.Failed || made[0].Err == nil) {
			t.Errorf("%s: status %d, want %d; %+v", id, w.status, want, made)
		}
	}
	// Out of time is not hung up.
	ctx, cancel := context.WithTimeout(guard.WithPrincipal(context.Background(), user{ID: "alice"}), -1)
	defer cancel()
	r := httptest.NewRequest("GET", "/", nil).WithContext(ctx)
	r.SetPathValue("id", "timeout")
	w := httptest.NewRecorder()
	o.Load(http.NotFoundHandler()).ServeHTTP(w, r)
	if w.Code != 503 {
		t.Errorf("out of time: %d", w.Code)
	}
}

type silent struct {
	*httptest.ResponseRecorder
	status int
}

func (s *silent) WriteHeader(code int) { s.status = code }

func (s *silent) Write(b []byte) (int, error) {
	if s.status == 0 {
		s.status = 200
	}
	return len(b), nil
}

// Wrapped around a router, a loader sees no path values: nothing is found, and
// nothing is open.
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

func TestFromPanics(t *testing.T) {
	o, _ := newPosts(t)
	other, _ := newPosts(t)
	ctx := guard.WithPrincipal(context.Background(), user{ID: "alice"})
	var inner context.Context
	r := httptest.NewRequest("GET", "/", nil).WithContext(ctx)
	r.SetPathValue("id", "1")
	h := o.HideAll().Require(byAuthor)(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { inner = r.Context() }))
	h.ServeHTTP(httptest.NewRecorder(), r)
	if got := o.From(inner); got.ID != "1" {
		t.Errorf("From = %v", got)
	}
	if s := fmt.Sprint(inner); strings.Contains(s, "alice") {
		t.Errorf("the context prints %s", s)
	}
	for name, f := range map[string]func(){
		"no step":            func() { o.From(ctx) },
		"another resource":   func() { other.From(inner) },
		"another principal":  func() { o.From(guard.WithPrincipal(inner, user{ID: "bob"})) },
		"nil Require":        func() { o.Require(nil) },
		"nil Visible":        func() { o.Visible(nil) },
		"nil Bypass":         func() { o.Bypass(nil) },
		"nil handler":        func() { o.Load(nil) },
		"nil handler behind": func() { o.Require(byAuthor)(nil) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			f()
		})
	}
}

// Derived copies leave what they were derived from as it was.
func TestDerivedCopies(t *testing.T) {
	o, _ := newPosts(t)
	_ = o.HideAll().WithMessage("x").Bypass(func(context.Context) bool { return true }).Visible(func(user, post) bool { return false })
	if w, _, _ := get(o.Require(byAuthor), o, "alice", "2"); w.Code != 403 || w.Body.String() != e(403, "Access denied") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestNewErrors(t *testing.T) {
	_, err := owner.New[user, post](nil, &owner.Options{NotFound: []error{nil}})
	if err == nil || !strings.Contains(err.Error(), "loader is nil") || !strings.Contains(err.Error(), "nil error") {
		t.Errorf("%v", err)
	}
	l := &loader{}
	if o, err := owner.New(l.load, nil); err != nil {
		t.Error(err)
	} else if w, _, _ := get(o.Load, o, "alice", "9"); w.Body.String() != e(404, "Not found") {
		t.Errorf("%s", w.Body)
	}
}

func TestSame(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want bool
	}{{"a", "a", true}, {"a", "b", false}, {"", "", false}, {"a", "", false}, {"a", "A", false}} {
		if got := owner.Same(tt.a, tt.b); got != tt.want {
			t.Errorf("Same(%q, %q) = %t", tt.a, tt.b, got)
		}
	}
	if owner.Same(0, 0) || !owner.Same(7, 7) || owner.Same([16]byte{}, [16]byte{}) {
		t.Error("Same of other types")
	}
	if owner.Same[any](nil, nil) || !owner.Same[any](1, 1) {
		t.Error("Same of interfaces")
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
