package totp_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/clientip"
	"github.com/go-guard/guard/once"
	"github.com/go-guard/guard/ratelimit"
	"github.com/go-guard/guard/signin/totp"
)

// limited fails unless a request is refused for this long.
func (a *app) limited(got result, code, retryAfter string) {
	a.t.Helper()
	a.want(got, 429, "")
	if got.code != code || got.header.Get("Retry-After") != retryAfter {
		a.t.Errorf("code %q, Retry-After %s; want %q, %s", got.code, got.header.Get("Retry-After"), code, retryAfter)
	}
}

// TestFiveWrongCodes: the sixth try in 15 minutes is refused, right or wrong, and a
// refused one does not extend the wait.
func TestFiveWrongCodes(t *testing.T) {
	a := newApp(t, totp.Options{})
	p, recovery := a.enrolled("1")
	other, _ := a.enrolled("2")
	for i, try := range []string{p.wrong(), "AAAA-AAAA-AAAA-AAAA", "", p.code(-5), p.wrong()} { // whatever it is
		a.want(a.verify("1", try), 401, "")
		if i < 4 {
			a.clock.Advance(time.Minute)
		}
	}
	a.limited(a.verify("1", p.code(0)), "login_limited", "660")
	if d := a.last(); d.Package != "ratelimit" || d.Guard != "totp-account" || d.Subject != "1" {
		t.Errorf("%+v", d)
	}
	a.limited(a.verify("1", recovery[0]), "login_limited", "660")
	a.limited(a.disable("1", p.code(0)), "login_limited", "660")
	guard.Must(a.Enroll(context.Background(), "1", "alice"))
	a.limited(a.confirm("1", p.code(0)), "login_limited", "660")
	a.want(a.verify("2", other.code(0)), 200, "")
	a.clock.Advance(11*time.Minute - time.Second)
	for range 20 {
		a.limited(a.verify("1", p.wrong()), "login_limited", "1")
	}
	a.clock.Advance(time.Second) // the first wrong one is 15 minutes ago
	a.want(a.verify("1", p.code(0)), 200, "")
	for range 5 { // a right one cleared the others
		a.want(a.verify("1", p.wrong()), 401, wrong)
	}
	a.limited(a.verify("1", p.code(1)), "login_limited", "900")
	if err := a.Unlock(context.Background(), "1"); err != nil {
		t.Fatal(err)
	}
	a.want(a.verify("1", p.code(1)), 200, "")
}

// TestUsedCodesCount: a code that was used is a wrong one.
func TestUsedCodesCount(t *testing.T) {
	a := newApp(t, totp.Options{})
	p, recovery := a.enrolled("1")
	a.want(a.verify("1", p.code(0)), 200, "")
	a.want(a.verify("1", recovery[0]), 200, "")
	for i := range 5 {
		a.want(a.verify("1", []string{p.code(0), recovery[0]}[i%2]), 401, "")
	}
	a.limited(a.verify("1", p.code(1)), "login_limited", "900")
}

// wrongCodes enters n wrong codes, as fast as they are allowed.
func (a *app) wrongCodes(p phone, n int) (last result) {
	a.t.Helper()
	for range n {
		last = a.verify("1", p.wrong())
		a.want(last, 401, "")
		a.clock.Advance(3 * time.Minute)
	}
	return last
}

