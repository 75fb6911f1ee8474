package session_test

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/internal/testing/race"
	"github.com/go-guard/guard/session"
)

func TestAuthenticate(t *testing.T) {
	m := manager(t, nil)
	_, c := create(t, m, "alice")
	const name = "__Host-session"
	const cleared = name + "=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax"
	valid := name + "=" + c.Value
	last := "A"
	if strings.HasSuffix(c.Value, last) {
		last = "E"
	}
	notAuthenticated, invalid := e401("Not authenticated"), e401("Invalid session")
	tests := []struct {
		name   string
		header []string
		want   string
		status int
	}{
		{"none", nil, notAuthenticated, 401},
		{"another cookie", []string{"Cookie: other=1"}, notAuthenticated, 401},
		{"without the prefix", []string{"Cookie: session=" + c.Value}, notAuthenticated, 401},
		{"in another case", []string{"Cookie: __host-session=" + c.Value}, notAuthenticated, 401},
		{"nameless", []string{"Cookie: =" + valid}, notAuthenticated, 401},
		{"in another's value", []string{"Cookie: a=" + valid}, notAuthenticated, 401},
		{"in quotes of another", []string{`Cookie: a="x ` + valid + `"`}, notAuthenticated, 401},
		{"bearer token", []string{"Authorization: Bearer " + c.Value}, notAuthenticated, 401},
		{"empty", []string{"Cookie: " + name + "="}, invalid, 401},
		{"without equals sign", []string{"Cookie: " + name}, invalid, 401},
		{"malformed", []string{"Cookie: " + name + "=x"}, invalid, 401},
		{"unknown", []string{"Cookie: " + name + "=" + strings.Repeat("A", 43)}, invalid, 401},
		{"altered", []string{"Cookie: " + valid[:len(valid)-1] + last}, invalid, 401},
		{"shorter", []string{"Cookie: " + valid[:len(valid)-1]}, invalid, 401},
		{"longer", []string{"Cookie: " + valid + "A"}, invalid, 401},
		{"padded", []string{"Cookie: " + valid + "="}, invalid, 401},
		{"quoted", []string{`Cookie: ` + name + `="` + c.Value + `"`}, invalid, 401},
		{"another spelling", []string{"Cookie: " + valid[:len(valid)-1] + other(c.Value[42])}, invalid, 401},
		{"with a line break", []string{"Cookie: " + valid[:len(valid)-1] + "\n"}, invalid, 401},
		{"twice", []string{"Cookie: " + valid + "; " + valid}, invalid, 401},
		{"twice, the second empty", []string{"Cookie: " + valid + "; " + name}, invalid, 401},
		{"twice, the first unreadable", []string{"Cookie: " + name + "=\"\\; " + valid}, invalid, 401},
		{"in two lines", []string{"Cookie: " + valid, "Cookie: " + valid}, invalid, 401},
		{"valid", []string{"Cookie: " + valid}, "alice alice@example.com", 200},
		{"valid among others", []string{"Cookie: a=1;" + valid + " ;\tb=2"}, "alice alice@example.com", 200},
		{"valid in a second line", []string{"Cookie: a=1", "Cookie: " + valid}, "alice alice@example.com", 200},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w, reached := serve(t, m.Wrap, request("GET", tt.header...))
			if w.Code != tt.status || w.Body.String() != tt.want || reached != (tt.status == 200) {
				t.Errorf("%d %s, reached %t; want %d %s", w.Code, w.Body, reached, tt.status, tt.want)
			}
			if got := w.Header()["Vary"]; !slices.Equal(got, []string{"Cookie"}) {
				t.Errorf("Vary %q", got)
			}
			if got := w.Header().Get("Www-Authenticate"); (got == "Session") != (tt.status == 401) {
				t.Errorf("challenge %q", got)
			}
			want := "private" // shared caches must not store what a cookie selects
			if tt.status != 200 {
				want = "no-store"
			}
			if got := w.Header().Get("Cache-Control"); got != want {
				t.Errorf("Cache-Control %q", got)
			}
			if got := w.Header().Get("Set-Cookie"); (got == cleared) != (tt.want == invalid) || got != "" && got != cleared {
				t.Errorf("Set-Cookie %q", got)
			}
		})
	}
}

