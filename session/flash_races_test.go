package session_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/session"
)

func TestFlashErrors(t *testing.T) {
	methods := ""
	memory := newMemory(t, nil)
	m := manager(t, &session.Options{Store: failing(memory, &methods)})
	_, c := create(t, m, "alice")
	flash(t, m, "kept", with(c))
	cross := request("POST", with(c), "Sec-Fetch-Site: cross-site")
	w := recorder()
	refused(t, m.Flash(w, cross, "x"), 403, "Cross-origin")
	_, err := m.Flashes(w, cross)
	refused(t, err, 403, "Cross-origin")
	if len(w.Header()) != 0 {
		t.Errorf("%v", w.Header())
	}
	for _, methods = range []string{"Load", "Update"} {
		refused(t, m.Flash(recorder(), request("POST", with(c)), "x"), 503, "")
		list, err := m.Flashes(recorder(), request("GET", with(c)))
		refused(t, err, 503, "")
		if list != nil {
			t.Errorf("%q", list)
		}
	}
	methods = "Insert"
	refused(t, m.Flash(recorder(), request("POST"), "x"), 503, "")
	methods = ""
	wantFlashes(t, m, with(c), "kept")
}

// Each message is read once, and none is lost, whatever runs at the same time.
func TestFlashRaces(t *testing.T) {
	m := manager(t, nil)
	s, c := create(t, m, "alice")
	var mu sync.Mutex
	read := map[string]int{}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			if err := m.Flash(recorder(), request("POST", with(c)), fmt.Sprint(i)); err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() {
			if _, err := m.Update(context.Background(), s, func(p *profile) error { p.Role += "x"; return nil }); err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() {
			list, err := m.Flashes(recorder(), request("GET", with(c)))
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			for _, text := range list {
				read[text]++
			}
		})
	}
	wg.Wait()
	rest, err := m.Flashes(recorder(), request("GET", with(c)))
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range rest {
		read[text]++
	}
	for i := range 8 {
		if read[fmt.Sprint(i)] != 1 {
			t.Errorf("message %d was read %d times", i, read[fmt.Sprint(i)])
		}
	}
	got, err := m.Authenticate(request("GET", with(c)))
	if err != nil || got.Data().Role != "user"+strings.Repeat("x", 8) {
		t.Errorf("%+v, %v", got.Data(), err)
	}
}

// A session that ends between Load and Update is not created again.
func TestFlashOfEnding(t *testing.T) {
	memory := newMemory(t, nil)
	ending := false
	m := manager(t, &session.Options{Store: &faulty{memory, func(ctx context.Context, method string) error {
		if ending && method == "Update" {
			_, err := memory.DeleteAll(ctx, "alice", nil)
			return err
		}
		return nil
	}}})
	_, c := create(t, m, "alice")
	flash(t, m, "x", with(c))
	ending = true
	wantFlashes(t, m, with(c))
	wantLen(t, memory, 0)
	_, c = create(t, m, "alice")
	refused(t, m.Flash(recorder(), request("POST", with(c)), "x"), 401, "Invalid session")
	wantLen(t, memory, 0)
}

// Sessions of different subjects are ended, as by Authenticate, and no one's messages
// are shown.
func TestFlashAmongSubjects(t *testing.T) {
	m := manager(t, &session.Options{Domain: "example.com"})
	_, a := create(t, m, "alice")
	_, b := create(t, m, "bob")
	flash(t, m, "Of Alice", with(a))
	wantFlashes(t, m, all(a, b))
	alive(t, m, a, invalid)
	alive(t, m, b, invalid)
}

// The data of D may be any JSON, and is none of Flash's.
func TestFlashOfAnyData(t *testing.T) {
	testFlashData(t, 7)
	testFlashData(t, "text")
	testFlashData(t, []string{"a"})
	testFlashData(t, map[string]any{"flash": []any{"b"}, "data": "c", "": "d"})
	testFlashData(t, struct {
		Flash []string `json:"flash"`
		Data  string   `json:"data"`
	}{[]string{"e"}, "f"})
	testFlashData(t, (*int)(nil))
}

func testFlashData[D any](t *testing.T, data D) {
	t.Helper()
	m := guard.Must(session.New[D](nil))
	w := recorder()
	s, err := m.Create(w, request("POST"), "alice", data)
	if err != nil {
		t.Fatal(err)
	}
	c := with(cookieOf(t, w))
	if err := m.Flash(recorder(), request("POST", c), "x"); err != nil {
		t.Fatal(err)
	}
	if s, err = m.Update(t.Context(), s, func(d *D) error {
		if fmt.Sprint(*d) != fmt.Sprint(data) {
			return errors.New("another value")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for _, want := range [][]string{{"x"}, nil} {
		got, err := m.Authenticate(request("GET", c))
		if err != nil || fmt.Sprint(got.Data()) != fmt.Sprint(data) || fmt.Sprint(s.Data()) != fmt.Sprint(data) {
			t.Errorf("%v, %v; want %v", got.Data(), err, data)
		}
		if list, err := m.Flashes(recorder(), request("GET", c)); err != nil || !slices.Equal(list, want) {
			t.Errorf("%q, %v; want %q", list, err, want)
		}
	}
}

// Messages that a store has spoiled are our failure.
func TestFlashUndecodable(t *testing.T) {
	memory := newMemory(t, nil)
	m := manager(t, &session.Options{Store: memory})
	s, c := create(t, m, "alice")
	list, err := memory.List(t.Context(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := memory.Update(t.Context(), list[0].Key, 1, ` {"flash":[1],"data":{}}`); !ok || err != nil {
		t.Fatal(err)
	}
	_, err = m.Flashes(recorder(), request("GET", with(c)))
	refused(t, err, 500, "")
	refused(t, m.Flash(recorder(), request("POST", with(c)), "x"), 500, "")
	_, err = m.Update(t.Context(), s, func(*profile) error { return nil })
	if err == nil {
		t.Error("updated")
	}
}

// Behind Require a handler sets a message in one line and reads it in one.
func TestFlashBehindRequire(t *testing.T) {
	m := manager(t, nil)
	_, c := create(t, m, "alice")
	harness.Serve(t, m.Wrap, func(w http.ResponseWriter, r *http.Request) {
		if err := m.Flash(w, r, "Saved"); err != nil {
			t.Error(err)
		}
	}, request("POST", with(c)))
	w, _ := harness.Serve(t, m.Wrap, func(w http.ResponseWriter, r *http.Request) {
		list, err := m.Flashes(w, r)
		fmt.Fprint(w, list, err)
	}, request("GET", with(c)))
	if w.Body.String() != "[Saved] <nil>" {
		t.Error(w.Body)
	}
}
