package totp_test

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"image/png"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/clientip"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/signin/totp"
)

var ctx = context.Background()

// TestEnroll: a new secret is asked of no one before its first code, which it spends.
func TestEnroll(t *testing.T) {
	a := newApp(t, totp.Options{})
	status := func(want totp.Status) {
		t.Helper()
		if got := guard.Must(a.Status(ctx, "1")); got.Enabled != want.Enabled || got.RecoveryCodes != want.RecoveryCodes || got.Enrolling != want.Enrolling || !got.Since.Equal(want.Since) {
			t.Errorf("status %+v, want %+v", got, want)
		}
	}
	status(totp.Status{})
	p := phone{guard.Must(a.Enroll(ctx, "1", "alice@example.com")).Secret(), a.clock}
	if d := a.last(); d.Action != "" {
		t.Errorf("outside of a request: %+v", d)
	}
	status(totp.Status{Enrolling: true})
	a.want(a.verify("1", p.code(0)), 401, noFactor)
	a.want(a.confirm("1", p.wrong()), 401, wrong)
	a.want(a.confirm("1", "AAAA-AAAA-AAAA-AAAA"), 401, malformed)
	got := a.confirm("1", p.code(0))
	a.want(got, 200, "")
	if d := a.last(); d.Package != "totp" || d.Action != "confirm" || d.Subject != "1" || d.Outcome != guard.Allowed {
		t.Errorf("%+v", d)
	}
	since := a.clock.Now().Truncate(time.Second)
	status(totp.Status{Enabled: true, Since: since, RecoveryCodes: 10})
	seen := map[string]bool{}
	for _, c := range got.codes {
		if seen[c] || !regexp.MustCompile(`^([A-Z2-7]{4}-){3}[A-Z2-7]{4}$`).MatchString(c) {
			t.Errorf("recovery code %q", c)
		}
		seen[c] = true
	}
	a.want(a.verify("1", p.code(0)), 401, used)
	a.want(a.verify("1", p.code(-1)), 401, used)
	a.want(a.verify("1", p.code(1)), 200, "")

	// Another one: the old one stays until it is confirmed.
	a.clock.Advance(time.Hour)
	second := phone{guard.Must(a.Enroll(ctx, "1", "alice@example.com")).Secret(), a.clock}
	third := phone{guard.Must(a.Enroll(ctx, "1", "alice@example.com")).Secret(), a.clock}
	status(totp.Status{Enabled: true, Since: since, RecoveryCodes: 10, Enrolling: true})
	a.want(a.verify("1", third.code(0)), 401, wrong)
	a.want(a.verify("1", p.code(0)), 200, "")
	a.want(a.confirm("1", second.code(0)), 401, wrong) // the third replaced it
	again := a.confirm("1", third.code(0))             // the step of the old one is no obstacle
	a.want(again, 200, "")
	a.want(a.verify("1", p.code(1)), 401, wrong)
	a.want(a.verify("1", got.codes[0]), 401, "")
	a.want(a.verify("1", again.codes[0]), 200, "")
	a.want(a.verify("1", third.code(1)), 200, "")
}

// TestConfirmOfNothing: without an enrollment, and an hour after it, there is nothing to
// confirm. That is not a wrong code, and does not count.
func TestConfirmOfNothing(t *testing.T) {
	a := newApp(t, totp.Options{})
	missing := func(code string) {
		t.Helper()
		got := a.confirm("1", code)
		a.want(got, 409, "totp: no enrollment is pending, or it is older than an hour")
		if got.code != "enrollment_missing" || got.codes != nil {
			t.Errorf("%q, %q", got.code, got.codes)
		}
	}
	for range 6 {
		missing("000000")
	}
	p := phone{guard.Must(a.Enroll(ctx, "1", "alice@example.com")).Secret(), a.clock}
	a.clock.Advance(time.Hour + time.Second)
	missing(p.code(0))
	if guard.Must(a.Status(ctx, "1")).Enrolling {
		t.Error("enrolling after an hour")
	}
	p = phone{guard.Must(a.Enroll(ctx, "1", "alice@example.com")).Secret(), a.clock}
	a.clock.Advance(time.Hour)
	a.want(a.confirm("1", p.code(0)), 200, "")
	missing(p.code(1))
}

// TestConfirmFails: where the record cannot be replaced, there are no recovery codes. The
// code is spent, and the next one confirms.
func TestConfirmFails(t *testing.T) {
	a, store, _ := newFlaky(t)
	p := phone{guard.Must(a.Enroll(ctx, "1", "alice@example.com")).Secret(), a.clock}
	store.swap = errDown
	got := a.confirm("1", p.code(0))
	a.want(got, 503, "totp: swap: "+errDown.Error())
	if got.codes != nil {
		t.Error("a confirmation that failed returned recovery codes")
	}
	store.swap = nil
	a.want(a.confirm("1", p.code(0)), 401, used)
	a.want(a.confirm("1", p.code(1)), 200, "")
}

