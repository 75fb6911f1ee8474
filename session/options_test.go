package session_test

import (
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard/session"
)

func TestOptions(t *testing.T) {
	for _, tt := range []struct {
		name string
		opts session.Options
		want string
	}{
		{"nil store", session.Options{Store: (*session.Memory)(nil)}, "nil *session.Memory"},
		{"name", session.Options{Name: "a b"}, "cookie"},
		{"prefix", session.Options{Name: "__host-x"}, "prefix is added"},
		{"other prefix", session.Options{Name: "__Secure-x"}, "prefix is added"},
		{"domain", session.Options{Domain: "a b"}, "cookie"},
		{"SameSite=None over http", session.Options{SameSite: http.SameSiteNoneMode, InsecureCookie: true}, "SameSite None with InsecureCookie"},
		{"partitioned over http", session.Options{Partitioned: true, SameSite: http.SameSiteNoneMode, InsecureCookie: true}, "SameSite None with InsecureCookie"},
		{"partitioned", session.Options{Partitioned: true}, "write SameSite: http.SameSiteNoneMode"},
		{"partitioned and strict", session.Options{Partitioned: true, SameSite: http.SameSiteStrictMode}, "write SameSite: http.SameSiteNoneMode"},
		{"unknown SameSite", session.Options{SameSite: 17}, "SameSite must be"},
		{"default SameSite", session.Options{SameSite: http.SameSiteDefaultMode}, "SameSite"},
		{"lifetime", session.Options{Lifetime: time.Millisecond}, "lifetime"},
		{"longest lifetime", session.Options{Lifetime: math.MaxInt64}, "write at most 400*24*time.Hour"},
		{"a lifetime of more than 400 days", session.Options{Lifetime: 400*24*time.Hour + 1}, "write at most 400*24*time.Hour"},
		{"negative lifetime", session.Options{Lifetime: -time.Hour}, "lifetime"},
		{"a MaxLifetime of less than the lifetime", session.Options{MaxLifetime: time.Hour}, "MaxLifetime"},
		{"a MaxLifetime of more than 400 days", session.Options{MaxLifetime: 400*24*time.Hour + 1}, "MaxLifetime"},
		{"negative MaxLifetime", session.Options{MaxLifetime: -1}, "MaxLifetime"},
		{"idle", session.Options{IdleTimeout: 13 * time.Hour}, "idle timeout"},
		{"negative idle", session.Options{IdleTimeout: -1}, "idle timeout"},
		{"touch", session.Options{TouchEvery: time.Hour}, "TouchEvery"},
		{"negative touch", session.Options{TouchEvery: -1}, "TouchEvery"},
		{"data", session.Options{MaxData: -1}, "MaxData"},
		{"much data", session.Options{MaxData: math.MaxInt}, "MaxData"},
		{"little data", session.Options{MaxData: 1}, "exceed MaxData"},
		{"timeout", session.Options{Timeout: -1}, "5*time.Second"},
		{"a timeout without a unit", session.Options{Timeout: 5}, "5*time.Second"},
		{"no timeout", session.Options{Timeout: math.MaxInt64}, "5*time.Second"},
		{"Unicode origin", session.Options{TrustedOrigins: []string{"https://b\u00fccher.example"}}, "location.origin"},
		{"wildcard origin", session.Options{TrustedOrigins: []string{"https://*.example.com"}}, "list each origin"},
		{"origin with a default port", session.Options{TrustedOrigins: []string{"https://a.example:443"}}, `write "https://a.example"`},
		{"null origin", session.Options{TrustedOrigins: []string{"null"}}, "every sandboxed page"},
		{"origin", session.Options{TrustedOrigins: []string{"app.example.com"}}, "trusted origin"},
		{"origin with path", session.Options{TrustedOrigins: []string{"https://app.example.com/"}}, "trusted origin"},
		{"origin in capitals", session.Options{TrustedOrigins: []string{"https://App.example.com"}}, `write "https://app.example.com"`},
		{"origin for nothing", session.Options{TrustedOrigins: []string{"https://a.b"}, InsecureNoCrossOriginCheck: true}, "trusted origins"},
	} {
		m, err := session.New[profile](&tt.opts)
		if m != nil || err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "session: ") {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	_, err := session.New[profile](&session.Options{Name: "a b", Lifetime: -1, MaxData: -1, Timeout: -1, TrustedOrigins: []string{"x", "y"}})
	if err == nil || strings.Count(err.Error(), "\n") != 5 {
		t.Errorf("not all mistakes are reported: %v", err)
	}
	if _, err := session.New[func()](nil); err == nil {
		t.Error("data that is no JSON is accepted")
	}
	if _, err := session.New[struct{}](nil); err != nil {
		t.Error(err)
	}
}
