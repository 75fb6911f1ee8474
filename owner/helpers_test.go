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

// loader counts its calls.
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
	case "interrupted":
		return post{}, false, errors.New("driver: interrupted")
	case "bad":
		return post{}, false, &guard.Error{Status: 400, Message: "No such id"}
	case "own404":
		return post{}, false, &guard.Error{Status: 404, Code: "deleted", Message: "This one was deleted by alice"}
	case "own403":
		return post{}, false, &guard.Error{Status: 403, Code: "locked", Message: "Locked by alice"}
	case "abstains":
		return post{}, false, guard.ErrNoCredentials
	default:
		p, found := posts[id]
		return p, found, nil
	}
}

func byAuthor(u user, p post) bool { return owner.Same(u.ID, p.Author) }

func published(_ user, p post) bool { return !p.Draft }

func isAdmin(ctx context.Context) (bool, error) {
	u, _ := guard.PrincipalFrom[user](ctx)
	return u.admin, nil
}

func newPosts(t *testing.T) (*owner.Resource[user, post], *loader) {
	t.Helper()
	return newResource(t, false)
}

func newHiddenPosts(t *testing.T) (*owner.Resource[user, post], *loader) {
	t.Helper()
	return newResource(t, true)
}

func newResource(t *testing.T, hideAll bool) (*owner.Resource[user, post], *loader) {
	t.Helper()
	l := &loader{}
	o, err := owner.New(l.load, &owner.Options{NotFound: []error{sql.ErrNoRows, fs.ErrNotExist}, Missing: "Post not found", HideAll: hideAll})
	if err != nil {
		t.Fatal(err)
	}
	return o, l
}

// anonymous is an authenticator that authenticates no one.
type anonymous struct{}

func (anonymous) Authenticate(*http.Request) (user, error) { return user{}, guard.ErrNoCredentials }
func (anonymous) Scheme() guard.Scheme                     { return guard.Scheme{Challenge: "Test"} }

// get requests a post as the given principal; "" is anonymous. It returns owner's
// decisions.
func get(m guard.Middleware, o *owner.Resource[user, post], who, id string) (w *httptest.ResponseRecorder, reached bool, made []guard.Decision) {
	if who == "" {
		m = guard.Chain(guard.Optional(anonymous{}), m)
	}
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
	guard.Observe(func(_ *http.Request, d guard.Decision) {
		if d.Package == "owner" { // not that of the authentication step
			made = append(made, d)
		}
	})(mux).ServeHTTP(w, r)
	return w, reached, made
}

// codeOf returns the code of a refusal.
func codeOf(err error) string {
	if e, ok := errors.AsType[*guard.Error](err); ok {
		return e.Code
	}
	return ""
}

func e(status int, message string) string {
	return fmt.Sprintf(`{"error":"%s","message":"%s"}`, http.StatusText(status), message)
}
