package refresh_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/jwtauth/refresh"
)

// TestStartWithClaims: reload is not called for claims that the handler has.
func TestStartWithClaims(t *testing.T) {
	g := newRig(t, nil)
	g.reloadErr = errors.New("reload was called")
	tokens, err := g.refresher.Start(t.Context(), "1", &refresh.StartOptions[claims]{Claims: &claims{"a@b", "guest"}})
	if err != nil {
		t.Fatal(err)
	}
	access, err := g.issuer.Verifier().Verify(t.Context(), tokens.AccessToken)
	if err != nil || access.Claims != (claims{"a@b", "guest"}) {
		t.Errorf("%+v, %v", access, err)
	}
	g.reloadErr = nil
	next := g.refresh(tokens.RefreshToken)
	if access, err = g.issuer.Verifier().Verify(t.Context(), next.AccessToken); err != nil || access.Claims != g.users["1"] {
		t.Errorf("%+v, %v; a refresh has the claims of reload", access, err)
	}
}

// TestLoginAcrossRefreshes: reload gets what belongs to one login at each refresh, and
// at the start in the same types. No token holds it.
func TestLoginAcrossRefreshes(t *testing.T) {
	g := newRig(t, nil)
	var got []map[string]any
	g.refresher = guard.Must(refresh.New(g.issuer, func(_ context.Context, _ string, login map[string]any) (claims, bool, error) {
		got = append(got, login)
		return claims{}, true, nil
	}, &refresh.Options{Store: g.store}))
	login := map[string]any{"tenant": "äcme", "auth_time": int64(9007199254740993), "amr": []string{"pwd", "otp"}, "nested": map[string]any{"a": nil}}
	tokens, err := g.refresher.Start(t.Context(), "1", &refresh.StartOptions[claims]{Login: login})
	if err != nil {
		t.Fatal(err)
	}
	login["tenant"] = "changed by the caller"
	for range 3 {
		if strings.Contains(tokens.RefreshToken+tokens.AccessToken, "tenant") {
			t.Error("a token holds the login")
		}
		tokens = g.refresh(tokens.RefreshToken)
	}
	want := map[string]any{"tenant": "äcme", "auth_time": json.Number("9007199254740993"), "amr": []any{"pwd", "otp"}, "nested": map[string]any{"a": nil}}
	for i, login := range got {
		if !reflect.DeepEqual(login, want) {
			t.Errorf("call %d: %#v", i, login)
		}
	}
	if len(got) != 4 {
		t.Errorf("%d calls of reload", len(got))
	}
}

// TestLoginCostsItsLoad: a family without a Login is not loaded, and one with a Login
// is loaded once for each refresh.
func TestLoginCostsItsLoad(t *testing.T) {
	for _, tt := range []struct {
		login map[string]any
		want  int
	}{{nil, 1}, {map[string]any{}, 1}, {map[string]any{"a": 1}, 2}} {
		g := newRig(t, nil)
		tokens, err := g.refresher.Start(t.Context(), "1", &refresh.StartOptions[claims]{Login: tt.login})
		if err != nil {
			t.Fatal(err)
		}
		g.store.calls = nil
		g.refresh(tokens.RefreshToken)
		if len(g.store.calls) != tt.want {
			t.Errorf("%v: %q", tt.login, g.store.calls)
		}
	}
}

