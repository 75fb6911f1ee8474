package owner_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/format"
)

// Where another's thing is hidden, the answer is a missing one's, byte for byte,
// in every error format; operators are told the difference.
func TestHideAllByteForByte(t *testing.T) {
	o, _ := newPosts(t)
	hidden := o.WithMessage("Not yours").HideAll()
	formats := map[string]guard.Middleware{
		"default": guard.Chain(), "JSON": guard.OnError(guard.JSON), "problem": guard.OnError(format.Problem),
		"HTML": guard.OnError(format.HTML("/login", nil)),
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
