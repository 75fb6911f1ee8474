package link_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
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
		{"a key of zeros", "reset", base, make(guard.Secret, 32), nil, "key 1 of the key and OldKeys has zeros only"},
		{"an old key of zeros", "reset", base, key('k'), &link.Options{OldKeys: []guard.Secret{make(guard.Secret, 40)}}, "key 2 of the key and OldKeys has zeros only"},
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

func TestSetHeaders(t *testing.T) {
	h := http.Header{"Cache-Control": {"public"}, "Expires": {"x"}, "Referrer-Policy": {"unsafe-url"}}
	link.SetHeaders(h)
	if len(h) != 2 || h.Get("Cache-Control") != "no-store" || h.Get("Referrer-Policy") != "no-referrer" {
		t.Error(h)
	}
}
