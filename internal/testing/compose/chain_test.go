package compose_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/owner"
)

// TestOrderTable is the table of the guide, for every way to authenticate and
// every guard in front of the loader.
func TestOrderTable(t *testing.T) {
	h := newApp(t)
	gates := map[string]guard.Middleware{
		"role": h.policy.RequireRole("user"), "permission": h.policy.RequireAll("documents:write"), "any": h.policy.RequireAny("documents:any", "documents:write"),
	}
	table := []struct {
		who    string
		exists int // the status for an existing document
		hidden int // the same where others' are hidden
		absent int // the status for a missing one
		loads  int
	}{
		{"", 401, 401, 401, 0},
		{"guest", 403, 403, 403, 0},
		{"alice", 403, 404, 404, 1},
		{"bob", 200, 200, 404, 1},
		{"root", 200, 200, 404, 1},
	}
	hidden := h.hidden.Require(func(m member, d document) bool { return owner.Same(m.id, d.author) })
	for name, w := range h.ways {
		for gate, g := range gates {
			plain, hide := guard.Chain(h.byAddress.Wrap, w.step, h.byMember.Wrap, g, h.own()), guard.Chain(w.step, g, hidden)
			for _, row := range table {
				for _, c := range []struct {
					chain guard.Middleware
					id    string
					want  int
				}{{plain, "1", row.exists}, {plain, "9", row.absent}, {hide, "1", row.hidden}, {hide, "9", row.absent}} {
					rec, reached := h.get(c.chain, w, row.who, c.id)
					if rec.Code != c.want || reached != (c.want == 200) || h.loads != row.loads {
						t.Errorf("%s, %s: %q gets %d for %s after %d loads, want %d after %d", name, gate, row.who, rec.Code, c.id, h.loads, c.want, row.loads)
					}
					if (rec.Code == 401) != (rec.Header().Get("WWW-Authenticate") != "") {
						t.Errorf("%s, %s: %q gets the challenge %q with %d", name, gate, row.who, rec.Header().Get("WWW-Authenticate"), rec.Code)
					}
				}
				// Whoever may not see a document cannot tell one from none.
				one, _ := h.get(hide, w, row.who, "1")
				none, _ := h.get(hide, w, row.who, "9")
				if row.hidden == row.absent && !sameAnswer(one, none) {
					t.Errorf("%s, %s: %q tells a document from none: %v %s; %v %s", name, gate, row.who, one.Header(), one.Body, none.Header(), none.Body)
				}
			}
			h.down = true
			if rec, reached := h.get(plain, w, "alice", "9"); rec.Code != 500 || reached {
				t.Errorf("%s, %s: a database that is down is %d", name, gate, rec.Code)
			}
			h.down = false
		}
	}
}

func sameAnswer(a, b *httptest.ResponseRecorder) bool {
	return a.Code == b.Code && bytes.Equal(a.Body.Bytes(), b.Body.Bytes()) && fmt.Sprint(a.Result().Header) == fmt.Sprint(b.Result().Header)
}

// TestAnyOrder: a misordered chain never grants access it should not. Where a guard
// that needs a principal is outside of authentication, every caller gets 500, and
// nothing is loaded.
func TestAnyOrder(t *testing.T) {
	h := newApp(t)
	for name, w := range h.ways {
		steps := []struct {
			name  string
			asks  bool // for a principal
			guard guard.Middleware
		}{
			{"auth", false, w.step}, {"address", false, h.byAddress.Wrap}, {"member", true, h.byMember.Wrap},
			{"role", true, h.policy.RequireRole("user")}, {"owner", true, h.own()},
		}
		for _, order := range permutations(len(steps)) {
			var chain []guard.Middleware
			var names []string
			sensible, authenticated := true, false
			for _, i := range order {
				chain, names = append(chain, steps[i].guard), append(names, steps[i].name)
				authenticated = authenticated || steps[i].name == "auth"
				sensible = sensible && (authenticated || !steps[i].asks)
			}
			for who, want := range map[string]int{"": 401, "guest": 403, "alice": 403, "bob": 200, "root": 200} {
				rec, reached := h.get(guard.Chain(chain...), w, who, "1")
				if !sensible {
					want = 500
				}
				if rec.Code != want || reached != (want == 200) {
					t.Errorf("%s: %v: %q gets %d, want %d", name, names, who, rec.Code, want)
				}
				if (who == "" || !sensible) && h.loads > 0 {
					t.Errorf("%s: %v: %q makes us load", name, names, who)
				}
			}
		}
	}
}

func permutations(n int) (all [][]int) {
	var rest func(done []int)
	rest = func(done []int) {
		if len(done) == n {
			all = append(all, slices.Clone(done))
			return
		}
		for i := range n {
			if !slices.Contains(done, i) {
				rest(append(done, i))
			}
		}
	}
	rest(nil)
	return all
}

// TestInnerStepTakesOver: what guards found for an outer principal does not
// hold for the one that an inner step puts in its place.
func TestInnerStepTakesOver(t *testing.T) {
	h := newApp(t)
	outer, inner := h.ways["session"], h.ways["jwt"]
	both := way{prove: func(r *http.Request, who string) {
		outer.prove(r, "root")
		if who != "nobody" {
			inner.prove(r, who)
		}
	}}
	gate := h.policy.RequireRole("admin")
	for who, want := range map[string]int{"root": 200, "bob": 403, "nobody": 401} {
		if rec, reached := h.get(guard.Chain(outer.step, gate, inner.step, gate), both, who, "1"); rec.Code != want || reached != (want == 200) {
			t.Errorf("%s behind an admin gets %d, want %d", who, rec.Code, want)
		}
	}
}
