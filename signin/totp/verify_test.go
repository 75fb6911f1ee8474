package totp_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/ratelimit"
	"github.com/go-guard/guard/signin/totp"
)

const (
	wrong     = "totp: invalid code: wrong"
	used      = "totp: invalid code: used before, or older than one that was used"
	malformed = "totp: invalid code: neither a one-time code nor a recovery code"
	noFactor  = "totp: invalid code: the account has no second factor"
)

// TestSteps: a step of skew is accepted either way, each step once, and none after a newer.
func TestSteps(t *testing.T) {
	type try struct {
		advance time.Duration // before it
		step    int64
		status  int
		reason  string
	}
	for name, tries := range map[string][]try{
		"two steps back":             {{0, -2, 401, wrong}},
		"a step back":                {{0, -1, 200, ""}},
		"now":                        {{0, 0, 200, ""}},
		"a step ahead":               {{0, 1, 200, ""}},
		"two steps ahead":            {{0, 2, 401, wrong}},
		"again":                      {{0, 0, 200, ""}, {0, 0, 401, used}},
		"again, a step later":        {{0, 0, 200, ""}, {30 * time.Second, -1, 401, used}},
		"each of three":              {{0, -1, 200, ""}, {0, 0, 200, ""}, {0, 1, 200, ""}},
		"older after newer":          {{0, 0, 200, ""}, {0, -1, 401, used}},
		"older after the one ahead":  {{0, 1, 200, ""}, {0, 0, 401, used}, {0, -1, 401, used}},
		"the next after the next":    {{0, 1, 200, ""}, {30 * time.Second, 0, 401, used}, {30 * time.Second, 0, 200, ""}},
		"after a clock went back":    {{0, 0, 200, ""}, {-30 * time.Second, 0, 401, used}, {0, 1, 401, used}, {time.Minute, 0, 200, ""}},
		"and a while before":         {{0, 0, 200, ""}, {10 * time.Minute, 0, 200, ""}, {-10 * time.Minute, 0, 401, used}, {0, 1, 401, used}},
		"a clock that went far back": {{0, 0, 200, ""}, {-24 * time.Hour, 0, 401, used}},
	} {
		t.Run(name, func(t *testing.T) {
			a := newApp(t, totp.Options{})
			p, _ := a.enrolled("1")
			for _, try := range tries {
				a.clock.Advance(try.advance)
				a.want(a.verify("1", p.code(try.step)), try.status, try.reason)
			}
		})
	}
}

// TestHostileCodes has what is typed, sent and pasted.
func TestHostileCodes(t *testing.T) {
	a := newApp(t, totp.Options{})
	p, recovery := a.enrolled("1")
	other, otherRecovery := a.enrolled("2")
	c := p.code(0)
	fullWidth := strings.Map(func(r rune) rune { return r - '0' + '０' }, c)
	arabic := strings.Map(func(r rune) rune { return r - '0' + '٠' }, c)
	for name, tt := range map[string]struct{ code, reason string }{
		"empty":               {"", malformed},
		"spaces":              {"      ", malformed},
		"five digits":         {c[:5], malformed},
		"seven digits":        {c + "0", malformed},
		"a leading zero":      {"0" + c, malformed},
		"eight digits":        {c + "00", wrong},
		"twice":               {c + c, malformed},
		"full-width digits":   {fullWidth, malformed},
		"Arabic digits":       {arabic, malformed},
		"a plus":              {"+" + c, malformed},
		"a minus":             {"-" + c, malformed},
		"a hyphen":            {c[:3] + "-" + c[3:], malformed},
		"a point":             {c + ".0", malformed},
		"an exponent":         {c[:4] + "e1", malformed},
		"hexadecimal":         {"0x1234", malformed},
		"letters":             {"abcdef", malformed},
		"NUL":                 {c + "\x00", malformed},
		"NUL in front":        {"\x00" + c, malformed},
		"a newline":           {c + "\n", malformed},
		"invalid UTF-8":       {c + "\xff", malformed},
		"a megabyte":          {strings.Repeat("1", 1<<20), malformed},
		"a megabyte behind":   {c + strings.Repeat(" ", 1<<20), malformed},
		"another account's":   {other.code(0), wrong},
		"another's recovery":  {otherRecovery[0], "totp: invalid code: an unknown or used recovery code"},
		"a short recovery":    {recovery[0][:18], malformed},
		"a long recovery":     {recovery[0] + "A", malformed},
		"not base32":          {"0189-0189-0189-0189", malformed},
		"zeroes":              {"AAAA-AAAA-AAAA-AAAA", "totp: invalid code: an unknown or used recovery code"},
		"a code and recovery": {c + recovery[0], malformed},
	} {
		t.Run(name, func(t *testing.T) {
			a.t = t
			got := a.verify("1", tt.code)
			a.want(got, 401, tt.reason)
			if !errors.Is(got.err, totp.ErrCode) || errors.Is(got.err, totp.ErrLocked) {
				t.Errorf("error %v", got.err)
			}
			if err := a.Unlock(context.Background(), "1"); err != nil { // the next is not limited
				t.Fatal(err)
			}
		})
	}
	a.t = t
	a.want(a.verify("1", " "+c[:3]+" "+c[3:]+"  "), 200, "") // none of these spent it
	for _, d := range a.decisions {
		for _, secret := range []string{c, p.secret, recovery[0]} {
			if strings.Contains(fmt.Sprintf("%+v", d), secret) {
				t.Errorf("the decision %+v has %q", d, secret)
			}
		}
	}
}

