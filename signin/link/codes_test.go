package link_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/race"
	"github.com/go-guard/guard/ratelimit"
	"github.com/go-guard/guard/signin/link"
)

func newCodes(t testing.TB, a *accounts, c *clock, opts link.CodeOptions) *link.Codes {
	t.Helper()
	opts.Now = c.Now
	codes, err := link.NewCodes("confirm", key('k'), a.state, &opts)
	if err != nil {
		t.Fatal(err)
	}
	return codes
}

func issueCode(t testing.TB, codes *link.Codes, subject string) string {
	t.Helper()
	code, err := codes.Issue(t.Context(), subject)
	if err != nil {
		t.Fatal(err)
	}
	return code
}

func redeemCode(codes *link.Codes, subject, code string, action func(context.Context, string) error) answer {
	return answerOf(func(ctx context.Context) error { return codes.Redeem(ctx, subject, code, action) })
}

// wrong returns a code of as many digits that differs in the last.
func wrong(code string) string {
	return code[:len(code)-1] + string('0'+(code[len(code)-1]-'0'+1)%10)
}

const (
	refusedCode = `{"error":"Bad Request","message":"Invalid or expired code"}`
	tooMany     = `{"error":"Too Many Requests","message":"Too many wrong codes. Try again later"}`
)

func TestNewCodes(t *testing.T) {
	a := newAccounts()
	var nilStore *ratelimit.Memory
	for want, opts := range map[string]link.CodeOptions{
		"":                           {},
		" ":                          {Digits: 10, Attempts: 10, AttemptsPerDay: 10, Lifetime: time.Hour},
		"5 Digits":                   {Digits: 5},
		"11 Digits":                  {Digits: 11},
		"-1 Attempts":                {Attempts: -1},
		"11 Attempts":                {Attempts: 11},
		"4 AttemptsPerDay":           {AttemptsPerDay: 4},
		"101 AttemptsPerDay":         {AttemptsPerDay: 101},
		"Lifetime of codes of 1s":    {Lifetime: time.Second},
		"Lifetime of codes of 2h":    {Lifetime: 2 * time.Hour},
		"Limits is a nil *ratelimit": {Limits: nilStore},
		"key 2":                      {OldKeys: []guard.Secret{nil}},
	} {
		codes, err := link.NewCodes("confirm", key('k'), a.state, &opts)
		if (strings.TrimSpace(want) == "") != (err == nil) || (codes == nil) != (err != nil) || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	_, err := link.NewCodes("", nil, nil, &link.CodeOptions{Digits: 1, Attempts: -1, AttemptsPerDay: -1, Lifetime: -1})
	if n := strings.Count(err.Error(), "\n") + 1; n != 7 {
		t.Errorf("%d mistakes, want 7: %v", n, err)
	}
}

func TestCodes(t *testing.T) {
	for digits := 6; digits <= 10; digits++ {
		c, a := newClock(), newAccounts()
		codes := newCodes(t, a, c, link.CodeOptions{Digits: digits})
		code := issueCode(t, codes, "1")
		if len(code) != digits || strings.Trim(code, "0123456789") != "" {
			t.Fatalf("code %q", code)
		}
		got := ""
		first := redeemCode(codes, "1", " "+code[:3]+" "+code[3:], func(ctx context.Context, subject string) error {
			got = subject
			return a.reset(ctx, subject)
		})
		first.is(t, 200, "", "")
		if d := first.last(); got != "1" || d.Package != "link" || d.Guard != "confirm" || d.Action != "redeem" || d.Subject != "1" {
			t.Errorf("%q, %+v", got, d)
		}
		redeemCode(codes, "1", code, never(t)).is(t, 400, refusedCode, "wrong or expired")
	}
}

func TestRefusedCodes(t *testing.T) {
	c, a := newClock(), newAccounts()
	codes := newCodes(t, a, c, link.CodeOptions{})
	code := issueCode(t, codes, "1")
	of := func(c *link.Codes, subject string) string { return issueCode(t, c, subject) }
	verify := guard.Must(link.NewCodes("verify", key('k'), a.state, &link.CodeOptions{Now: c.Now}))
	otherKey := guard.Must(link.NewCodes("confirm", key('x'), a.state, &link.CodeOptions{Now: c.Now}))
	a.set("moved", "hash")
	moved := of(codes, "moved")
	a.set("moved", "hash2")
	const count, free = "wrong or expired", "not a code"
	for _, tt := range []struct{ name, subject, code, reason string }{
		{"empty", "1", "", free},
		{"spaces", "1", "      ", free},
		{"short", "1", code[1:], free},
		{"long", "1", code + "0", free},
		{"a letter", "1", "a" + code[1:], free},
		{"a sign", "1", "+" + code[1:], free},
		{"a NUL", "1", "\x00" + code[1:], free},
		{"a line end", "1", code + "\n", free},
		{"digits of another script", "1", "١٢٣٤٥٦", free},
		{"a megabyte", "1", megabyte, free},
		{"no subject", "", code, free},
		{"a long subject", strings.Repeat("x", 256), code, free},
		{"wrong", "1", wrong(code), count},
		{"another subject's", "1", of(codes, "2"), count},
		{"another purpose's", "1", of(verify, "1"), count},
		{"another key's", "1", of(otherKey, "1"), count},
		{"an unknown subject", "unknown", code, count},
		{"another state", "moved", moved, count},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := redeemCode(codes, tt.subject, tt.code, never(t))
			got.is(t, 400, refusedCode, tt.reason)
			if e := got.err.(*guard.Error); e.Code != "code_invalid" || len(tt.code) == 6 && strings.Contains(fmt.Sprint(got.decisions, got.err), tt.code) {
				t.Errorf("%v, %+v", e, got.decisions)
			}
		})
	}
	redeemCode(codes, "1", code, a.reset).is(t, 200, "", "") // four wrong ones, and those that are no codes
}

