package session_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/session"
)

// all returns a Cookie field with several cookies of one name.
func all(list ...*http.Cookie) string {
	var pairs []string
	for _, c := range list {
		pairs = append(pairs, c.Name+"="+c.Value)
	}
	return "Cookie: " + strings.Join(pairs, "; ")
}

// TestSeveralCookies: two cookies of one name were 400 at every page until the person
// deleted them.
func TestSeveralCookies(t *testing.T) {
	now := harness.NewClock()
	methods := ""
	store := failing(newMemory(t, &session.MemoryOptions{Now: now.Now}), &methods)
	m := manager(t, &session.Options{Store: store, Domain: "example.com", Now: now.Now})
	_, old := create(t, m, "alice")
	now.Advance(30 * time.Minute) // it is expired
	_, first := create(t, m, "alice")
	now.Advance(time.Minute)
	_, second := create(t, m, "alice")
	_, bob := create(t, m, "bob")
	unknown := &http.Cookie{Name: first.Name, Value: strings.Repeat("A", 43)}
	bad := &http.Cookie{Name: first.Name, Value: "x"}
	for _, tt := range []struct {
		name    string
		cookies []*http.Cookie
		down    string
		want    string // a subject, or a refusal
		status  int
	}{
		{"one alive", []*http.Cookie{unknown, first}, "", "alice", 200},
		{"the alive one in front", []*http.Cookie{first, unknown}, "", "alice", 200},
		{"four, one alive", []*http.Cookie{unknown, bad, old, first}, "", "alice", 200},
		{"the same twice", []*http.Cookie{first, first}, "", "alice", 200},
		{"none alive", []*http.Cookie{unknown, old}, "", invalid, 401},
		{"malformed ones", []*http.Cookie{bad, bad}, "", invalid, 401},
		{"more than four", []*http.Cookie{first, first, first, first, first}, "", invalid, 401},
		{"the store is down", []*http.Cookie{unknown, first}, "Load", "", 503},
		{"the store is down, malformed ones", []*http.Cookie{bad, bad}, "Load", invalid, 401},
		{"the deletion fails", []*http.Cookie{first, bob}, "Delete", "", 503},
		{"one subject's", []*http.Cookie{first, second}, "", "alice", 200},
		{"several subjects'", []*http.Cookie{first, bob, second}, "", invalid, 401},
		{"which have ended", []*http.Cookie{first, bob}, "", invalid, 401},
	} {
		t.Run(tt.name, func(t *testing.T) {
			methods = tt.down
			w, reached := serve(t, m.Wrap, request("GET", all(tt.cookies...)))
			methods = ""
			got := w.Body.String()
			if reached {
				got, _, _ = strings.Cut(got, " ")
			}
			if w.Code != tt.status || tt.want != "" && got != tt.want || reached != (tt.status == 200) {
				t.Errorf("%d %s, want %d %s", w.Code, got, tt.status, tt.want)
			}
			if cleared := strings.Contains(w.Header().Get("Set-Cookie"), "=; Path=/; Domain=example.com; Max-Age=0"); cleared != (tt.status == 401) {
				t.Errorf("Set-Cookie %q", w.Header().Get("Set-Cookie"))
			}
		})
	}
	alive(t, m, second, invalid)
	alive(t, m, bob, invalid)
}

// Of several sessions of one subject the newest counts, in any order of the cookies,
// and the others stay.
func TestNewestOfSeveral(t *testing.T) {
	now := harness.NewClock()
	m := manager(t, &session.Options{InsecureCookie: true, Now: now.Now})
	var sessions []*login
	var list []*http.Cookie
	for range 4 {
		s, c := create(t, m, "alice")
		sessions, list = append(sessions, s), append(list, c)
		now.Advance(time.Minute)
	}
	alive(t, m, list[0], "alice") // the last used
	for range 4 {
		if s, err := m.Authenticate(request("GET", all(list...))); err != nil || s.ID() != sessions[3].ID() {
			t.Errorf("%v, %v; want %v", s, err, sessions[3])
		}
		list = append(list[1:], list[0])
	}
	for _, c := range list {
		alive(t, m, c, "alice")
	}
}

// TestSeveralHostCookies: no browser sends two, so that one of them is forged.
func TestSeveralHostCookies(t *testing.T) {
	methods := "Load Delete"
	m := manager(t, &session.Options{Store: failing(newMemory(t, nil), &methods)})
	_, c := create(t, m, "alice")
	for _, value := range []string{c.Value, "", "x", strings.Repeat("A", 43)} {
		other := &http.Cookie{Name: c.Name, Value: value}
		if w, reached := serve(t, m.Wrap, request("GET", all(c, other))); w.Code != 401 || w.Body.String() != invalid || reached {
			t.Errorf("beside %q: %d %s", value, w.Code, w.Body)
		}
	}
	methods = ""
	alive(t, m, c, "alice")
}