// TestNoFactor: without a factor there is no right code, and no record is made.
func TestNoFactor(t *testing.T) {
	a := newApp(t, totp.Options{})
	a.want(a.verify("1", "000000"), 401, noFactor)
	a.want(a.verify("1", "AAAA-AAAA-AAAA-AAAA"), 401, noFactor)
	a.want(a.disable("1", "000000"), 401, noFactor)
	for _, subject := range []string{"", strings.Repeat("x", 256)} {
		if got := a.verify(subject, "000000"); got.status != 500 {
			t.Errorf("a subject of %d bytes: %d", len(subject), got.status)
		}
		if got := a.confirm(subject, "000000"); got.status != 500 {
			t.Errorf("confirm for a subject of %d bytes: %d", len(subject), got.status)
		}
	}
	if _, found, _ := a.store.Load(context.Background(), "1"); found {
		t.Error("a record")
	}
}

// TestParallelCodes: of 64 uses of one code at the same time one wins, with and without a
// limit that refuses some.
func TestParallelCodes(t *testing.T) {
	for name, quota := range map[string]int{"the limit": 0, "no limit": 1000} {
		t.Run(name, func(t *testing.T) {
			opts := totp.Options{}
			if quota > 0 {
				opts.Attempts.Account = ratelimit.Limit{Quota: quota, Window: time.Hour}
			}
			a := newApp(t, opts)
			p, recovery := a.enrolled("1")
			for kind, code := range map[string]string{"code": p.code(0), "recovery code": recovery[3]} {
				won, counts := compete(64, func() int { return a.verify("1", code).status })
				if won != 1 || counts[200]+counts[401]+counts[429] != 64 || quota > 0 && counts[429] > 0 {
					t.Errorf("%s: %v", kind, counts)
				}
				if err := a.Unlock(context.Background(), "1"); err != nil {
					t.Fatal(err)
				}
			}
			// Nine different ones at the same time are nine uses: no swap is lost.
			var next atomic.Int32
			if won, counts := compete(9, func() int { return a.verify("1", append(recovery[:3:3], recovery[4:]...)[next.Add(1)-1]).status }); quota > 0 && won != 9 {
				t.Errorf("different recovery codes: %v", counts)
			}
			if s := guard.Must(a.Status(context.Background(), "1")); quota > 0 && s.RecoveryCodes != 0 {
				t.Errorf("%d recovery codes are left", s.RecoveryCodes)
			}
		})
	}
}

// compete returns how many calls returned 200, and how many each status.
func compete(n int, f func() int) (won int, counts map[int]int) {
	counts = map[int]int{}
	var mu sync.Mutex
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			status := f()
			mu.Lock()
			counts[status]++
			mu.Unlock()
		})
	}
	all.Wait()
	return counts[200], counts
}

// FuzzParse: what is parsed is a code, whatever surrounds it.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "123456", "123 456", "12345678", "abcd-efgh ijkl-mnop", "ABCDEFGHIJKLMNOP", "１２３４５６", "2345672345672345", "-", strings.Repeat(" ", 100)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		code, k := totp.Parse(s)
		plain := strings.ReplaceAll(s, " ", "")
		switch k {
		case totp.OneTime:
			if code != plain || len(code) != 6 && len(code) != 8 || strings.Trim(code, "0123456789") != "" {
				t.Errorf("%q: one-time code %q", s, code)
			}
		case totp.Recovery:
			upper := strings.ToUpper(strings.ReplaceAll(plain, "-", ""))
			if code != upper || len(code) != 16 || strings.Trim(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") != "" {
				t.Errorf("%q: recovery code %q", s, code)
			}
		default:
			if code != "" {
				t.Errorf("%q: %q of no kind", s, code)
			}
		}
	})
}
