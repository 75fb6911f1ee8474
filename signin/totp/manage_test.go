package totp_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/clientip"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/once"
	"github.com/go-guard/guard/ratelimit"
	"github.com/go-guard/guard/signin/totp"
	"github.com/go-guard/guard/signin/totp/totptest"
)

func TestMemory(t *testing.T) {
	totptest.Run(t, func(*testing.T) totp.Store { return guard.Must(totp.NewMemory(nil)) }, nil)
}

// TestMemoryIsBounded: at the limit further accounts fail, and those that are there go on.
func TestMemoryIsBounded(t *testing.T) {
	m := guard.Must(totp.NewMemory(&totp.MemoryOptions{Max: 1}))
	if ok, err := m.Swap(ctx, "1", "", "a"); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if ok, err := m.Swap(ctx, "2", "", "a"); ok || err != totp.ErrFull {
		t.Errorf("beyond the limit: %t, %v", ok, err)
	}
	if ok, err := m.Swap(ctx, "1", "a", "b"); !ok || err != nil {
		t.Error(ok, err)
	}
	if ok, err := m.Swap(ctx, "1", "b", ""); !ok || err != nil {
		t.Error(ok, err)
	}
	if ok, err := m.Swap(ctx, "2", "", "a"); !ok || err != nil {
		t.Errorf("after a removal: %t, %v", ok, err)
	}
	if _, err := totp.NewMemory(&totp.MemoryOptions{Max: -1}); err == nil {
		t.Error("a negative Max")
	}
}

// TestRecoveryCodes: each is good once, in any case and grouping.
func TestRecoveryCodes(t *testing.T) {
	a := newApp(t, totp.Options{})
	p, codes := a.enrolled("1")
	spelled := []func(string) string{
		strings.ToLower,
		func(c string) string { return strings.ReplaceAll(c, "-", "") },
		func(c string) string { return "  " + strings.ReplaceAll(c, "-", " ") + " " },
		func(c string) string { return strings.ToLower(c[:7]) + "--" + c[7:] },
	}
	for i, spell := range spelled {
		got := a.verify("1", spell(codes[i]))
		a.want(got, 200, "")
		if !got.verified.Recovery || got.verified.RecoveryCodes != 9-i {
			t.Errorf("%+v", got.verified)
		}
		if d := a.last(); d.Guard != "recovery code" || d.Outcome != guard.Allowed {
			t.Errorf("%+v", d)
		}
		a.want(a.verify("1", codes[i]), 401, "totp: invalid code: an unknown or used recovery code")
	}
	if got := a.verify("1", p.code(0)); got.verified != (totp.Verified{RecoveryCodes: 6}) {
		t.Errorf("a one-time code: %+v", got.verified)
	}
	fresh := guard.Must(a.NewRecoveryCodes(ctx, "1"))
	a.want(a.verify("1", codes[9]), 401, "")
	a.want(a.verify("1", fresh[9]), 200, "")
	if guard.Must(a.Status(ctx, "1")).RecoveryCodes != 9 {
		t.Error(a.Status(ctx, "1"))
	}
	got := a.do(func(r *http.Request, out *result) (err error) {
		out.codes, err = a.NewRecoveryCodes(r.Context(), "2")
		return err
	})
	if a.want(got, 409, "totp: the account has no second factor"); got.code != "factor_missing" || got.codes != nil {
		t.Errorf("%q, %q", got.code, got.codes)
	}
}

