package oauth_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/signin/oauth"
)

// A vault stores the tokens of one account.
type vault struct {
	mu       sync.Mutex
	t        oauth.Tokens
	saves    int
	failures int   // of the next saves
	loadErr  error // of every load
}

func (v *vault) load(context.Context) (oauth.Tokens, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.t, v.loadErr
}

func (v *vault) save(ctx context.Context, t oauth.Tokens) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.saves++; v.saves <= v.failures {
		return errors.New("the database is down")
	}
	v.t = t
	return ctx.Err()
}

// A tokenServer answers refreshes.
type tokenServer struct {
	mu       sync.Mutex
	answer   func(form url.Values) (int, string)
	requests int
	delay    time.Duration
}

func (s *tokenServer) sites(t *testing.T) *sites {
	return &sites{t: t, answers: map[string]func(*http.Request, url.Values) (int, string){
		"github.com/login/oauth/access_token": func(r *http.Request, form url.Values) (int, string) {
			s.mu.Lock()
			s.requests++
			answer := s.answer
			s.mu.Unlock()
			time.Sleep(s.delay)
			if user, _, _ := r.BasicAuth(); form.Get("grant_type") != "refresh_token" || len(form) != 2 || user != "app" {
				t.Errorf("form %v of %q", form, user)
			}
			return answer(form)
		},
	}}
}

// rotating accepts each refresh token a single time.
func rotating() func(url.Values) (int, string) {
	valid, n := "ghr_0", 0
	var mu sync.Mutex
	return func(form url.Values) (int, string) {
		mu.Lock()
		defer mu.Unlock()
		if form.Get("refresh_token") != valid {
			return 200, `{"error":"bad_refresh_token","error_description":"The refresh token passed is incorrect or expired."}`
		}
		n++
		valid = "ghr_" + string(rune('0'+n))
		return 200, text(object{"access_token": "ghu_" + string(rune('0'+n)), "expires_in": 28800, "refresh_token": valid, "refresh_token_expires_in": 15811200, "scope": "", "token_type": "bearer"})
	}
}

func (s *tokenServer) login(t *testing.T, opts oauth.Options) *oauth.Login[claims] {
	opts.Key, opts.HTTPClient = sealKey, &http.Client{Transport: s.sites(t)}
	return guard.Must(oauth.New[claims](oauth.GitHub(), oauth.Client{ID: "app", Secret: guard.Secret(secret)}, callback, &opts))
}

// stored are tokens that expired, unless valid is positive.
func stored(valid time.Duration) oauth.Tokens {
	return oauth.Tokens{AccessToken: guard.Secret("ghu_0"), RefreshToken: guard.Secret("ghr_0"), ExpiresAt: time.Now().Add(valid), Scopes: []string{"user:email", "repo"}}
}

func isEnded(err error) bool {
	e, ok := errors.AsType[*guard.Error](err)
	return ok && e.Status == 401 && e.Code == "signin_ended" && errors.Is(err, oauth.ErrEnded)
}

func statusOf(err error) int {
	if e, ok := errors.AsType[*guard.Error](err); ok {
		return e.Status
	}
	if err != nil {
		return 500
	}
	return 200
}
