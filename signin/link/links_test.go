package link_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/race"
	"github.com/go-guard/guard/once"
	"github.com/go-guard/guard/signin/link"
)

func TestNew(t *testing.T) {
	var memory *once.Memory
	a := newAccounts()
	tests := []struct {
		name, purpose, url string
		key                guard.Secret
		opts               *link.Options
		want               string // part of the error; empty for none
	}{
		{"https", "reset", base, key('k'), nil, ""},
		{"a host alone", "reset", "https://app.example.com", key('k'), nil, ""},
		{"localhost", "reset", "http://localhost:8080/reset", key('k'), nil, ""},
		{"longest purpose", strings.Repeat("p", 32), base, key('k'), nil, ""},
		{"longest lifetime", "reset", base, key('k'), &link.Options{Lifetime: 30 * 24 * time.Hour}, ""},
		{"no purpose", "", base, key('k'), nil, `purpose ""`},
		{"a long purpose", strings.Repeat("p", 33), base, key('k'), nil, "purpose"},
		{"a space in the purpose", "re set", base, key('k'), nil, "purpose"},
		{"http", "reset", "http://app.example.com/reset", key('k'), nil, "not https"},
		{"no URL", "reset", "", key('k'), nil, "baseURL"},
		{"a path", "reset", "/reset", key('k'), nil, "absolute"},
		{"a fragment", "reset", base + "#token", key('k'), nil, "fragment"},
		{"a token", "reset", base + "?token=", key('k'), nil, `parameter "token"`},
		{"a bad query", "reset", base + "?a;b", key('k'), nil, "query"},
		{"no key", "reset", base, nil, nil, "key 1 of the key and OldKeys has 0 bytes, want at least 32"},
		{"a short key", "reset", base, key('k')[1:], nil, "has 31 bytes"},
		{"a short old key", "reset", base, key('k'), &link.Options{OldKeys: []guard.Secret{key('o'), nil}}, "key 3 of the key and OldKeys has 0 bytes"},
		{"a short lifetime", "reset", base, key('k'), &link.Options{Lifetime: time.Second}, "Lifetime of 1s"},
		{"a long lifetime", "reset", base, key('k'), &link.Options{Lifetime: 31 * 24 * time.Hour}, "Lifetime"},
		{"a negative lifetime", "reset", base, key('k'), &link.Options{Lifetime: -1}, "Lifetime"},
		{"a nil store", "reset", base, key('k'), &link.Options{Once: memory}, "Once is a nil *once.Memory"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l, err := link.New(tt.purpose, tt.url, tt.key, a.state, tt.opts)
			if (err == nil) != (tt.want == "") || (l == nil) != (err != nil) || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
	_, err := link.New("", "", nil, nil, &link.Options{Lifetime: -1})
	if n := strings.Count(err.Error(), "\n") + 1; n != 5 {
		t.Errorf("%d mistakes, want 5: %v", n, err)
	}
}

// TestURL: the token is added to the query that there is.
func TestURL(t *testing.T) {
	for from, want := range map[string]string{
		base:                                     base + "?token=",
		base + "?":                               base + "?token=",
		base + "?lang=de":                        base + "?lang=de&token=",
		base + "?lang=de&":                       base + "?lang=de&token=",
		base + "?tokens=1":                       base + "?tokens=1&token=",
		"https://app.example.com":                "https://app.example.com/?token=",
		"https://app.example.com?a=b":            "https://app.example.com/?a=b&token=",
		"http://[::1]:8080/a b":                  "http://[::1]:8080/a%20b?token=",
		"https://app.example.com/%2Fx?next=%2Fy": "https://app.example.com/%2Fx?next=%2Fy&token=",
	} {
		a := newAccounts()
		l := guard.Must(link.New("reset", from, key('k'), a.state, nil))
		got, err := l.Issue(t.Context(), "1")
		if token, ok := strings.CutPrefix(got, want); !ok || strings.Trim(token, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "" || err != nil {
			t.Errorf("%q: %q, %v; want %q and a token", from, got, err, want)
		}
		if subject, err := l.Open(t.Context(), issue(t, l, "1")); subject != "1" || err != nil {
			t.Errorf("%q: Open = %q, %v", from, subject, err)
		}
	}
}

func TestSubjects(t *testing.T) {
	c, a := newClock(), newAccounts()
	l := newLinks(t, a, c)
	for _, subject := range []string{"a", "\x00", "ä ö", strings.Repeat("x", 255)} {
		a.set(subject, "hash")
		token := issue(t, l, subject)
		if got, err := l.Open(t.Context(), token); got != subject || err != nil || len(token) > 512 {
			t.Errorf("%.20q: %.20q, %v, %d bytes", subject, got, err, len(token))
		}
	}
	for _, subject := range []string{"", strings.Repeat("x", 256)} {
		issued := answerOf(func(ctx context.Context) error { _, err := l.Issue(ctx, subject); return err })
		issued.is(t, 500, "could not be processed", "want 1 to 255")
	}
}

// TestOpen: a link opens as often as a scanner likes, and is redeemed afterwards.
func TestOpen(t *testing.T) {
	c, a := newClock(), newAccounts()
	s := newStore(c)
	l := guard.Must(link.New("reset", base, key('k'), a.state, &link.Options{Now: c.Now, Once: s}))
	token := issue(t, l, "1")
	for range 100 {
		o := open(l, token)
		o.is(t, 200, "", "")
		if d := o.last(); len(o.decisions) != 1 || d.Package != "link" || d.Guard != "reset" || d.Subject != "1" || d.Action != "" {
			t.Fatalf("%+v", o.decisions)
		}
	}
	if len(s.calls) > 0 {
		t.Errorf("Issue and Open called the store: %q", s.calls)
	}
	redeem(l, token, a.reset).is(t, 200, "", "")
	open(l, token).is(t, 400, refused, "state has changed")
}

func TestRedeem(t *testing.T) {
	c, a := newClock(), newAccounts()
	s := newStore(c)
	l := guard.Must(link.New("reset", base, key('k'), a.state, &link.Options{Now: c.Now, Once: s}))
	token := issue(t, l, "1")
	got := ""
	first := redeem(l, token, func(ctx context.Context, subject string) error {
		got = subject
		return a.reset(ctx, subject)
	})
	first.is(t, 200, "", "")
	if d := first.last(); got != "1" || len(first.decisions) != 1 || d.Action != "redeem" || d.Subject != "1" || d.Guard != "reset" {
		t.Errorf("%q, %+v", got, first.decisions)
	}
	if calls := strings.Join(s.calls, " "); calls != "Acquire Commit" {
		t.Errorf("calls of the store: %s", calls)
	}
	second := redeem(l, token, never(t))
	second.is(t, 400, refused, "state has changed")
	if second.Header().Get("Cache-Control") != "no-store" || second.Header().Get("Referrer-Policy") != "no-referrer" {
		t.Error(second.Header())
	}
}

// never is an action that must not be called.
func never(t *testing.T) func(context.Context, string) error {
	return func(context.Context, string) error {
		t.Helper()
		t.Error("the action was called")
		return nil
	}
}

// TestUnchangedState: where the action leaves the state as it is, no link of it works
// until those that were issued before have expired.
func TestUnchangedState(t *testing.T) {
	c, a := newClock(), newAccounts()
	l := newLinks(t, a, c)
	token := issue(t, l, "1")
	c.Advance(time.Minute)
	other := issue(t, l, "1")
	nothing := func(context.Context, string) error { return nil }
	redeem(l, token, nothing).is(t, 200, "", "")
	redeem(l, token, never(t)).is(t, 400, refused, "was redeemed before")
	redeem(l, other, never(t)).is(t, 400, refused, "was redeemed before")
	c.Advance(59 * time.Minute)
	redeem(l, other, never(t)).is(t, 400, refused, "was redeemed before")
	late := issue(t, l, "1")
	redeem(l, late, never(t)).is(t, 400, refused, "was redeemed before")
	c.Advance(4 * time.Minute) // leeway and slack
	redeem(l, late, nothing).is(t, 200, "", "")
	redeem(l, issue(t, l, "2"), nothing).is(t, 200, "", "")
}

// TestActionFails: an action that fails spends nothing, and its error is the answer.
func TestActionFails(t *testing.T) {
	c, a := newClock(), newAccounts()
	s := newStore(c)
	l := guard.Must(link.New("reset", base, key('k'), a.state, &link.Options{Now: c.Now, Once: s}))
	token := issue(t, l, "1")
	short := &guard.Error{Status: 422, Code: "password_too_short", Message: "Choose a longer password"}
	for range 3 {
		got := redeem(l, token, func(context.Context, string) error { return short })
		got.is(t, 422, "Choose a longer password", "password_too_short")
		if d := got.last(); len(got.decisions) != 1 || d.Package != "link" || d.Action != "redeem" {
			t.Errorf("%+v", got.decisions)
		}
	}
	down := redeem(l, token, func(context.Context, string) error { return context.DeadlineExceeded })
	down.is(t, 503, "", "deadline")
	func() {
		defer func() {
			if p := recover(); p != "broken" {
				t.Errorf("recovered %v", p)
			}
		}()
		l.Redeem(t.Context(), token, func(context.Context, string) error { panic("broken") })
	}()
	redeem(l, token, a.reset).is(t, 200, "", "")
	if calls := strings.Join(s.calls, " "); calls != strings.Repeat("Acquire Release ", 5)+"Acquire Commit" {
		t.Error(calls)
	}
}

// TestStoreFails: without the store nothing is redeemed. A store that fails while the
// action runs ends no link for longer than a minute, and no action that was done fails.
func TestStoreFails(t *testing.T) {
	down := errors.New("down")
	for _, tt := range []struct {
		name    string
		fail    string
		action  error // of the first call
		status  int   // of the first call
		reasons string
		again   int // the status a moment later
		later   int // the status after a minute
	}{
		{"acquire", "Acquire", nil, 503, "down", 200, 200},
		{"release", "Release", guard.Forbidden("No"), 403, "No", 400, 200},
		{"commit", "Commit", nil, 200, "link: redeemed, and not recorded: down", 400, 400},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, a := newClock(), newAccounts()
			s := newStore(c)
			l := guard.Must(link.New("reset", base, key('k'), a.state, &link.Options{Now: c.Now, Once: s}))
			for _, changes := range []time.Duration{0, time.Minute} {
				token := issue(t, l, "1")
				s.fail[tt.fail] = down
				got := redeem(l, token, func(ctx context.Context, subject string) error {
					if tt.action != nil {
						return tt.action
					}
					return a.reset(ctx, subject)
				})
				if got.Code != tt.status || !strings.Contains(got.decisions[0].Reason, tt.reasons) {
					t.Errorf("%d, %+v", got.Code, got.decisions)
				}
				if tt.fail == "Commit" && (len(got.decisions) != 2 || got.decisions[0].Outcome != guard.Failed || got.last().Outcome != guard.Allowed) {
					t.Errorf("%+v", got.decisions)
				}
				delete(s.fail, tt.fail)
				c.Advance(changes)
				want := tt.again
				if changes > 0 {
					want = tt.later
				}
				if got := redeem(l, token, a.reset); got.Code != want {
					t.Errorf("after %v: %d, %+v", changes, got.Code, got.decisions)
				}
				c.Advance(time.Hour)
			}
		})
	}
	// A store that is full is a failure, and no refusal.
	c, a := newClock(), newAccounts()
	full := guard.Must(once.NewMemory(&once.MemoryOptions{Max: 1, Now: c.Now}))
	full.Take(t.Context(), once.Key("other"), c.now.Add(time.Hour))
	l := guard.Must(link.New("reset", base, key('k'), a.state, &link.Options{Now: c.Now, Once: full}))
	redeem(l, issue(t, l, "1"), never(t)).is(t, 503, "", "full")
}

// TestStateFails: without the state nothing is known, which is never a refusal.
func TestStateFails(t *testing.T) {
	reported := func(ctx context.Context) error {
		return guard.Decision{Package: "session"}.Deny(ctx, guard.Unavailable(errors.New("epochs")))
	}
	for name, tt := range map[string]struct {
		err       func(context.Context) error
		pkg, text string
	}{
		"broken":                {func(context.Context) error { return errors.New("pq: broken") }, "link", "pq: broken"},
		"a timeout":             {func(context.Context) error { return context.DeadlineExceeded }, "link", "deadline"},
		"a refusal":             {func(context.Context) error { return guard.NotFound("No such user") }, "link", "No such user"},
		"no credentials":        {func(context.Context) error { return guard.ErrNoCredentials }, "link", "credentials"},
		"an odd status":         {func(context.Context) error { return &guard.Error{Status: 200} }, "link", ""},
		"an outage of sessions": {reported, "session", "epochs"},
	} {
		t.Run(name, func(t *testing.T) {
			fails := false
			l := guard.Must(link.New("reset", base, key('k'), func(ctx context.Context, _ string) (string, bool, error) {
				if fails {
					return "", true, tt.err(ctx)
				}
				return "hash", true, nil
			}, nil))
			token := issue(t, l, "1")
			fails = true
			for verb, got := range map[string]answer{
				"Issue":  answerOf(func(ctx context.Context) error { _, err := l.Issue(ctx, "1"); return err }),
				"Open":   open(l, token),
				"Redeem": redeem(l, token, never(t)),
			} {
				got.is(t, 503, `"Service Unavailable"`, tt.text)
				if d := got.last(); len(got.decisions) != 1 || d.Package != tt.pkg || strings.Contains(got.Body.String(), "broken") {
					t.Errorf("%s: %+v, %s", verb, got.decisions, got.Body)
				}
			}
		})
	}
}

// TestUnknownSubject: a handler that passes on the error of Issue answered 404 for a
// subject that does not exist, and 200 for others. Only Observe knows the difference.
func TestUnknownSubject(t *testing.T) {
	c, a := newClock(), newAccounts()
	l, codes := newLinks(t, a, c), newCodes(t, a, c, link.CodeOptions{})
	for name, issue := range map[string]func(context.Context, string) (string, error){"link": l.Issue, "code": codes.Issue} {
		text := ""
		got := answerOf(func(ctx context.Context) (err error) {
			text, err = issue(ctx, "unknown")
			return err
		})
		if d := got.last(); got.Code != 200 || got.err != nil || text != "" || len(got.decisions) != 1 ||
			d.Outcome != guard.Refused || d.Status != 0 || d.Action != "issue" || d.Subject != "unknown" || !strings.Contains(d.Reason, "does not exist") {
			t.Errorf("%s: %d, %v, %q, %+v", name, got.Code, got.err, text, got.decisions)
		}
	}
	issued := answerOf(func(ctx context.Context) error { _, err := l.Issue(ctx, "1"); return err })
	if d := issued.last(); d.Outcome != guard.Allowed || d.Action != "issue" || d.Subject != "1" || len(issued.decisions) != 1 {
		t.Errorf("%+v", issued.decisions)
	}
}

// TestClientLeaves: what was begun is completed, and what was not is not begun.
func TestClientLeaves(t *testing.T) {
	c, a := newClock(), newAccounts()
	l := newLinks(t, a, c)
	token := issue(t, l, "1")
	ctx, leave := context.WithCancel(t.Context())
	err := l.Redeem(ctx, token, func(ctx context.Context, subject string) error {
		leave()
		if _, bounded := ctx.Deadline(); ctx.Err() != nil || !bounded {
			t.Errorf("the action has a context with %v, bounded %t", ctx.Err(), bounded)
		}
		return nil // leaves the state as it is
	})
	if err != nil {
		t.Error(err)
	}
	redeem(l, token, never(t)).is(t, 400, refused, "was redeemed before")
}

func TestSetHeaders(t *testing.T) {
	h := http.Header{"Cache-Control": {"public"}, "Expires": {"x"}, "Referrer-Policy": {"unsafe-url"}}
	link.SetHeaders(h)
	if len(h) != 2 || h.Get("Cache-Control") != "no-store" || h.Get("Referrer-Policy") != "no-referrer" {
		t.Error(h)
	}
}

func TestAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	l := guard.Must(link.New("reset", base, key('k'), func(context.Context, string) (string, bool, error) { return "hash", true, nil }, nil))
	ctx, token := t.Context(), issue(t, newLinks(t, newAccounts(), newClock()), "1")
	valid := issue(t, l, "1")
	for name, tt := range map[string]struct {
		most float64
		f    func()
	}{
		"Issue":         {4, func() { l.Issue(ctx, "1") }},
		"Open":          {2, func() { l.Open(ctx, valid) }},
		"Open, expired": {8, func() { l.Open(ctx, token) }},
		"Open, 1 MB":    {8, func() { l.Open(ctx, megabyte) }},
	} {
		if n := testing.AllocsPerRun(100, tt.f); n > tt.most {
			t.Errorf("%s: %v allocations, want at most %v", name, n, tt.most)
		}
	}
}

var megabyte = strings.Repeat("A", 1<<20)

func BenchmarkOpen(b *testing.B) {
	l := guard.Must(link.New("reset", base, key('k'), func(context.Context, string) (string, bool, error) { return "hash", true, nil }, nil))
	valid, ctx := issue(b, l, "1"), b.Context()
	for name, token := range map[string]string{"valid": valid, "forged": valid[:len(valid)-30] + strings.Repeat("A", 30), "a megabyte": megabyte} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				l.Open(ctx, token)
			}
		})
	}
}