// other returns another letter for the same bits, as the last of 43.
func other(c byte) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return string(alphabet[strings.IndexByte(alphabet, c)|1])
}

func TestOptionalAndLenient(t *testing.T) {
	methods := ""
	m := manager(t, &session.Options{Store: failing(newMemory(t, nil), &methods), Missing: "Sign in"})
	_, c := create(t, m, "alice")
	for _, tt := range []struct {
		name                   string
		down                   string
		header                 []string
		require, opt, tolerant int
	}{
		{"anonymous", "", nil, 401, 200, 200},
		{"signed in", "", []string{with(c)}, 200, 200, 200},
		{"invalid", "", []string{with(c) + "x"}, 401, 200, 200},
		{"two", "", []string{with(c), with(c)}, 401, 200, 200},
		{"down", "Load", []string{with(c)}, 503, 503, 503},
		{"down, anonymous", "Load", nil, 401, 200, 200}, // the store is not called
		{"down, malformed", "Load", []string{with(c) + "x"}, 401, 200, 200},
	} {
		t.Run(tt.name, func(t *testing.T) {
			methods = tt.down
			for i, step := range []guard.Middleware{guard.Require(m), guard.Optional(m), guard.Lenient(m)} {
				want := []int{tt.require, tt.opt, tt.tolerant}[i]
				w, reached := serve(t, step, request("GET", tt.header...))
				if w.Code != want || reached != (want == 200) || strings.Contains(w.Body.String(), "10.0.0.7") {
					t.Errorf("step %d: %d %s, reached %t; want %d", i, w.Code, w.Body, reached, want)
				}
			}
		})
	}
}

type user struct{ Name string }

func TestBySubject(t *testing.T) {
	m := manager(t, nil)
	byID := guard.BySubject(m, func(_ context.Context, subject string) (user, bool, error) {
		return user{"Alice"}, subject == "1", nil
	})
	h := byID.Wrap(guard.HandlerFunc(func(w http.ResponseWriter, r *http.Request, u user) {
		s, _ := guard.CredentialFrom[*login](r.Context())
		fmt.Fprint(w, u.Name, " ", s.Sub())
	}))
	_, existing := create(t, m, "1")
	_, deleted := create(t, m, "2")
	for _, tt := range []struct{ header, want string }{
		{with(existing), "Alice 1"}, {with(deleted), e401("Invalid session")}, {"Cookie: a=b", e401("Not authenticated")},
	} {
		w, _ := serve(t, func(http.Handler) http.Handler { return h }, request("GET", tt.header))
		if w.Body.String() != tt.want || w.Header().Get("Vary") != "Cookie" {
			t.Errorf("%s: %d %s", tt.header, w.Code, w.Body)
		}
	}
}

// A store that returns the wrong record must not sign in its subject.
func TestStoreReturnsWrongRecord(t *testing.T) {
	memory := newMemory(t, nil)
	m := manager(t, &session.Options{Store: memory})
	_, c := create(t, m, "alice")
	wrong := manager(t, &session.Options{Store: misdirecting{memory}})
	if w, reached := serve(t, wrong.Wrap, request("GET", with(c))); w.Code != 500 || reached {
		t.Errorf("%d, reached %t", w.Code, reached)
	}
}

// TestStoreMixesUpHalfSignIns: a store that returns a half sign-in under the subject of a
// full session, or the reverse, signs no one in.
func TestStoreMixesUpHalfSignIns(t *testing.T) {
	memory := newMemory(t, nil)
	m := manager(t, &session.Options{Store: memory})
	_, full := create(t, m, "alice")
	_, half := pending(t, m)
	for name, tt := range map[string]struct {
		change func(*session.Record)
		cookie *http.Cookie
	}{
		"half, renamed":     {func(rec *session.Record) { rec.Subject = "alice" }, half},
		"full, as a half's": {func(rec *session.Record) { rec.Subject = subjectOfHalf(t, memory, half) }, full},
		"no subject":        {func(rec *session.Record) { rec.Subject = "" }, full},
		"a broken login":    {func(rec *session.Record) { rec.Login = "?" }, full},
	} {
		wrong := manager(t, &session.Options{Store: changing{memory, tt.change}})
		for _, mw := range []guard.Middleware{wrong.Wrap, guard.Require(wrong.Step("totp")), guard.Optional(wrong)} {
			if w, reached := serve(t, mw, request("GET", with(tt.cookie))); w.Code != 500 || reached {
				t.Errorf("%s: %d, reached %t", name, w.Code, reached)
			}
		}
	}
}

