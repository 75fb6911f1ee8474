package refresh_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/jwtauth/refresh"
)

// A passwordTable has the credential epoch of one subject.
type passwordTable struct {
	epoch          atomic.Int64
	err            error
	before, beside func() // of a read of the epoch, and when it has been read
}

func (p *passwordTable) of(ctx context.Context, subject string) (int64, error) {
	if p.before != nil {
		p.before()
	}
	n := p.epoch.Load()
	if p.beside != nil {
		p.beside()
	}
	return n, errors.Join(ctx.Err(), p.err)
}

func newEpochRig(t *testing.T, o refresh.Options) (*rig, *passwordTable) {
	p := &passwordTable{}
	o.Epoch = p.of
	return newRig(t, &o), p
}

func (g *rig) startAt(epoch int64) (*jwtauth.Tokens, error) {
	return g.refresher.Start(g.t.Context(), "1", &refresh.StartOptions[claims]{Epoch: &epoch})
}

// dead checks that a login whose credentials were changed meanwhile is refused, or
// that it has ended.
func (g *rig) dead(tokens *jwtauth.Tokens, err error) (refused bool) {
	g.t.Helper()
	if err == nil {
		g.alive(false, tokens)
		g.refused(tokens.RefreshToken, 401, "ended")
		return false
	}
	e := refusalOf(err)
	if tokens != nil || e.Status != 401 || e.Code != "signin_ended" || e.Message != "Sign in again" || len(e.Challenges) != 1 {
		g.t.Errorf("%v, %v", tokens, err)
	}
	return true
}

// TestChangeOfThePasswordDuringALogin: a login whose password was verified before it
// was changed lived on, if the logins of the subject were revoked before it began.
func TestChangeOfThePasswordDuringALogin(t *testing.T) {
	g, p := newEpochRig(t, refresh.Options{})
	change := func() {
		p.before, p.beside = nil, nil
		p.epoch.Add(1)
		if err := g.refresher.RevokeSubject(t.Context(), "1"); err != nil {
			t.Error(err)
		}
	}
	for name, tt := range map[string]struct {
		arrange func()
		refused bool
	}{
		"before Start":           {change, true},
		"between the two steps":  {func() { p.before = change }, true},
		"after the second":       {func() { p.beside = change }, false},
		"the epoch alone, first": {func() { p.epoch.Add(1) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			verified := p.epoch.Load()
			tt.arrange()
			if got := g.dead(g.startAt(verified)); got != tt.refused {
				t.Errorf("refused: %t", got)
			}
			tokens, err := g.startAt(p.epoch.Load())
			if err != nil {
				t.Fatal(err)
			}
			g.alive(true, g.refresh(tokens.RefreshToken))
		})
	}
}

// TestRefusedLoginLeavesNoFamily: what a refused login stored ends, and does not count
// as one of the subject's families.
func TestRefusedLoginLeavesNoFamily(t *testing.T) {
	memory := guard.Must(refresh.NewMemory(&refresh.MemoryOptions{MaxPerSubject: 2}))
	g, p := newEpochRig(t, refresh.Options{Store: memory})
	mine, err := g.startAt(0)
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		g.dead(g.startAt(7))
	}
	p.err = errors.New("the database is down")
	for range 10 {
		tokens, err := g.startAt(0)
		if e := refusalOf(err); tokens != nil || e.Status != 503 || !strings.Contains(err.Error(), "the database is down") {
			t.Fatalf("%v, %v; want 503", tokens, err)
		}
	}
	p.err = nil
	g.alive(true, g.refresh(mine.RefreshToken))
}

// TestLoginWithoutAnEpoch: a forgotten epoch is our failure, in both directions.
func TestLoginWithoutAnEpoch(t *testing.T) {
	g, _ := newEpochRig(t, refresh.Options{})
	for name, start := range map[string]func() (*jwtauth.Tokens, error){
		"no options": func() (*jwtauth.Tokens, error) { return g.refresher.Start(t.Context(), "1", nil) },
		"no epoch": func() (*jwtauth.Tokens, error) {
			return g.refresher.Start(t.Context(), "1", &refresh.StartOptions[claims]{})
		},
		"no Options.Epoch": func() (*jwtauth.Tokens, error) { return newRig(t, nil).startAt(0) },
	} {
		tokens, err := start()
		w, r := httptest.NewRecorder(), httptest.NewRequest("POST", "/", nil)
		guard.Refuse(w, r, err)
		if tokens != nil || err == nil || !strings.Contains(err.Error(), "Epoch") || w.Code != 500 || strings.Contains(w.Body.String(), "Epoch") {
			t.Errorf("%s: %v, %v, %d %s", name, tokens, err, w.Code, w.Body)
		}
	}
	if calls := len(g.store.calls); calls != 0 {
		t.Errorf("%d calls of the store", calls)
	}
}

// TestEndedSignInIsADecision: it is reported a single time, and with a Cookie none is
// set.
func TestEndedSignInIsADecision(t *testing.T) {
	g, p := newEpochRig(t, refresh.Options{Cookie: true})
	p.epoch.Store(3)
	start := func(ctx context.Context) error {
		tokens, err := g.refresher.Start(ctx, "1", &refresh.StartOptions[claims]{Epoch: new(int64)})
		if tokens != nil {
			t.Error("tokens, and with them a cookie")
		}
		return err
	}
	if got := g.seenBy(start); got != "sign-in,,refused,401,1" {
		t.Error(got)
	}
	p.err = errors.New("down")
	if got := g.seenBy(start); got != "sign-in,,failed,503,1" {
		t.Error(got)
	}
}

// TestLoginsBesideAChangeOfThePassword: of logins with the old password, at the same
// time as its change, none survives; the next one does.
func TestLoginsBesideAChangeOfThePassword(t *testing.T) {
	for range 200 {
		g, p := newEpochRig(t, refresh.Options{})
		var tokens [4]*jwtauth.Tokens
		var errs [len(tokens)]error
		verified := p.epoch.Load()
		start := make(chan struct{})
		var wg sync.WaitGroup
		for i := range tokens {
			wg.Go(func() { <-start; tokens[i], errs[i] = g.startAt(verified) })
		}
		wg.Go(func() {
			<-start
			p.epoch.Add(1)
			if err := g.refresher.RevokeSubject(t.Context(), "1"); err != nil {
				t.Error(err)
			}
		})
		close(start)
		wg.Wait()
		for i := range tokens {
			g.dead(tokens[i], errs[i])
		}
		if _, err := g.startAt(p.epoch.Load()); err != nil {
			t.Error(err)
		}
	}
}
