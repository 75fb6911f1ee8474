package httpsurl_test

import (
	"strings"
	"testing"

	"github.com/go-guard/guard/internal/httpsurl"
)

func TestParse(t *testing.T) {
	tests := []struct {
		name, url string
		insecure  bool
		want      string // part of the error; empty for none
	}{
		{"https", "https://a.example/x?y=1", false, ""},
		{"loopback IPv4", "http://127.0.0.1:80/x", false, ""},
		{"loopback IPv6", "http://[::1]:80", false, ""},
		{"localhost", "http://localhost", false, ""},
		{"insecure", "http://a.example", true, ""},
		{"http", "http://a.example", false, "is not https"},
		{"a name like localhost", "http://localhost.a.example", false, "is not https"},
		{"another scheme", "ftp://a.example", true, "is not https"},
		{"empty", "", false, "absolute"},
		{"a path", "/x", false, "absolute"},
		{"no host", "https:///x", false, "absolute"},
		{"not a URL", "https://a:s3cret@b/%zz", false, "absolute"},
		{"credentials", "https://a:s3cret@b.example", false, "credentials"},
		{"a fragment", "https://a.example/#x", false, "fragment"},
		{"an empty fragment", "https://a.example/#", false, "fragment"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			u, err := httpsurl.Parse(tt.url, tt.insecure)
			if tt.want == "" {
				if err != nil || u.String() != tt.url {
					t.Errorf("%v, %v", u, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("error %v, want one that says %q", err, tt.want)
			}
		})
	}
}
