package guard_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/go-guard/guard"
)

func TestDecisionPattern(t *testing.T) {
	var got []string
	mux := http.NewServeMux()
	mux.Handle("GET /posts/{id}", guard.Require(bearer())(http.NotFoundHandler()))
	h := guard.Observe(func(_ *http.Request, d guard.Decision) { got = append(got, d.Pattern) })(mux)
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/posts/1", nil))
	if !slices.Equal(got, []string{"GET /posts/{id}"}) {
		t.Errorf("patterns %q", got)
	}
}

// TestOneRefusalIsOneDecision: a refusal that a verb reported is not reported
// again where the handler passes it to Refuse, also when it is wrapped or changed.
func TestOneRefusalIsOneDecision(t *testing.T) {
	refusal := &guard.Error{Status: 429, Message: "later", Err: errors.New("the quota is used up")}
	pass := func(err error) error { return err }
	tests := []struct {
		name   string
		err    error // of the verb
		change func(error) error
		status int
		want   string
	}{
		{"a refusal", refusal, pass, 429, "verb/refused/429/the quota is used up"},
		{"wrapped by the handler", refusal, func(err error) error { return fmt.Errorf("login: %w", err) }, 429, "verb/refused/429/the quota is used up"},
		{"with another message", refusal, func(err error) error {
			e, _ := errors.AsType[*guard.Error](err)
			e.Message = "try tomorrow"
			return e
		}, 429, "verb/refused/429/the quota is used up"},
		{"a plain failure", errors.New("hunter2"), pass, 500, "verb/failed/500/hunter2"},
		{"an outage", context.DeadlineExceeded, pass, 503, "verb/failed/503/context deadline exceeded"},
		{"a refusal in a wrapper of the verb", fmt.Errorf("store: %w", refusal), pass, 429, "verb/refused/429/the quota is used up"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got, outer []string
			collect := func(to *[]string) guard.Middleware {
				return guard.Observe(func(_ *http.Request, d guard.Decision) {
					*to = append(*to, fmt.Sprintf("%s/%s/%d/%s", d.Package, d.Outcome, d.Status, d.Reason))
				})
			}
			w, _ := serve(t, guard.Chain(collect(&outer), collect(&got)), func(w http.ResponseWriter, r *http.Request) {
				err := guard.Decision{Package: "verb"}.Deny(r.Context(), tt.err)
				if _, direct := tt.err.(*guard.Error); !direct && !errors.Is(err, tt.err) {
					t.Errorf("%v is not %v", err, tt.err)
				}
				guard.Refuse(w, r, tt.change(err))
			})
			if w.Code != tt.status || strings.Contains(w.Body.String(), "hunter2") {
				t.Errorf("status %d: %s", w.Code, w.Body)
			}
			if !slices.Equal(got, []string{tt.want}) || !slices.Equal(outer, got) {
				t.Errorf("decisions %q and, outside, %q; want %q", got, outer, tt.want)
			}
		})
	}
	if refusal.Message != "later" {
		t.Errorf("a handler changed the guard's refusal to %q", refusal.Message)
	}
	if err := (guard.Decision{}).Deny(t.Context(), nil); err != nil {
		t.Errorf("the denial of no error is %v", err)
	}
}

// TestDeniedElsewhere: a refusal that was reported to one request is reported
// again for another.
func TestDeniedElsewhere(t *testing.T) {
	var decisions int
	observe := guard.Observe(func(*http.Request, guard.Decision) { decisions++ })
	var err error
	for range 2 {
		serve(t, observe, func(w http.ResponseWriter, r *http.Request) {
			if err == nil {
				err = guard.Decision{}.Deny(r.Context(), guard.Forbidden(""))
			}
			guard.Refuse(w, r, err)
		})
	}
	if decisions != 2 {
		t.Errorf("%d decisions, want 2", decisions)
	}
}

// TestObserverOwnsItsError: an observer that changes a Decision's error changes
// no answer.
func TestObserverOwnsItsError(t *testing.T) {
	shared := &guard.Error{Status: 403, Message: "no"}
	w, _ := serve(t, guard.Observe(func(_ *http.Request, d guard.Decision) {
		e, _ := errors.AsType[*guard.Error](d.Err)
		e.Message = "changed"
	}), refuse(shared))
	if shared.Message != "no" || !strings.Contains(w.Body.String(), `"no"`) {
		t.Errorf("%q, answered %s", shared.Message, w.Body)
	}
}

// TestChangedStatusIsReported: a refusal whose status was changed after it was
// reported is answered, and so reported, with the new one.
func TestChangedStatusIsReported(t *testing.T) {
	var got []int
	serve(t, guard.Observe(func(_ *http.Request, d guard.Decision) { got = append(got, d.Status) }), func(w http.ResponseWriter, r *http.Request) {
		err := guard.Decision{}.Deny(r.Context(), guard.Forbidden(""))
		e, _ := errors.AsType[*guard.Error](err)
		e.Status = 404
		guard.Refuse(w, r, e)
	})
	if !slices.Equal(got, []int{403, 404}) {
		t.Errorf("reported %v", got)
	}
}
