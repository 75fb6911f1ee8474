package session_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"

	"github.com/go-guard/guard/session"
)

// Requests share no memory: changing the data of a Session changes neither the
// store nor another request's.
func TestDataIsNotShared(t *testing.T) {
	m, err := session.New[[]string](nil)
	if err != nil {
		t.Fatal(err)
	}
	w := recorder()
	data := []string{"a"}
	s, err := m.Create(w, request("POST"), "alice", data)
	if err != nil {
		t.Fatal(err)
	}
	data[0] = "x"
	for range 2 {
		if s.Data()[0] != "a" {
			t.Fatal("another request's change is seen")
		}
		s.Data()[0] = "y"
		if s, err = m.Authenticate(request("GET", with(cookieOf(t, w)))); err != nil {
			t.Fatal(err)
		}
	}
}

// TestUndecodable: a session whose data cannot be decoded, as another version of the
// program has written it, was deleted by a mere read. It is our failure, is never
// deleted, and its user can see and end it.
func TestUndecodable(t *testing.T) {
	store := newMemory(t, nil)
	type next struct{ Email []string } // the type has changed
	v2 := guard.Must(session.New[next](&session.Options{Store: store}))
	w := recorder()
	s2, err := v2.Create(w, request("POST"), "alice", next{[]string{"top secret"}})
	if err != nil {
		t.Fatal(err)
	}
	c := cookieOf(t, w)
	v1 := manager(t, &session.Options{Store: store})
	zero := manager(t, &session.Options{Store: store, AcceptUndecodable: true})

	for name, step := range map[string]guard.Middleware{"Require": guard.Require(v1), "Optional": guard.Optional(v1), "Lenient": guard.Lenient(v1)} {
		got := observed(t, request("GET", with(c)), func(w http.ResponseWriter, r *http.Request) error {
			step(http.NotFoundHandler()).ServeHTTP(w, r)
			if len(w.Header()["Set-Cookie"]) > 0 {
				t.Error("the cookie is cleared")
			}
			return nil
		})
		if len(got) != 1 || got[0].Status != 500 || got[0].Outcome != guard.Failed || !strings.Contains(got[0].Reason, "Email is no string") || strings.Contains(got[0].Reason, "secret") {
			t.Errorf("%s: %+v", name, got)
		}
	}
	list, err := v1.List(t.Context(), "alice")
	if err != nil || len(list) != 1 || list[0].Data() != (profile{}) || list[0].ID() != s2.ID() {
		t.Fatalf("listed: %v, %v", list, err)
	}
	_, err = v1.Update(t.Context(), list[0], func(*profile) error { t.Error("changed"); return nil })
	refused(t, err, 500, "")
	_, err = v1.Reload(t.Context(), list[0])
	refused(t, err, 500, "")

	// By option it is a session without data, which is reported.
	got := observed(t, request("GET", with(c)), func(w http.ResponseWriter, r *http.Request) error {
		if w, reached := serve(t, zero.Wrap, r); !reached || w.Body.String() != "alice " {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		return nil
	})
	if len(got) != 2 || got[0].Guard != "decode" || got[0].Outcome != guard.Failed {
		t.Errorf("%+v", got)
	}
	if s, err := v2.Authenticate(request("GET", with(c))); err != nil || s.Data().Email[0] != "top secret" {
		t.Fatal(s, err)
	}
	if _, err := zero.Update(t.Context(), list[0], func(*profile) error { return nil }); err == nil {
		t.Error("an update of another manager's session")
	}
	list, err = zero.List(t.Context(), "alice")
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	if _, err := zero.Update(t.Context(), list[0], func(p *profile) error { p.Email = "a@b"; return nil }); err != nil {
		t.Fatal(err)
	}
	if s, err := v1.Authenticate(request("GET", with(c))); err != nil || s.Data().Email != "a@b" {
		t.Error(s, err)
	}
	if found, err := v1.DestroyID(t.Context(), "alice", s2.ID()); !found || err != nil {
		t.Error(found, err)
	}
}

// Create reports data that JSON cannot decode again.
func TestDataThatDoesNotDecode(t *testing.T) {
	m, err := session.New[oneWay](nil)
	if err != nil {
		t.Fatal(err)
	}
	w := recorder()
	_, err = m.Create(w, request("POST"), "alice", oneWay{1})
	if refused(t, err, 500, ""); len(w.Header()) != 0 {
		t.Error("signed in")
	}
	if _, err := m.Create(w, request("POST"), "alice", oneWay{0}); err == nil {
		t.Error("signed in")
	}
}

type oneWay struct{ n int }

func (o oneWay) MarshalJSON() ([]byte, error) { return []byte(`"x"`), nil }

func TestIsCopyable(t *testing.T) {
	type named struct {
		When time.Time
		At   [2]struct{ X, Y float64 }
		Name string
		On   bool
		C    int8
	}
	for name, tt := range map[string]struct{ got, want bool }{
		"struct":    {session.IsCopyable[named](), true},
		"empty":     {session.IsCopyable[struct{}](), true},
		"pointer":   {session.IsCopyable[*named](), false},
		"slice":     {session.IsCopyable[[]string](), false},
		"map":       {session.IsCopyable[map[string]int](), false},
		"any":       {session.IsCopyable[any](), false},
		"in struct": {session.IsCopyable[struct{ a []int }](), false},
		"in array":  {session.IsCopyable[[3]*int](), false},
		"channel":   {session.IsCopyable[chan int](), false},
		"function":  {session.IsCopyable[func()](), false},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %t", name, tt.got)
		}
	}
}