// TestLifetimeOfCodes: a code works for half the Lifetime at least, and for all of it at
// most; by a clock that is 10 seconds behind, too. Codes of half a Lifetime are one.
func TestLifetimeOfCodes(t *testing.T) {
	start := time.UnixMilli(0).Add(5 * time.Minute * 5_900_000) // of a half
	for issued := time.Duration(0); issued < 5*time.Minute; issued += 13 * time.Second {
		c, a := newClock(), newAccounts()
		codes := newCodes(t, a, c, link.CodeOptions{Attempts: 10, AttemptsPerDay: 100})
		c.now = start.Add(issued)
		code := issueCode(t, codes, "1")
		valid := func(at time.Duration) bool {
			c.now = start.Add(issued + at)
			return redeemCode(codes, "1", code, func(context.Context, string) error { return guard.Forbidden("No") }).Code == 403
		}
		for at, want := range map[time.Duration]bool{
			-10 * time.Second: true, 0: true, 5*time.Minute - 1: true, 10 * time.Minute: false, 10*time.Minute - issued - time.Millisecond: true, 10*time.Minute - issued: false,
			-5*time.Minute - 11*time.Second: false,
		} {
			if valid(at) != want {
				t.Errorf("issued after %v, at %v: valid %t", issued, at, !want)
			}
		}
		c.now = start
		if issueCode(t, codes, "1") != code {
			t.Errorf("another code after %v", issued)
		}
	}
}

// TestCodesDiffer: two subjects, states, purposes or halves of a Lifetime rarely share one.
func TestCodesDiffer(t *testing.T) {
	c, a := newClock(), newAccounts()
	codes := newCodes(t, a, c, link.CodeOptions{Digits: 10})
	seen := map[string]bool{}
	digits := map[byte]int{}
	for i := range 500 {
		subject := fmt.Sprint("s", i%10)
		a.set(subject, fmt.Sprint(i/10%10))
		if i%100 == 0 {
			c.Advance(5 * time.Minute)
		}
		code := issueCode(t, codes, subject)
		seen[code] = true
		for _, d := range []byte(code) {
			digits[d]++
		}
	}
	if len(seen) != 500 {
		t.Errorf("%d codes", len(seen))
	}
	for d, n := range digits {
		if n < 400 || n > 600 { // 500 is expected
			t.Errorf("%d times %c", n, d)
		}
	}
}

func TestCodeKeyRotation(t *testing.T) {
	c, a := newClock(), newAccounts()
	before := guard.Must(link.NewCodes("confirm", key('a'), a.state, &link.CodeOptions{Now: c.Now}))
	during := guard.Must(link.NewCodes("confirm", key('b'), a.state, &link.CodeOptions{Now: c.Now, OldKeys: []guard.Secret{key('a')}}))
	code := issueCode(t, before, "1")
	redeemCode(during, "1", code, a.reset).is(t, 200, "", "")
}

func TestAllocationsOfCodes(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	codes := guard.Must(link.NewCodes("confirm", key('k'), func(context.Context, string) (string, bool, error) { return "hash", true, nil }, nil))
	ctx := t.Context()
	if n := testing.AllocsPerRun(100, func() { codes.Issue(ctx, "1") }); n > 4 {
		t.Errorf("Issue: %v allocations", n)
	}
	if n := testing.AllocsPerRun(100, func() { codes.Redeem(ctx, "1", "12345", nil) }); n > 8 {
		t.Errorf("Redeem of no code: %v allocations", n)
	}
}