// TestLock: the 100th wrong code without a right one locks the factor, and says so a
// single time.
func TestLock(t *testing.T) {
	for name, unlock := range map[string]func(a *app, p phone, recovery []string){
		"a recovery code": func(a *app, _ phone, recovery []string) { a.want(a.verify("1", recovery[0]), 200, "") },
		"Unlock": func(a *app, _ phone, _ []string) {
			if err := a.Unlock(context.Background(), "1"); err != nil {
				a.t.Error(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := newApp(t, totp.Options{})
			p, recovery := a.enrolled("1")
			a.wrongCodes(p, 99)
			a.want(a.verify("1", p.code(0)), 200, "") // a right one: they count anew
			a.clock.Advance(time.Hour)
			if last := a.wrongCodes(p, 99); errors.Is(last.err, totp.ErrLocked) {
				t.Error("the 99th wrong code locks")
			}
			a.want(a.verify("1", "no code at all"), 401, malformed) // counts for the five only
			a.clock.Advance(time.Hour)
			if last := a.wrongCodes(p, 1); !errors.Is(last.err, totp.ErrLocked) || !errors.Is(last.err, totp.ErrCode) {
				t.Errorf("the 100th wrong code: %v", last.err)
			}
			for i := range 2 { // while the five are used up too, and afterwards
				a.clock.Advance(time.Duration(i) * 24 * time.Hour)
				if got := a.verify("1", p.code(0)); got.code != "factor_locked" {
					t.Errorf("locked: %q, %v", got.code, got.err)
				}
			}
			for _, code := range []string{p.code(0), p.wrong()} {
				got := a.verify("1", code)
				a.want(got, 429, "")
				if got.code != "factor_locked" || errors.Is(got.err, totp.ErrLocked) || got.body != `{"error":"Too Many Requests","message":"Too many wrong codes. Use a recovery code."}` {
					t.Errorf("locked: %q, %v, %s", got.code, got.err, got.body)
				}
			}
			unlock(a, p, recovery)
			a.want(a.verify("1", p.code(0)), 200, "")
		})
	}
}

// TestLockOfAnEnrollment: a new factor starts without the lock of the old one.
func TestLockOfAnEnrollment(t *testing.T) {
	a := newApp(t, totp.Options{})
	p, _ := a.enrolled("1")
	a.wrongCodes(p, 100)
	a.clock.Advance(time.Hour)
	a.want(a.verify("1", p.code(0)), 429, "")
	fresh, _ := a.enrolled("1")
	a.want(a.verify("1", fresh.code(0)), 200, "")
}

// TestSharedLimits: two processes that share the stores count together, and a code is
// good once in both.
func TestSharedLimits(t *testing.T) {
	a := newApp(t, totp.Options{})
	opts := totp.Options{
		Now: a.clock.Now, Steps: guard.Must(once.NewMemory(&once.MemoryOptions{Now: a.clock.Now})),
		Attempts: ratelimit.LoginOptions{Store: guard.Must(ratelimit.NewMemory(&ratelimit.MemoryOptions{Now: a.clock.Now}))},
	}
	first := guard.Must(totp.New("Acme", key, a.store, clientip.Direct(), &opts))
	second := guard.Must(totp.New("Acme", key, a.store, clientip.Direct(), &opts))
	a.Factors = first
	p, _ := a.enrolled("1")
	a.want(a.verify("1", p.code(0)), 200, "")
	a.Factors = second
	a.want(a.verify("1", p.code(0)), 401, used)
	for i := range 4 {
		a.Factors = []*totp.Factors{first, second}[i%2]
		a.want(a.verify("1", p.wrong()), 401, wrong)
	}
	a.limited(a.verify("1", p.code(1)), "login_limited", "900")
}

// TestSubjectsAreExact: subjects that differ in case or spaces are different accounts.
func TestSubjectsAreExact(t *testing.T) {
	a := newApp(t, totp.Options{})
	p, _ := a.enrolled("a")
	for range 5 {
		for _, other := range []string{"A", " a", "a "} {
			a.want(a.verify(other, "000000"), 401, noFactor)
		}
	}
	a.want(a.verify("a", p.code(0)), 200, "")
}

// TestAddressLimit: one address that tries many accounts is limited, too.
func TestAddressLimit(t *testing.T) {
	a := newApp(t, totp.Options{Attempts: ratelimit.LoginOptions{Address: ratelimit.Limit{Quota: 2, Window: time.Hour}}})
	p, _ := a.enrolled("1")
	for i, want := range []int{401, 401, 429} {
		a.addresses = 77
		got := a.verify([]string{"1", "2", "3"}[i], p.wrong())
		a.want(got, want, "")
	}
	if d := a.last(); d.Guard != "totp-address" {
		t.Errorf("%+v", d)
	}
}
