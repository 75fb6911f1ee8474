package session_test

import (
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

// A session whose data cannot be decoded, as the program has changed, is refused
// and deleted.
func TestUndecodable(t *testing.T) {
	store := newMemory(t, nil)
	old := guard.Must(session.New[[]string](&session.Options{Store: store}))
	w := recorder()
	if _, err := old.Create(w, request("POST"), "alice", []string{"x"}); err != nil {
		t.Fatal(err)
	}
	m := manager(t, &session.Options{Store: store})
	c := cookieOf(t, w)
	if list, err := m.List(t.Context(), "alice"); err != nil || len(list) != 0 {
		t.Errorf("listed: %v, %v", list, err)
	}
	alive(t, m, c, e401("Invalid session"))
	if list, err := old.List(t.Context(), "alice"); err != nil || len(list) != 0 {
		t.Errorf("it is still there: %v, %v", list, err)
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
