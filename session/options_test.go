package session_test

import (
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
		{"SameSite=None", session.Options{SameSite: http.SameSiteNoneMode}, "SameSite"},
		{"default SameSite", session.Options{SameSite: http.SameSiteDefaultMode}, "SameSite"},
		{"lifetime", session.Options{Lifetime: time.Millisecond}, "lifetime"},
		{"negative lifetime", session.Options{Lifetime: -time.Hour}, "lifetime"},
		{"idle", session.Options{IdleTimeout: 13 * time.Hour}, "idle timeout"},
		{"negative idle", session.Options{IdleTimeout: -1}, "idle timeout"},
		{"touch", session.Options{TouchEvery: time.Hour}, "TouchEvery"},
		{"negative touch", session.Options{TouchEvery: -1}, "TouchEvery"},
		{"data", session.Options{MaxData: -1}, "MaxData"},
		{"timeout", session.Options{Timeout: -1}, "Timeout"},
		{"origin", session.Options{TrustedOrigins: []string{"app.example.com"}}, "trusted origin"},
		{"origin with path", session.Options{TrustedOrigins: []string{"https://app.example.com/"}}, "trusted origin"},
		{"origin in capitals", session.Options{TrustedOrigins: []string{"https://App.example.com"}}, "lower case"},
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