// A login and a logout are never refused for the several cookies of a browser, and end
// all.
func TestSeveralCookiesEnd(t *testing.T) {
	for _, o := range []session.Options{{Domain: "example.com"}, {InsecureCookie: true}, {}} {
		pairs := 90
		if o.Domain == "" && !o.InsecureCookie {
			pairs = 2
		}
		for name, end := range map[string]func(m *profiles, w http.ResponseWriter, r *http.Request) error{
			"Create": func(m *profiles, w http.ResponseWriter, r *http.Request) error {
				_, err := m.Create(w, r, "carol", profile{})
				return err
			},
			"Destroy": func(m *profiles, w http.ResponseWriter, r *http.Request) error { return m.Destroy(w, r) },
		} {
			m := manager(t, &o)
			var list []*http.Cookie
			for i := range pairs {
				_, c := create(t, m, fmt.Sprint("user", i))
				list = append(list, c, &http.Cookie{Name: c.Name, Value: "x"})
			}
			w := recorder()
			if err := end(m, w, request("POST", all(list...))); err != nil {
				t.Fatalf("%s, %+v: %v", name, o, err)
			}
			cookieOf(t, w)
			for _, c := range list {
				alive(t, m, c, invalid)
			}
			if err := end(m, recorder(), request("POST", all(append(list, list[0])...))); err == nil {
				t.Error("a request with more cookies than a browser has is accepted")
			}
		}
	}
}

// A browser can hold a partitioned cookie beside one that is not.
func TestSeveralPartitionedCookies(t *testing.T) {
	m := manager(t, &session.Options{SameSite: http.SameSiteNoneMode, Partitioned: true})
	_, c := create(t, m, "alice")
	if w, reached := serve(t, m.Wrap, request("GET", all(c, &http.Cookie{Name: c.Name, Value: "x"}))); !reached {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// The session of a Rotate may be that of any of several cookies.
func TestRotateWithSeveralCookies(t *testing.T) {
	m := manager(t, &session.Options{Domain: "example.com"})
	s, c := create(t, m, "alice")
	w := recorder()
	next, err := m.Rotate(w, request("POST", all(&http.Cookie{Name: c.Name, Value: "x"}, c)), s)
	if err != nil || next.ID() != s.ID() {
		t.Fatal(next, err)
	}
	alive(t, m, c, invalid)
	alive(t, m, cookieOf(t, w), "alice")
}

// The sessions that are ended since they are of several subjects are sign-outs, and
// the subject of a logout is that of the first live one.
func TestSeveralCookiesAreReported(t *testing.T) {
	m := manager(t, &session.Options{InsecureCookie: true})
	_, alice := create(t, m, "alice")
	_, bob := create(t, m, "bob")
	text := func(decisions []guard.Decision) (list []string) {
		for _, d := range decisions {
			list = append(list, d.Action+" "+string(d.Outcome)+" "+d.Subject+" "+d.Reason)
		}
		return list
	}
	got := text(observed(t, request("GET", all(alice, bob)), func(w http.ResponseWriter, r *http.Request) error {
		m.Wrap(http.NotFoundHandler()).ServeHTTP(w, r)
		return nil
	}))
	want := []string{"sign-out allowed alice ", "sign-out allowed bob ", " refused  session: cookies of several subjects, whose sessions were ended"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	_, carol := create(t, m, "carol")
	got = text(observed(t, request("POST", all(alice, carol)), m.Destroy))
	if want := []string{"sign-out allowed carol "}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// Anyone may send a logout. One with 180 cookies was 180 calls of the store, also where a
// browser has one cookie.
func TestPresentedIsBounded(t *testing.T) {
	for _, tt := range []struct {
		opts session.Options
		most int
	}{{session.Options{}, 4}, {session.Options{Domain: "example.com"}, 180}, {session.Options{Partitioned: true, SameSite: http.SameSiteNoneMode}, 180}} {
		calls := 0
		tt.opts.Store = &faulty{newMemory(t, nil), func(context.Context, string) error { calls++; return nil }}
		m := manager(t, &tt.opts)
		_, c := create(t, m, "alice")
		list := []*http.Cookie{c}
		for i := range tt.most {
			list = append(list, &http.Cookie{Name: c.Name, Value: fmt.Sprintf("%038d%05d", 0, i*16)})
		}
		calls = 0
		refused(t, m.Destroy(recorder(), request("POST", all(list...))), 431, "Too many session cookies")
		_, err := m.Create(recorder(), request("POST", all(list...)), "alice", profile{})
		refused(t, err, 431, "Too many session cookies")
		if calls != 0 {
			t.Errorf("%d calls of the store", calls)
		}
		alive(t, m, c, "alice")
		if err := m.Destroy(recorder(), request("POST", all(list[:tt.most]...))); err != nil {
			t.Error(err)
		}
		alive(t, m, c, invalid)
	}
}
