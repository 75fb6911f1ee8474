package owner_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/internal/testing/race"
	"github.com/go-guard/guard/owner"
)

// The answers of a bypass.
var bypasses = map[string]struct {
	ok  bool
	err error
}{
	"no":           {false, nil},
	"yes":          {true, nil},
	"forbidden":    {false, guard.Forbidden("Not you")},
	"unauthorized": {true, guard.Unauthorized("")},
	"down":         {false, errDown},
	"yes, down":    {true, errDown},
	"unavailable":  {false, guard.Unavailable(errDown)},
	"abstains":     {false, guard.ErrNoCredentials},
}

// A hidden resource is answered as a missing one: with the same bytes, and after the
// same calls, whatever the options and the answer of the bypass. A bypass that asked
// an engine was called for a resource that exists alone: a hidden one took 2 ms, a
// missing one 1 µs; and its failure was a 500 for the one, and a 404 for the other.
func TestHiddenIsMissing(t *testing.T) {
	type answer struct {
		dump          string
		loads, bypass int
	}
	compared := 0
	for _, hideAll := range []bool{false, true} {
		for _, visible := range []bool{false, true} {
			for name, b := range bypasses {
				for _, load := range []bool{false, true} {
					o, l := newResource(t, hideAll)
					asked := 0
					c := o.Bypass(func(context.Context) (bool, error) { asked++; return b.ok, b.err })
					if visible {
						c = c.Visible(published)
					}
					gate := c.Require(byAuthor)
					if load {
						gate = c.Load
					}
					ask := func(id string) answer {
						l.loads, asked = 0, 0
						w, _, _ := get(gate, o, "alice", id)
						return answer{fmt.Sprintf("%d %v %s", w.Code, w.Result().Header, w.Body), l.loads, asked}
					}
					missing := ask("9")
					similar := []string{"sql", "fs", "own404"}
					if hideAll {
						similar = append(similar, "own403")
					}
					if hides := b.err != nil || !b.ok; hides && visible {
						similar = append(similar, "3") // a draft
					} else if hides && hideAll && !load {
						similar = append(similar, "2", "3", "4") // those of others
					}
					for _, id := range similar {
						if got := ask(id); got != missing {
							t.Errorf("hideAll %t, visible %t, load %t, bypass %s: post %s: %+v; a missing one: %+v", hideAll, visible, load, name, id, got, missing)
						}
						compared++
					}
				}
			}
		}
	}
	if compared < 100 {
		t.Errorf("%d comparisons", compared)
	}
}

// The bypass is asked where the checks deny, and where a resource is missing that
// could have been hidden: an outage of it does not stop owners, and plain Load never
// asks it.
func TestBypass(t *testing.T) {
	for name, b := range bypasses {
		o, _ := newPosts(t)
		asked := 0
		c := o.Bypass(func(context.Context) (bool, error) { asked++; return b.ok, b.err })
		denied, missing := 403, 404
		switch {
		case name == "unavailable":
			denied, missing = 503, 503
		case b.err != nil && name != "forbidden" && name != "unauthorized":
			denied, missing = 500, 500
		case name == "yes":
			denied = 200
		}
		for _, tt := range []struct {
			name  string
			m     guard.Middleware
			id    string
			want  int
			asked int
		}{
			{"own", c.Require(byAuthor), "1", 200, 0},
			{"another's", c.Require(byAuthor), "2", denied, 1},
			{"missing", c.Require(byAuthor), "9", missing, 1},
			{"the loader is down", c.Require(byAuthor), "down", 500, 0},
			{"the loader's 400", c.Require(byAuthor), "bad", 400, 0},
			{"load", c.Load, "2", 200, 0},
			{"load, missing", c.Load, "9", 404, 0},
			{"load, visible", c.Visible(published).Load, "2", 200, 0},
			{"load, missing, could be hidden", c.Visible(published).Load, "9", missing, 1},
		} {
			asked = 0
			w, reached, made := get(tt.m, o, "alice", tt.id)
			if w.Code != tt.want || asked != tt.asked || reached != (tt.want == 200) || len(made) != 1 {
				t.Errorf("bypass %s, %s: status %d, asked %d times, reached %t, %d decisions; want %d and %d", name, tt.name, w.Code, asked, reached, len(made), tt.want, tt.asked)
			}
		}
	}
}

// A hidden resource costs the allocations of a missing one.
func TestHiddenAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	o := guard.Must(owner.New(func(r *http.Request, _ user) (post, bool, error) {
		p, found := posts[r.PathValue("id")]
		return p, found, nil
	}, &owner.Options{HideAll: true}))
	no := func(context.Context) (bool, error) { return false, nil }
	for name, gate := range map[string]guard.Middleware{
		"HideAll": o.Require(byAuthor), "Visible": o.Visible(published).Load, "bypass": o.Visible(published).Bypass(no).Require(byAuthor),
	} {
		h, w := gate(http.NotFoundHandler()), harness.NewDiscard()
		cost := func(id string) float64 {
			r := harness.Request("/")
			r = r.WithContext(guard.WithPrincipal(r.Context(), user{ID: "alice"}))
			r.SetPathValue("id", id)
			return testing.AllocsPerRun(100, func() { h.ServeHTTP(w, r) })
		}
		if hidden, missing := cost("3"), cost("9"); hidden != missing {
			t.Errorf("%s: %v allocations for a hidden post, %v for a missing one", name, hidden, missing)
		}
	}
}
