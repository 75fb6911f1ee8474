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