// TestRecoveryAlone: where another factor is the first, such as a passkey, an account has
// recovery codes without an authenticator.
func TestRecoveryAlone(t *testing.T) {
	a := newApp(t, totp.Options{RecoveryAlone: true})
	a.want(a.verify("1", "AAAA-AAAA-AAAA-AAAA"), 401, "totp: invalid code: an unknown or used recovery code")
	codes := guard.Must(a.NewRecoveryCodes(ctx, "1"))
	if s := guard.Must(a.Status(ctx, "1")); s != (totp.Status{RecoveryCodes: 10}) || len(codes) != 10 {
		t.Errorf("%+v, %q", s, codes)
	}
	if got := a.verify("1", codes[0]); got.verified != (totp.Verified{Recovery: true, RecoveryCodes: 9}) {
		t.Errorf("%+v", got)
	}
	a.want(a.verify("1", codes[0]), 401, "")
	a.want(a.verify("1", "000000"), 401, noFactor)
	a.want(a.verify("2", codes[1]), 401, "")
	a.want(a.disable("1", codes[1]), 401, noFactor) // there is nothing to disable
	p := phone{guard.Must(a.Enroll(ctx, "1", "alice")).Secret(), a.clock}
	a.want(a.verify("1", codes[2]), 200, "") // the enrollment changes nothing
	got := a.confirm("1", p.code(0))
	a.want(got, 200, "")
	a.want(a.verify("1", codes[3]), 401, "") // replaced
	a.want(a.disable("1", got.codes[0]), 200, "")
	if s := guard.Must(a.Status(ctx, "1")); s != (totp.Status{}) || a.record("1") != "" {
		t.Errorf("%+v", s)
	}
	for i, code := range guard.Must(a.NewRecoveryCodes(ctx, "1")) {
		a.clock.Advance(15 * time.Minute)
		if got := a.verify("1", code); got.verified.RecoveryCodes != 9-i {
			t.Errorf("%+v", got)
		}
	}
	if a.record("1") != "" {
		t.Error("a record of nothing")
	}
}

// TestDisable: a code removes the factor, and everything that belongs to it.
func TestDisable(t *testing.T) {
	for name, remove := range map[string]func(a *app, p phone, recovery []string) result{
		"a code":          func(a *app, p phone, _ []string) result { return a.disable("1", p.code(0)) },
		"a recovery code": func(a *app, _ phone, recovery []string) result { return a.disable("1", recovery[0]) },
		"Remove": func(a *app, _ phone, _ []string) result {
			return a.do(func(r *http.Request, _ *result) error { return a.Remove(r.Context(), "1") })
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := newApp(t, totp.Options{})
			p, recovery := a.enrolled("1")
			guard.Must(a.Enroll(ctx, "1", "alice"))
			a.want(a.disable("1", p.wrong()), 401, wrong)
			a.want(remove(a, p, recovery), 200, "")
			if d := a.last(); d.Action != "disable" || d.Package != "totp" {
				t.Errorf("%+v", d)
			}
			if s := guard.Must(a.Status(ctx, "1")); s != (totp.Status{}) || a.record("1") != "" {
				t.Errorf("%+v", s)
			}
			a.want(a.verify("1", p.code(1)), 401, noFactor)
			a.want(a.verify("1", recovery[1]), 401, noFactor)
			if err := a.Remove(ctx, "1"); err != nil {
				t.Errorf("Remove of none: %v", err)
			}
			again, _ := a.enrolled("1")
			a.want(a.verify("1", again.code(0)), 200, "")
		})
	}
}

// TestDisableOfAnotherFactor: a code of a factor removed the one that took its place while
// the code was verified. It is refused, and the new factor stays.
func TestDisableOfAnotherFactor(t *testing.T) {
	const replaced = "totp: invalid code: of a factor that another one replaced meanwhile"
	a, store, steps := newFlaky(t)
	p, _ := a.enrolled("1")
	var codes []string
	replace := func() {
		store.swapFirst = nil
		fresh := phone{guard.Must(a.Enroll(ctx, "1", "alice")).Secret(), a.clock}
		got := a.confirm("1", fresh.code(0))
		if got.err != nil {
			t.Fatal(got.err)
		}
		p, codes = fresh, got.codes
	}
	steps.first = replace
	a.want(a.disable("1", p.code(0)), 401, replaced)
	a.clock.Advance(time.Minute)
	swaps := 0
	store.swapFirst = func() { // the first is that of the recovery code
		if swaps++; swaps == 2 {
			replace()
		}
	}
	a.want(a.disable("1", codes[0]), 401, replaced)
	a.want(a.verify("1", codes[0]), 200, "")
	if s := guard.Must(a.Status(ctx, "1")); !s.Enabled || s.RecoveryCodes != 9 {
		t.Errorf("%+v", s)
	}

	a.clock.Advance(time.Minute)
	steps.first = func() { // removed meanwhile: there is nothing left to do
		if err := a.Remove(ctx, "1"); err != nil {
			t.Error(err)
		}
	}
	a.want(a.disable("1", p.code(0)), 200, "")
}

