package oauth_test

import (
	"context"
	"errors"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/signin/oauth"
)

func TestRefresh(t *testing.T) {
	ok := func(more object) func(url.Values) (int, string) {
		a := object{"access_token": "new", "token_type": "bearer", "expires_in": 3600}
		for name, value := range more {
			a[name] = value
		}
		return func(url.Values) (int, string) { return 200, text(a) }
	}
	answer := func(code int, body string) func(url.Values) (int, string) {
		return func(url.Values) (int, string) { return code, body }
	}
	both := []string{"user:email", "repo"}
	for _, tt := range []struct {
		name    string
		answer  func(url.Values) (int, string)
		want    int
		refresh string
		scopes  []string
	}{
		{"another refresh token", ok(object{"refresh_token": "ghr_1"}), 200, "ghr_1", both},
		{"no refresh token keeps the old one", ok(nil), 200, "ghr_0", both},
		{"an empty refresh token keeps the old one", ok(object{"refresh_token": ""}), 200, "ghr_0", both},
		{"the same scopes", ok(object{"scope": "repo,user:email"}), 200, "ghr_0", []string{"repo", "user:email"}},
		{"fewer scopes", ok(object{"scope": "repo"}), 200, "ghr_0", []string{"repo"}},
		{"more scopes", ok(object{"scope": "repo,user:email,admin:org"}), 200, "ghr_0", []string{"repo", "user:email"}},
		{"other scopes", ok(object{"scope": []string{"admin:org"}}), 200, "ghr_0", nil},
		{"an ID token, which is ignored", ok(object{"id_token": "x.y.z"}), 200, "ghr_0", both},
		{"invalid_grant", answer(400, `{"error":"invalid_grant","error_description":"Token has been revoked."}`), 401, "", nil},
		{"GitHub's error with 200", answer(200, `{"error":"bad_refresh_token"}`), 401, "", nil},
		{"Microsoft's interaction_required", answer(400, `{"error":"interaction_required","suberror":"basic_action"}`), 401, "", nil},
		{"consent_required", answer(400, `{"error":"consent_required"}`), 401, "", nil},
		{"an outage", answer(503, ``), 503, "", nil},
		{"too many requests", answer(429, `{"error":"invalid_grant"}`), 503, "", nil},
		{"400 without an error", answer(400, `<html>`), 503, "", nil},
		{"a redirect", answer(302, ``), 503, "", nil},
		{"no answer", answer(0, ``), 503, "", nil},
		{"no JSON", answer(200, `ok`), 503, "", nil},
		{"no access token", answer(200, `{"token_type":"bearer"}`), 503, "", nil},
		{"another type of token", ok(object{"token_type": "mac"}), 503, "", nil},
		{"temporarily_unavailable", answer(400, `{"error":"temporarily_unavailable"}`), 503, "", nil},
		{"wrong credentials of the client", answer(401, `{"error":"invalid_client"}`), 500, "", nil},
		{"invalid_scope", answer(400, `{"error":"invalid_scope"}`), 500, "", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, v := &tokenServer{answer: tt.answer}, &vault{t: stored(0)}
			before := v.t
			l := s.login(t, oauth.Options{})
			got, err := l.Refresh(t.Context(), "account-7", v.load, v.save)
			if statusOf(err) != tt.want || isEnded(err) != (tt.want == 401) || s.requests != 1 {
				t.Fatalf("%v, %d requests", err, s.requests)
			}
			for _, secret := range []string{"ghr_0", "ghu_0", "ghr_1", secret} {
				if err != nil && strings.Contains(err.Error(), secret) {
					t.Errorf("%v has %q", err, secret)
				}
			}
			if tt.want != 200 {
				if v.saves != 0 || !reflect.DeepEqual(v.t, before) || !reflect.DeepEqual(got, oauth.Tokens{}) {
					t.Errorf("%d saves, %+v", v.saves, got)
				}
				// What is saved can be refreshed later.
				s.answer = ok(nil)
				if got, err := l.Refresh(t.Context(), "account-7", v.load, v.save); err != nil || string(got.AccessToken) != "new" {
					t.Errorf("afterwards: %v", err)
				}
				return
			}
			if string(got.AccessToken) != "new" || string(got.RefreshToken) != tt.refresh || !slices.Equal(got.Scopes, tt.scopes) || time.Until(got.ExpiresAt) < 59*time.Minute {
				t.Errorf("%q %q %q %v", []byte(got.AccessToken), []byte(got.RefreshToken), got.Scopes, got.ExpiresAt)
			}
			if v.saves != 1 || !reflect.DeepEqual(v.t, got) {
				t.Errorf("%d saves of %+v", v.saves, v.t)
			}
		})
	}
}

