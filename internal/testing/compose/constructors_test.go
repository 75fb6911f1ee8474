package compose_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/apikey"
	opaque "github.com/go-guard/guard/bearer"
	"github.com/go-guard/guard/dpop"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/jwtauth/refresh"
	"github.com/go-guard/guard/once"
	"github.com/go-guard/guard/owner"
	"github.com/go-guard/guard/ratelimit"
	"github.com/go-guard/guard/rbac"
	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/signin/link"
	"github.com/go-guard/guard/signin/oauth"
	"github.com/go-guard/guard/signin/password"
	"github.com/go-guard/guard/signin/totp"
	"github.com/go-guard/guard/webhook"
)

// TestConstructorsReportAllMistakes: each constructor that returns an error, with
// two mistakes or more, names both.
func TestConstructorsReportAllMistakes(t *testing.T) {
	const past = -time.Second
	short := guard.Secret("short")
	state := func(context.Context, string) (string, bool, error) { return "", false, nil }
	for name, tt := range map[string]struct {
		build func() error
		want  []string // a part of each mistake
	}{
		"apikey.New": {func() error {
			_, err := apikey.New[member](nil, &apikey.Options{Realm: "a\nb"})
			return err
		}, []string{"lookup", "realm"}},
		"apikey.NewRing": {func() error {
			_, err := apikey.NewRing(&apikey.RingOptions{Prefix: "no prefix", Pepper: short, MaxPerSubject: -1, Realm: "a\nb"})
			return err
		}, []string{"no prefix", "pepper", "-1", "realm"}},
		"apikey.NewMemory": {func() error {
			_, err := apikey.NewMemory(&apikey.MemoryOptions{Max: -1})
			return err
		}, []string{"-1"}},
		"bearer.NewIntrospector": {func() error {
			_, err := opaque.NewIntrospector("http://as.example.com", "", "", &opaque.IntrospectorOptions{Cache: past, CacheSize: -2, Leeway: time.Hour})
			return err
		}, []string{"https", "client", "CacheSize", "1h"}},
		"bearer.NewMetadata": {func() error {
			_, err := opaque.NewMetadata(opaque.ResourceMetadata{Resource: "http://api.example.com", ScopesSupported: []string{"a b"}})
			return err
		}, []string{"https", "a b"}},
		"bearer.New": {func() error {
			_, err := opaque.New[member](nil, &opaque.Options{Realm: "a\nb"})
			return err
		}, []string{"nil", "realm"}},
		"jwtauth.NewVerifier": {func() error {
			_, err := jwtauth.NewVerifier[struct{}](jwtauth.HMAC("HS256", short), &jwtauth.VerifierOptions{Leeway: past, MaxAge: past})
			return err
		}, []string{"secret", "Leeway", "MaxAge"}},
		"jwtauth.NewIssuer": {func() error {
			_, err := jwtauth.NewIssuer[struct{}](jwtauth.HMAC("HS256", short), &jwtauth.IssuerOptions{Lifetime: past})
			return err
		}, []string{"secret", "ifetime"}},
		"jwtauth.NewMemory": {func() error {
			_, err := jwtauth.NewMemory(&jwtauth.MemoryOptions{Max: -1, MaxPerSubject: -2})
			return err
		}, []string{"-1", "-2"}},
		"refresh.NewMemory": {func() error {
			_, err := refresh.NewMemory(&refresh.MemoryOptions{Max: -1, MaxPerSubject: -2})
			return err
		}, []string{"-1", "-2"}},
		"refresh.New": {func() error {
			_, err := refresh.New[struct{}](nil, nil, &refresh.Options{Idle: past, Lifetime: 20 * 366 * 24 * time.Hour})
			return err
		}, []string{"reloads", "Issuer", "Idle", "Lifetime"}},
		"session.New": {func() error {
			_, err := session.New[struct{}](&session.Options{Name: "no name", Lifetime: past, MaxData: -1, TrustedOrigins: []string{"nowhere"}})
			return err
		}, []string{"no name", "lifetime", "MaxData", "nowhere"}},
		"session.NewMemory": {func() error {
			_, err := session.NewMemory(&session.MemoryOptions{Max: -1, MaxPerSubject: -2})
			return err
		}, []string{"-1", "-2"}},
		"ratelimit.New": {func() error {
			_, err := ratelimit.New(ratelimit.Limit{Quota: -2, Window: past}, nil, &ratelimit.Options{Secret: guard.Secret{}, Timeout: past})
			return err
		}, []string{"-2", "key", "ecret", "imeout"}},
		"ratelimit.NewLogin": {func() error {
			_, err := ratelimit.NewLogin(nil, &ratelimit.LoginOptions{Account: ratelimit.Limit{Quota: -2, Window: time.Hour}, Timeout: past})
			return err
		}, []string{"nil", "-2", "imeout"}},
		"ratelimit.NewMemory": {func() error {
			_, err := ratelimit.NewMemory(&ratelimit.MemoryOptions{Max: -1})
			return err
		}, []string{"-1"}},
		"ratelimit.NewBucket": {func() error {
			_, err := ratelimit.NewBucket(-1, -2)
			return err
		}, []string{"-1", "-2"}},
		"rbac.NewPerTenant": {func() error {
			_, err := rbac.NewPerTenant[member](rbac.Spec[string]{
				Permissions: []string{"a:read"},
				Roles:       map[string]rbac.Role[string]{"user": {Grants: []string{"a:raed", "b:read"}}},
			}, nil, nil)
			return err
		}, []string{"a:raed", "b:read", "nil"}},
		"rbac.New": {func() error {
			_, err := rbac.New(rbac.Spec[string]{
				Permissions: []string{"a:read"},
				Roles:       map[string]rbac.Role[string]{"user": {Grants: []string{"a:raed", "b:read"}}},
			}, (func(member) []string)(nil), nil)
			return err
		}, []string{"a:raed", "b:read", "nil"}},
		"rbac.NewDecided": {func() error {
			_, err := rbac.NewDecided[member]([]string{"a read"}, nil, nil)
			return err
		}, []string{"a read", "nil"}},
		"owner.New": {func() error {
			_, err := owner.New[member, document](nil, &owner.Options{NotFound: []error{nil}})
			return err
		}, []string{"load", "NotFound"}},
		"dpop.New": {func() error {
			_, err := dpop.New("nowhere", &dpop.Options{NonceKey: short, Algorithms: []string{"none"}})
			return err
		}, []string{"origin", "nonce key", "none"}},
		"once.NewMemory": {func() error {
			_, err := once.NewMemory(&once.MemoryOptions{Max: -1})
			return err
		}, []string{"-1"}},
		"link.New": {func() error {
			_, err := link.New("no purpose", "nowhere", short, nil, nil)
			return err
		}, []string{"no purpose", "baseURL", "key", "state"}},
		"link.NewCodes": {func() error {
			_, err := link.NewCodes("no purpose", short, state, nil)
			return err
		}, []string{"no purpose", "key"}},
		"oauth.New": {func() error {
			_, err := oauth.New[struct{}](oauth.Discover("nowhere"), oauth.Client{}, "/callback", &oauth.Options{Key: short})
			return err
		}, []string{"issuer", "ID", "callbackURL", "Key"}},
		"password.New": {func() error {
			_, err := password.New(&password.Options{Memory: 1, Time: 99, MinLength: 99})
			return err
		}, []string{"memory", "passes", "minimum length"}},
		"password.NewLogin": {func() error {
			_, err := password.NewLogin[member](nil, nil)
			return err
		}, []string{"lookup", "Attempts"}},
		"password.NewDevices": {func() error {
			_, err := password.NewDevices(short, nil, nil)
			return err
		}, []string{"key", "epoch"}},
		"totp.NewMemory": {func() error {
			_, err := totp.NewMemory(&totp.MemoryOptions{Max: -1})
			return err
		}, []string{"Max"}},
		"webhook.New": {func() error {
			_, err := webhook.New(webhook.Form{Name: "no name"}, webhook.Secrets(""), &webhook.Options{MaxBytes: -1, Timeout: past, Remember: past})
			return err
		}, []string{"no name", "secret", "MaxBytes", "Timeout", "Remember"}},
		"totp.New": {func() error {
			_, err := totp.New("", short, nil, nil, nil)
			return err
		}, []string{"issuer", "key", "Store", "Attempts"}},
	} {
		t.Run(name, func(t *testing.T) {
			err := tt.build()
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in: %v", want, err)
				}
			}
		})
	}
}
