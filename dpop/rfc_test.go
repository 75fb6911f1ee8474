package dpop_test

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/dpop"
)

// The key of the examples of RFC 9449, and their proofs.
const (
	exampleJKT   = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
	exampleToken = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"
	header       = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6Ik" +
		"VDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCR" +
		"nMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JE" +
		"QSIsImNydiI6IlAtMjU2In19"
	tokenProof = header + ".eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIj" +
		"oiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwia" +
		"WF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg" +
		"4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg"
	resourceProof = header + ".eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIj" +
		"oiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0Z" +
		"WRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNF" +
		"c05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71E" +
		"OptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA"
)

func at(seconds int64) func() time.Time { return func() time.Time { return time.Unix(seconds, 0) } }

// Section 4.1 (and 5): the proof of a token request, at its time.
func TestRFC9449TokenRequest(t *testing.T) {
	p := guard.Must(dpop.New("https://server.example.com", &dpop.Options{Now: at(1562262616)}))
	r := httptest.NewRequest("POST", "/token", strings.NewReader("grant_type=authorization_code"))
	r.Header.Set("DPoP", tokenProof)
	if jkt, found, err := p.Key(r); jkt != exampleJKT || !found || err != nil {
		t.Errorf("%q, %t, %v", jkt, found, err)
	}
	if jkt, found, err := p.Key(r); jkt != "" || found || err == nil {
		t.Errorf("again: %q, %t, %v", jkt, found, err)
	}
	p = guard.Must(dpop.New("https://server.example.com", &dpop.Options{Now: at(1562262616 + 61)}))
	if _, found, err := p.Key(r); found || err == nil {
		t.Errorf("61 s later: %t, %v", found, err)
	}
}

// Section 7.1: the request to a protected resource, with the cnf of section 6.1.
func TestRFC9449ResourceRequest(t *testing.T) {
	p := guard.Must(dpop.New("https://resource.example.org", &dpop.Options{Now: at(1562262618)}))
	r := httptest.NewRequest("GET", "/protectedresource", nil)
	r.Header.Set("DPoP", resourceProof)
	const cnf = `{"jkt":"` + exampleJKT + `"}`
	for _, tt := range []struct{ name, scheme, token, cnf, refusal string }{
		{"another token", "DPoP", exampleToken + "x", cnf, "ath is not the hash"},
		{"as Bearer", "Bearer", exampleToken, cnf, "was not sent in the scheme DPoP"},
		{"another key", "DPoP", exampleToken, `{"jkt":"1ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}`, "another key"},
		{"right", "DPoP", exampleToken, cnf, ""},
		{"again", "DPoP", exampleToken, cnf, "was used before"},
	} {
		if err := p.Confirm(r, tt.scheme, tt.token, tt.cnf); (err == nil) != (tt.refusal == "") || err != nil && !strings.Contains(err.Error(), tt.refusal) {
			t.Errorf("%s: %v; want %q", tt.name, err, tt.refusal)
		}
	}
}