// What needs no refresh, or cannot have one, causes no request.
func TestRefreshNotNeeded(t *testing.T) {
	without := func(t oauth.Tokens, change func(*oauth.Tokens)) oauth.Tokens { change(&t); return t }
	for _, tt := range []struct {
		name   string
		tokens oauth.Tokens
		want   int
	}{
		{"valid for an hour", stored(time.Hour), 200},
		{"valid for a minute", stored(time.Minute + time.Second), 200},
		{"does not expire", without(stored(0), func(t *oauth.Tokens) { t.ExpiresAt = time.Time{} }), 200},
		{"no refresh token", without(stored(0), func(t *oauth.Tokens) { t.RefreshToken = nil }), 401},
		{"nothing", oauth.Tokens{}, 401},
	} {
		s, v := &tokenServer{}, &vault{t: tt.tokens}
		got, err := s.login(t, oauth.Options{}).Refresh(t.Context(), "account-7", v.load, v.save)
		if statusOf(err) != tt.want || isEnded(err) != (tt.want == 401) || s.requests != 0 || v.saves != 0 || err == nil && !reflect.DeepEqual(got, tt.tokens) {
			t.Errorf("%s: %v, %d requests", tt.name, err, s.requests)
		}
	}
	for _, tokens := range []oauth.Tokens{stored(59 * time.Second), stored(-time.Hour), without(stored(time.Hour), func(t *oauth.Tokens) { t.AccessToken = nil })} {
		s, v := &tokenServer{answer: rotating()}, &vault{t: tokens}
		if got, err := s.login(t, oauth.Options{}).Refresh(t.Context(), "account-7", v.load, v.save); err != nil || string(got.AccessToken) != "ghu_1" {
			t.Errorf("%v: %v", tokens.ExpiresAt, err)
		}
	}
}

// A rotated token is saved although the client left, or the database failed twice.
func TestRefreshSaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, v := &tokenServer{answer: rotating(), delay: 2 * time.Second}, &vault{t: stored(0), failures: 2}
		l := s.login(t, oauth.Options{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if got, err := l.Refresh(ctx, "account-7", v.load, v.save); !errors.Is(err, context.DeadlineExceeded) || got.AccessToken != nil {
			t.Errorf("%v", err)
		}
		time.Sleep(5 * time.Second)
		if got, err := l.Refresh(t.Context(), "account-7", v.load, v.save); err != nil || string(got.AccessToken) != "ghu_1" || s.requests != 1 || v.saves != 3 {
			t.Errorf("%v, %d requests, %d saves", err, s.requests, v.saves)
		}

		v = &vault{t: stored(0), failures: 3}
		s.answer, s.requests = rotating(), 0
		if got, err := l.Refresh(t.Context(), "account-8", v.load, v.save); statusOf(err) != 503 || got.AccessToken != nil || v.saves != 3 {
			t.Errorf("no save: %v, %d saves", err, v.saves)
		}
		// The provider accepts what is stored no longer.
		if _, err := l.Refresh(t.Context(), "account-8", v.load, v.save); !isEnded(err) || s.requests != 2 {
			t.Errorf("afterwards: %v, %d requests", err, s.requests)
		}
	})
}

// A process whose lease ran out has used the refresh token, and saved what followed.
func TestRefreshLosesTheRace(t *testing.T) {
	v := &vault{t: stored(0)}
	s := &tokenServer{answer: func(url.Values) (int, string) {
		v.t = stored(time.Hour)
		v.t.AccessToken, v.t.RefreshToken = guard.Secret("ghu_other"), guard.Secret("ghr_other")
		return 200, `{"error":"bad_refresh_token"}`
	}}
	if got, err := s.login(t, oauth.Options{}).Refresh(t.Context(), "account-7", v.load, v.save); err != nil || string(got.AccessToken) != "ghu_other" || v.saves != 0 {
		t.Errorf("%v, %d saves", err, v.saves)
	}
}

// A load that takes too long under the lease sends no request: another process could have
// the lease before it was answered.
func TestRefreshSlowLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, v, loads := &tokenServer{answer: rotating()}, &vault{t: stored(0)}, 0
		slow := func(context.Context) (oauth.Tokens, error) {
			if loads++; loads > 1 {
				time.Sleep(6 * time.Second)
			}
			return v.t, nil
		}
		if _, err := s.login(t, oauth.Options{}).Refresh(t.Context(), "account-7", slow, v.save); statusOf(err) != 503 || s.requests != 0 {
			t.Errorf("%v, %d requests", err, s.requests)
		}
	})
}

func TestRefreshFailures(t *testing.T) {
	s, v := &tokenServer{answer: rotating()}, &vault{t: stored(0)}
	l := s.login(t, oauth.Options{})
	missing := guard.NotFound("No account")
	v.loadErr = missing
	if _, err := l.Refresh(t.Context(), "account-7", v.load, v.save); err != error(missing) {
		t.Errorf("load: %v", err)
	}
	v.loadErr = nil
	for name, f := range map[string]func() (oauth.Tokens, error){
		"no id":   func() (oauth.Tokens, error) { return l.Refresh(t.Context(), "", v.load, v.save) },
		"no load": func() (oauth.Tokens, error) { return l.Refresh(t.Context(), "account-7", nil, v.save) },
		"no save": func() (oauth.Tokens, error) { return l.Refresh(t.Context(), "account-7", v.load, nil) },
		"a panic": func() (oauth.Tokens, error) {
			return l.Refresh(t.Context(), "account-7", v.load, func(context.Context, oauth.Tokens) error { panic("of save") })
		},
	} {
		if got, err := f(); statusOf(err) != 500 || got.AccessToken != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	p := newProvider()
	p.override["/.well-known/openid-configuration"] = down
	a := newApp(t, p, oauth.Options{})
	if _, err := a.login.Refresh(t.Context(), "account-7", v.load, v.save); statusOf(err) != 503 || p.count("/token") != 0 {
		t.Errorf("metadata is down: %v", err)
	}
}