// TestImport: an authenticator of another program goes on, without being confirmed.
func TestImport(t *testing.T) {
	a := newApp(t, totp.Options{})
	p := phone{"JBSWY3DPEHPK3PXP", a.clock} // 10 bytes
	secret := guard.Secret("Hello!\xde\xad\xbe\xef")
	if err := a.Import(ctx, "1", secret); err != nil {
		t.Fatal(err)
	}
	if s := guard.Must(a.Status(ctx, "1")); !s.Enabled || s.RecoveryCodes != 0 {
		t.Errorf("%+v", s)
	}
	a.want(a.verify("1", p.code(0)), 200, "")
	got := a.do(func(r *http.Request, _ *result) error { return a.Import(r.Context(), "1", secret) })
	if a.want(got, 409, "factor_exists"); got.code != "factor_exists" {
		t.Errorf("%q", got.code)
	}
	a.want(a.verify("1", p.code(1)), 200, "")
	harness.CaptureLog(t)
	for _, n := range []int{0, 9, 65} {
		if err := a.Import(ctx, "2", guard.Secret(strings.Repeat("s", n))); err == nil {
			t.Errorf("a secret of %d bytes", n)
		}
	}
	if err := a.Import(ctx, "2", make(guard.Secret, 20)); err == nil || !strings.Contains(err.Error(), "zeros only") {
		t.Errorf("a secret of zeros: %v", err)
	}
	if err := a.Import(ctx, "2", guard.Secret(strings.Repeat("s", 64))); err != nil {
		t.Error(err)
	}
}

// TestMistakes: New reports all at once.
func TestMistakes(t *testing.T) {
	var nilMemory *totp.Memory
	var nilOnce *once.Memory
	_, err := totp.New("A:B", key[:31], nilMemory, nil, &totp.Options{
		OldKeys: []guard.Secret{key, key[:1]}, Digits: 7, Steps: nilOnce, Attempts: ratelimit.LoginOptions{Account: ratelimit.Limit{Quota: -1, Window: 1}},
	})
	for _, want := range []string{
		`totp: the issuer "A:B" is not 1 to 64 bytes of text without a colon`, "totp: the Store is nil", "totp: Digits is 7, want 6 or 8",
		"totp: the key: key 1 has 31 bytes, want at least 32", "totp: OldKeys: key 2 has 1 bytes", "totp: Steps is a nil *once.Memory",
		"totp: Attempts: ratelimit: the address function is nil", `limit "totp-account": quota -1`,
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in\n%v", want, err)
		}
	}
	store := guard.Must(totp.NewMemory(nil))
	zeros := make(guard.Secret, 32)
	_, err = totp.New("Acme", zeros, store, clientip.Direct(), &totp.Options{OldKeys: []guard.Secret{key, zeros}})
	if err == nil || err.Error() != "totp: the key: key 1 has zeros only: fill it from crypto/rand\ntotp: OldKeys: key 2 has zeros only: fill it from crypto/rand" {
		t.Errorf("keys of zeros: %v", err)
	}
	for name, tt := range map[string]struct {
		issuer string
		opts   totp.Options
	}{
		"no issuer":     {"", totp.Options{}},
		"a long issuer": {strings.Repeat("x", 65), totp.Options{}},
		"a line break":  {"Ac\nme", totp.Options{}},
		"devices":       {"Acme", totp.Options{Attempts: ratelimit.LoginOptions{DeviceOf: func(*http.Request, string) (int, bool, error) { return 0, false, nil }}}},
		"a device":      {"Acme", totp.Options{Attempts: ratelimit.LoginOptions{Device: ratelimit.Limit{Name: "x"}}}},
		"normalize":     {"Acme", totp.Options{Attempts: ratelimit.LoginOptions{Normalize: strings.ToLower}}},
		"subjects":      {"Acme", totp.Options{Attempts: ratelimit.LoginOptions{Subjects: true}}},
		"many strikes":  {"Acme", totp.Options{Attempts: ratelimit.LoginOptions{Strikes: make([]ratelimit.Limit, 10)}}},
		"our name":      {"Acme", totp.Options{Attempts: ratelimit.LoginOptions{Account: ratelimit.Limit{Name: "totp-lock"}}}},
	} {
		if f, err := totp.New(tt.issuer, key, store, clientip.Direct(), &tt.opts); err == nil || f != nil {
			t.Errorf("%s: no error", name)
		}
	}
	strikes := []ratelimit.Limit{{Name: "day", Quota: 20, Window: 24 * 3600e9}}
	if _, err := totp.New("Acme", key, store, clientip.Direct(), &totp.Options{Attempts: ratelimit.LoginOptions{Strikes: strikes}}); err != nil {
		t.Error(err)
	}
}