// TestParallelConfirms: of several confirmations one returns recovery codes.
func TestParallelConfirms(t *testing.T) {
	a := newApp(t, totp.Options{})
	p := phone{guard.Must(a.Enroll(ctx, "1", "alice@example.com")).Secret(), a.clock}
	if won, counts := compete(64, func() int { return a.confirm("1", p.code(0)).status }); won != 1 {
		t.Errorf("%v", counts)
	}
}

// TestURI: authenticators read the label up to its colon, percent-encoded.
func TestURI(t *testing.T) {
	for _, tt := range []struct {
		issuer, account string
		digits          int
		want            string // with "…" for the secret
	}{
		{"Acme", "alice@example.com", 0, "otpauth://totp/Acme:alice%40example.com?secret=…&issuer=Acme"},
		{"Acme & Söhne", "a+b c@example.com", 0, "otpauth://totp/Acme%20%26%20S%C3%B6hne:a%2Bb%20c%40example.com?secret=…&issuer=Acme%20%26%20S%C3%B6hne"},
		{"Acme/?#%", "a:b", 8, "otpauth://totp/Acme%2F%3F%23%25:a_b?secret=…&issuer=Acme%2F%3F%23%25&digits=8"},
		{strings.Repeat("ä", 32), strings.Repeat("ö", 127), 0, "otpauth://totp/" + strings.Repeat("%C3%A4", 32) + ":" + strings.Repeat("%C3%B6", 127) + "?secret=…&issuer=" + strings.Repeat("%C3%A4", 32)},
	} {
		f := guard.Must(totp.New(tt.issuer, key, guard.Must(totp.NewMemory(nil)), clientip.Direct(), &totp.Options{Digits: tt.digits}))
		e := guard.Must(f.Enroll(ctx, "1", tt.account))
		if want := strings.Replace(tt.want, "…", e.Secret(), 1); e.URI() != want || !regexp.MustCompile("^[A-Z2-7]{32}$").MatchString(e.Secret()) {
			t.Errorf("%s\nwant %s", e.URI(), want)
		}
		u, err := url.Parse(e.URI())
		if err != nil || u.Path != "/"+tt.issuer+":"+strings.ReplaceAll(tt.account, ":", "_") || u.Query().Get("issuer") != tt.issuer {
			t.Errorf("%v, %v", u, err)
		}
		picture, err := png.Decode(bytes.NewReader(e.PNG()))
		if err != nil {
			t.Fatal(err)
		}
		side := picture.Bounds().Dx() / 5
		if !strings.HasPrefix(e.SVG(), fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" width="%[1]d" height="%[1]d" viewBox="0 0 %[2]d %[2]d"`, 5*side, side)) || xml.Unmarshal([]byte(e.SVG()), new(struct{})) != nil {
			t.Errorf("%.200s", e.SVG())
		}
		dark := darkInSVG(e.SVG())
		for y := range side { // the SVG has the modules of the PNG
			for x := range side {
				if r, _, _, _ := picture.At(5*x+2, 5*y+2).RGBA(); (r == 0) != dark[[2]int{x, y}] {
					t.Fatalf("module %d, %d of %d", x, y, side)
				}
			}
		}
	}
}

// darkInSVG reads the path of black modules.
func darkInSVG(svg string) map[[2]int]bool {
	dark := map[[2]int]bool{}
	_, path, _ := strings.Cut(svg, `fill="#000"`)
	for _, m := range regexp.MustCompile(`M(\d+) (\d+)h(\d+)v1h-\d+z`).FindAllStringSubmatch(path, -1) {
		var x, y, n int
		fmt.Sscan(m[1]+" "+m[2]+" "+m[3], &x, &y, &n)
		for i := range n {
			dark[[2]int{x + i, y}] = true
		}
	}
	return dark
}

// TestEightDigits: a factor keeps its length when the option changes.
func TestEightDigits(t *testing.T) {
	a := newApp(t, totp.Options{})
	p, _ := a.enrolled("1")
	a.Factors = guard.Must(totp.New("Acme", key, a.store, clientip.Direct(), &totp.Options{Digits: 8, Now: a.clock.Now}))
	a.want(a.verify("1", p.code(0)), 200, "")
	eight := guard.Must(a.Enroll(ctx, "2", "bob"))
	p = phone{eight.Secret(), a.clock}
	a.want(a.confirm("2", p.code(0)), 401, wrong) // the last six digits of eight
}

func TestEnrollMistakes(t *testing.T) {
	log := harness.CaptureLog(t)
	a := newApp(t, totp.Options{})
	for name, tt := range map[string][2]string{
		"no subject": {"", "alice"}, "a long subject": {strings.Repeat("x", 256), "alice"}, "no account": {"1", ""},
		"a long account": {"1", strings.Repeat("x", 256)}, "a line break": {"1", "alice\n"}, "not UTF-8": {"1", "\xff"}, "NUL": {"1", "\x00"},
	} {
		if e, err := a.Enroll(ctx, tt[0], tt[1]); err == nil || e != nil {
			t.Errorf("%s: %v", name, err)
		}
		if lines := log.Lines(); len(lines) != 1 || !strings.Contains(lines[0], "package=totp action=enroll outcome=failed status=500") {
			t.Errorf("%s: logged %q", name, lines)
		}
	}
}