// subjectOfHalf returns what a store calls the subject of a half sign-in.
func subjectOfHalf(t *testing.T, store session.Store, c *http.Cookie) (subject string) {
	t.Helper()
	spy := changing{store, func(rec *session.Record) { subject = rec.Subject }}
	serve(t, guard.Require(manager(t, &session.Options{Store: spy}).Step("totp")), request("GET", with(c)))
	if subject == "" || subject == "alice" {
		t.Fatalf("the subject of a half sign-in is %q", subject)
	}
	return subject
}

// changing is a store that changes the records that it returns.
type changing struct {
	session.Store
	change func(*session.Record)
}

func (c changing) Load(ctx context.Context, key session.Key) (session.Record, bool, error) {
	rec, found, err := c.Store.Load(ctx, key)
	c.change(&rec)
	return rec, found, err
}

type misdirecting struct{ session.Store }

func (m misdirecting) Load(ctx context.Context, key session.Key) (session.Record, bool, error) {
	rec, found, err := m.Store.Load(ctx, key)
	rec.Key[0]++
	return rec, found, err
}

// authenticated returns a handler behind authentication and a request with a
// session.
func authenticated(b testing.TB) (http.Handler, *http.Request) {
	m := manager(b, nil)
	_, c := create(b, m, "alice")
	return m.Wrap(guard.HandlerFunc(func(http.ResponseWriter, *http.Request, *login) {})),
		request("GET", "Cookie: theme=dark; "+c.Name+"="+c.Value+"; lang=en")
}

// The root's step allocates a copy of the request and a context node, which holds
// the fields Vary and Cache-Control; this package allocates nothing.
func TestBudget(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	h, r := authenticated(t)
	w := harness.NewDiscard()
	get := func() { clear(w.Fields); h.ServeHTTP(w, r) }
	allocs := testing.AllocsPerRun(1000, get)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 1000 {
		get()
	}
	runtime.ReadMemStats(&after)
	if bytes := (after.TotalAlloc - before.TotalAlloc) / 1000; allocs > 2 || bytes > 432 {
		t.Errorf("%v allocs, %d bytes; want 2 and 432", allocs, bytes)
	}
}

func BenchmarkGet(b *testing.B) {
	h, r := authenticated(b)
	b.Run("alone", func(b *testing.B) {
		b.ReportAllocs()
		w := harness.NewDiscard()
		for b.Loop() {
			clear(w.Fields)
			h.ServeHTTP(w, r)
		}
	})
	b.Run("eight", func(b *testing.B) {
		b.SetParallelism(4)
		b.RunParallel(func(pb *testing.PB) {
			w := harness.NewDiscard()
			for pb.Next() {
				clear(w.Fields)
				h.ServeHTTP(w, r)
			}
		})
	})
	b.Run("bare", func(b *testing.B) {
		w := harness.NewDiscard()
		h := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
		for b.Loop() {
			h.ServeHTTP(w, r)
		}
	})
}

func BenchmarkRefused(b *testing.B) {
	m := manager(b, nil)
	for name, r := range map[string]*http.Request{
		"none":      request("GET"),
		"malformed": request("GET", "Cookie: __Host-session=x"),
		"unknown":   request("GET", "Cookie: __Host-session=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			h := m.Wrap(http.NotFoundHandler())
			w := harness.NewDiscard()
			for b.Loop() {
				clear(w.Fields)
				h.ServeHTTP(w, r)
			}
		})
	}
}