// TestInvalidLogin: nothing is stored, and the error is the caller's.
func TestInvalidLogin(t *testing.T) {
	for _, tt := range []struct {
		login any
		want  string
	}{
		{make(chan int), "refresh: Login: json: unsupported type"},
		{strings.Repeat("x", 4<<10), "refresh: Login has 4104 bytes as JSON, and the limit is 4096"},
		{"\xff", "refresh: Login is not valid UTF-8"},
		{`\` + "\xff", "refresh: Login is not valid UTF-8"},
		{json.RawMessage("\"\xff\""), "refresh: Login is not valid UTF-8"},
	} {
		g := newRig(t, nil)
		tokens, err := g.refresher.Start(t.Context(), "1", &refresh.StartOptions[claims]{Login: map[string]any{"a": tt.login}})
		if tokens != nil || err == nil || !strings.Contains(err.Error(), tt.want) || len(g.store.calls) > 0 {
			t.Errorf("%v, %v, %q", tokens, err, g.store.calls)
		}
	}
	g := newRig(t, nil)
	for _, login := range []string{strings.Repeat("x", 4<<10-8), `C:\ufffd`, "\ufffd"} {
		if _, err := g.refresher.Start(t.Context(), "1", &refresh.StartOptions[claims]{Login: map[string]any{"a": login}}); err != nil {
			t.Error(err)
		}
	}
}

// A forgetfulStore returns another Login than it received.
type forgetfulStore struct {
	refresh.Store
	login string
}

func (s forgetfulStore) Load(ctx context.Context, subject, id string) (string, bool, error) {
	_, found, err := s.Store.Load(ctx, subject, id)
	return s.login, found, err
}

// TestLostLogin: a Login that the store lost is a failure. reload is not called
// without it, and no token is used up.
func TestLostLogin(t *testing.T) {
	for _, login := range []string{"", "null", "x", "[]"} {
		g := newRig(t, nil)
		tokens, err := g.refresher.Start(t.Context(), "1", &refresh.StartOptions[claims]{Login: map[string]any{"tenant": "a"}})
		if err != nil {
			t.Fatal(err)
		}
		reload := func(context.Context, string, map[string]any) (claims, bool, error) {
			t.Errorf("%q: reload was called", login)
			return claims{}, false, nil
		}
		lossy := guard.Must(refresh.New(g.issuer, reload, &refresh.Options{Store: forgetfulStore{g.store, login}}))
		if _, err := lossy.Refresh(t.Context(), tokens.RefreshToken); refusalOf(err).Status != 500 {
			t.Errorf("%q: %v, want our own failure", login, err)
		}
		g.refresh(tokens.RefreshToken)
	}
}

// TestLoginOfAnEndedFamily: it is refused, and its access tokens are denied, also if
// that failed before; a store that fails uses up no token.
func TestLoginOfAnEndedFamily(t *testing.T) {
	g := newRig(t, nil)
	tokens, err := g.refresher.Start(t.Context(), "1", &refresh.StartOptions[claims]{Login: map[string]any{"a": 1}})
	if err != nil {
		t.Fatal(err)
	}
	g.store.fails = "[2]string" // loading
	g.refused(tokens.RefreshToken, 503, "down")
	g.store.fails = ""
	tokens = g.refresh(tokens.RefreshToken)
	g.deny.err = errors.New("down")
	if err := g.refresher.Revoke(t.Context(), "1", tokens.RefreshToken); err == nil {
		t.Error("a logout without a denylist")
	}
	g.alive(true, tokens)
	g.refused(tokens.RefreshToken, 503, "down")
	g.deny.err = nil
	g.refused(tokens.RefreshToken, 401, "has ended")
	g.alive(false, tokens)
}

// A lostStart is a Store whose answer to Start is lost while that is set.
type lostStart struct {
	refresh.Store
	lost error
}

func (s *lostStart) Start(ctx context.Context, f refresh.Family) ([]refresh.Family, error) {
	ended, err := s.Store.Start(ctx, f)
	return ended, errors.Join(err, s.lost)
}

// TestStartThatFailedLeavesNoFamily: a login whose insert was answered by an error ends no
// other login later.
func TestStartThatFailedLeavesNoFamily(t *testing.T) {
	g := newRig(t, nil)
	store := &lostStart{Store: guard.Must(refresh.NewMemory(&refresh.MemoryOptions{MaxPerSubject: 2}))}
	g.refresher = guard.Must(refresh.New(g.issuer, g.reload, &refresh.Options{Store: store}))
	first := g.start("1")
	store.lost = errors.New("the connection was closed")
	for range 3 {
		if tokens, err := g.refresher.Start(t.Context(), "1", nil); tokens != nil || refusalOf(err).Status != 503 {
			t.Errorf("Start = %v, %v", tokens, err)
		}
	}
	store.lost = nil
	g.start("1")
	g.alive(true, first)
	g.refresh(first.RefreshToken)
}

// TestRefreshersOnOneStore: none ends logins of another, whatever differs between
// their issuers, and each has its own maximum of a subject's logins.
func TestRefreshersOnOneStore(t *testing.T) {
	store := guard.Must(refresh.NewMemory(&refresh.MemoryOptions{MaxPerSubject: 1}))
	clock := newRig(t, nil).clock
	build := func(o jwtauth.IssuerOptions) *rig {
		g := newRig(t, nil)
		o.Now, o.Denylist, o.Lifetime = clock.Now, g.deny, time.Hour
		g.issuer = guard.Must(jwtauth.NewIssuer[claims](jwtauth.HMAC("HS256", secret), &o))
		g.refresher = guard.Must(refresh.New(g.issuer, g.reload, &refresh.Options{Store: store}))
		return g
	}
	rigs := []*rig{
		build(jwtauth.IssuerOptions{Issuer: "customers"}),
		build(jwtauth.IssuerOptions{Issuer: "staff"}),
		build(jwtauth.IssuerOptions{Issuer: "staff", Type: "admin"}),
		build(jwtauth.IssuerOptions{Issuer: "staff", Audience: []string{"web", "api"}}),
		build(jwtauth.IssuerOptions{Issuer: "staff", Audience: []string{"webapi"}}),
	}
	var logins []*jwtauth.Tokens
	for _, g := range rigs {
		logins = append(logins, g.start("1"))
	}
	for i, g := range rigs {
		g.alive(true, logins[i])
		logins[i] = g.refresh(logins[i].RefreshToken)
		if err := g.refresher.RevokeSubject(t.Context(), "1"); err != nil {
			t.Error(err)
		}
		g.alive(false, logins[i])
		g.refused(logins[i].RefreshToken, 401, "has ended")
		for j := i + 1; j < len(rigs); j++ {
			rigs[j].alive(true, logins[j])
		}
	}
}

// TestStoreSubject: a subject of the maximum length fits into the store, after 16
// letters, as its documentation has it.
func TestStoreSubject(t *testing.T) {
	g := newRig(t, nil)
	subject := strings.Repeat("a", 1024)
	g.users[subject] = claims{}
	g.start(subject)
	call := fmt.Sprint(g.store.calls)
	i := strings.Index(call, subject)
	if i < 16 || refresh.MaxStoreSubject != 16+len(subject) || !strings.HasSuffix(call[:i-16], "Subject:") {
		t.Errorf("%d, %.100s", refresh.MaxStoreSubject, call)
	}
}
