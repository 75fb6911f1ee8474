package interop_test

import (
	"bytes"
	"encoding/json"
	"image/png"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/clientip"
	"github.com/go-guard/guard/signin/totp"
)

// TestAuthenticators scans enrollments with jsQR, reads their URI with otpauth, and signs
// in with the codes of otplib and otpauth: see authenticator.mjs.
func TestAuthenticators(t *testing.T) {
	needNode(t)
	type enrolled struct {
		issuer, account string
		digits          int
		*totp.Enrollment
		*totp.Factors
	}
	start := time.Date(2026, 11, 29, 12, 0, 15, 0, time.UTC)
	now := start
	var all []enrolled
	for _, e := range []enrolled{
		{issuer: "Acme", account: "alice@example.com"},
		{issuer: "Acme", account: "alice@example.com", digits: 8},
		{issuer: "Acme & Söhne", account: "a+b c@example.com"},
		{issuer: "100% ?#/\\ 'x' \"y\"", account: "acme:bob"},
		{issuer: "日本", account: "アリス@example.jp"},
		{issuer: strings.Repeat("x", 64), account: strings.Repeat("y", 255)},
		{issuer: strings.Repeat("ä", 32), account: strings.Repeat("ö", 127)},
	} {
		e.Factors = guard.Must(totp.New(e.issuer, guard.Secret(strings.Repeat("k", 32)), guard.Must(totp.NewMemory(nil)), clientip.Direct(), &totp.Options{
			Digits: e.digits, Now: func() time.Time { return now },
		}))
		e.Enrollment = guard.Must(e.Enroll(t.Context(), "1", e.account))
		all = append(all, e)
	}
	var times []int64
	for i := range 50 {
		times = append(times, start.Add(time.Duration(i)*30*time.Second).Unix())
	}
	type picture struct {
		Width int     `json:"width"`
		Dark  []byte  `json:"dark"`
		Times []int64 `json:"times"`
	}
	var pictures []picture
	for _, e := range all {
		img := guard.Must(png.Decode(bytes.NewReader(e.PNG())))
		p := picture{Width: img.Bounds().Dx(), Times: times}
		for i := range p.Width * p.Width {
			r, _, _, _ := img.At(i%p.Width, i/p.Width).RGBA()
			p.Dark = append(p.Dark, byte(1-r/0xffff))
		}
		pictures = append(pictures, p)
	}

	var scanned []struct {
		URI, Issuer, Account, Secret string
		Digits                       int
		OTPLib, OTPAuth              []string
	}
	cmd := exec.Command("node", "authenticator.mjs")
	cmd.Dir, cmd.Stdin = nodeDir, bytes.NewReader(guard.Must(json.Marshal(pictures)))
	var problems strings.Builder
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, &problems)
	}
	if err := json.Unmarshal(out, &scanned); err != nil || len(scanned) != len(all) {
		t.Fatalf("%v\n%s", err, out)
	}
	r := httptest.NewRequest("POST", "/", nil)
	for i, e := range all {
		s := scanned[i]
		if s.URI != e.URI() || s.Issuer != e.issuer || s.Account != strings.ReplaceAll(e.account, ":", "_") || s.Secret != e.Secret() || s.Digits != max(6, e.digits) {
			t.Errorf("%s of %q:\nread %s\nthat is %+v", e.account, e.issuer, e.URI(), s)
			continue
		}
		for j, at := range times {
			if s.OTPLib[j] != s.OTPAuth[j] {
				t.Fatalf("otplib has %s and otpauth %s", s.OTPLib[j], s.OTPAuth[j])
			}
			now = time.Unix(at, 0)
			if j == 0 {
				if _, err := e.Confirm(r, "1", s.OTPLib[0]); err != nil {
					t.Fatal(err)
				}
				continue
			}
			if _, err := e.Verify(r, "1", s.OTPLib[j]); err != nil {
				t.Fatalf("the code of step %d: %v", j, err)
			}
			if j%10 != 0 { // or the limit of the address is reached
				continue
			}
			if _, err := e.Verify(r, "1", s.OTPAuth[j]); err == nil {
				t.Fatalf("the code of step %d again", j)
			}
		}
	}
}
