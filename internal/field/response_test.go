package field_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/go-guard/guard/internal/field"
)

func TestReset(t *testing.T) {
	tests := []struct {
		why   string
		names []string
		kept  bool
	}{
		{"describes another representation", []string{"Content-Length", "Content-Type", "Content-Encoding", "Content-Language", "Content-Location",
			"Content-Range", "Content-Disposition", "Content-MD5", "Content-Digest", "Repr-Digest", "Digest", "ETag", "Last-Modified", "Accept-Ranges",
			"Link", "SourceMap", "Signature", "Signature-Input", "Trailer", "Transfer-Encoding"}, false},
		{"caches", []string{"Cache-Control", "Age", "Expires", "CDN-Cache-Control", "Cloudflare-CDN-Cache-Control", "Vercel-CDN-Cache-Control", "Surrogate-Control",
			"Edge-Control", "X-Accel-Expires", "X-LiteSpeed-Cache-Control", "Surrogate-Key", "Cache-Tag", "Edge-Cache-Tag"}, false},
		{"replaces the body", []string{"X-Accel-Redirect", "X-Sendfile", "X-Sendfile2", "X-Sendfile-Temporary", "X-LIGHTTPD-Send-File", "X-LiteSpeed-Location", "X-Reproxy-URL"}, false},
		{"navigates", []string{"Location", "Refresh", "HX-Redirect", "HX-Location", "HX-Refresh"}, false},
		{"belongs to every answer", []string{"Set-Cookie", "Clear-Site-Data", "Vary", "Content-Security-Policy", "Content-Security-Policy-Report-Only",
			"Strict-Transport-Security", "X-Content-Type-Options", "X-Frame-Options", "X-Robots-Tag", "Referrer-Policy", "Permissions-Policy",
			"Access-Control-Allow-Origin", "Access-Control-Allow-Credentials", "Cross-Origin-Resource-Policy", "Timing-Allow-Origin",
			"Www-Authenticate", "Retry-After", "Ratelimit", "Ratelimit-Policy", "Allow", "Date", "Server", "Connection", "Alt-Svc",
			"X-Request-Id", "Traceparent", "Server-Timing", "Deprecation", "Sunset"}, true},
	}
	for _, tt := range tests {
		for _, name := range tt.names {
			for _, key := range []string{name, strings.ToLower(name), http.CanonicalHeaderKey(name)} { // as handlers write maps
				h := http.Header{key: {"x"}}
				if field.Reset(h); len(h) != 0 != tt.kept {
					t.Errorf("%s, which %s: kept %t", key, tt.why, len(h) != 0)
				}
			}
		}
	}
}

func TestResetRemovesTrailers(t *testing.T) {
	h := http.Header{http.TrailerPrefix + "X-Sum": {"x"}}
	if field.Reset(h); len(h) != 0 {
		t.Error(h)
	}
}

func TestNoStore(t *testing.T) {
	h := http.Header{"Cache-Control": {"public"}, "Vary": {"Cookie"}, "Location": {"/"}, "Content-Location": {"/x"}}
	for _, name := range []string{"cache-control", "CDN-Cache-Control", "cdn-cache-control", "Edge-Control", "Surrogate-Control", "Expires", "X-Accel-Expires"} {
		h[name] = []string{"max-age=600"}
	}
	field.NoStore(h)
	if len(h) != 4 || !slices.Equal(h["Cache-Control"], []string{"no-store"}) || h["Location"] == nil || h["Vary"] == nil {
		t.Error(h)
	}
}
