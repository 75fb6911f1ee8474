package refresh_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/jwtauth/refresh"
)

func TestStart(t *testing.T) {
	g := newRig(t, nil)
	tokens := g.start("1")
	access, err := g.issuer.Verifier().Verify(t.Context(), tokens.AccessToken)
	if err != nil || access.Sub() != "1" || access.Claims != g.users["1"] || access.SessionID == "" || tokens.ExpiresIn != time.Hour {
		t.Errorf("%+v, %v", access, err)
	}
	if strings.Contains(tokens.RefreshToken, ".") || tokens.RefreshToken == g.start("1").RefreshToken {
		t.Error("a refresh token that looks like a JWT, or twice the same")
	}
	for _, subject := range []string{"", strings.Repeat("a", 1025), "\xff"} {
		if tokens, err := g.refresher.Start(t.Context(), subject, nil); tokens != nil || err == nil {
			t.Errorf("a login of %.5q", subject)
		}
	}
	long := strings.Repeat("a", 1024)
	g.users[long] = claims{}
	g.refresh(g.start(long).RefreshToken)

	var e *guard.Error
	if _, err := g.refresher.Start(t.Context(), "3", nil); !errors.As(err, &e) || e.Status != 401 {
		t.Errorf("a login of an unknown subject: %v", err)
	}
	g.store.err = errors.New("down")
	if _, err := g.refresher.Start(t.Context(), "1", nil); !errors.As(err, &e) || e.Status != 503 {
		t.Errorf("a login without a store: %v", err)
	}
}

// TestEvictedLoginsAreDenied: the access token of a login that the store ended
// for another is denied, since RevokeSubject cannot find that login any more.
func TestEvictedLoginsAreDenied(t *testing.T) {
	g := newRig(t, nil)
	stolen := g.start("1")
	for range 100 {
		g.alive(true, stolen)
		g.start("1")
	}
	g.alive(false, stolen)
	g.refused(stolen.RefreshToken, 401, "ended")
}

// TestLoginWhosePredecessorCannotBeDenied: the login fails, and its family does
// not stay in the store, where it would end another login at the next attempt.
func TestLoginWhosePredecessorCannotBeDenied(t *testing.T) {
	g := newRig(t, nil)
	logins := make([]*jwtauth.Tokens, 100)
	for i := range logins {
		logins[i] = g.start("1")
	}
	g.deny.err = errors.New("down")
	var e *guard.Error
	if tokens, err := g.refresher.Start(t.Context(), "1", nil); tokens != nil || !errors.As(err, &e) || e.Status != http.StatusServiceUnavailable {
		t.Errorf("%v, %v", tokens, err)
	}
	g.start("1") // in the free place
	g.deny.err = nil
	g.refresh(logins[1].RefreshToken)
}

// TestLoginWhoseClientHangsUp: the login that ended for it is denied, even if the
// client disconnects.
func TestLoginWhoseClientHangsUp(t *testing.T) {
	g := newRig(t, nil)
	stolen := g.start("1")
	for range 99 {
		g.start("1")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	g.refresher = guard.Must(refresh.New(g.issuer, g.reload, &refresh.Options{Store: obedientStore{g.store}}))
	_, _ = g.refresher.Start(ctx, "1", nil)
	g.alive(false, stolen)
}

// An obedientStore loses the result of a Start whose client has disconnected.
type obedientStore struct{ refresh.Store }

func (s obedientStore) Start(ctx context.Context, f refresh.Family) ([]refresh.Family, error) {
	ended, err := s.Store.Start(ctx, f)
	if err := errors.Join(err, ctx.Err()); err != nil {
		return nil, err
	}
	return ended, nil
}
