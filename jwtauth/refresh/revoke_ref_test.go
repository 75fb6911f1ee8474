package refresh_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/jwtauth/refresh"
)

const sid = "https://id.example.com 08a5019c"

func (g *rig) startRef(subject, ref string) (*jwtauth.Tokens, error) {
	return g.refresher.Start(g.t.Context(), subject, &refresh.StartOptions[claims]{Ref: ref})
}

func (g *rig) mustStartRef(subject, ref string) *jwtauth.Tokens {
	g.t.Helper()
	tokens, err := g.startRef(subject, ref)
	if err != nil {
		g.t.Fatal(err)
	}
	return tokens
}

func (g *rig) revokeRef(ref, subject string, want int) {
	g.t.Helper()
	if n, err := g.refresher.RevokeRef(g.t.Context(), ref, subject); n != want || err != nil {
		g.t.Errorf("RevokeRef(%q, %q): %d, %v; want %d", ref, subject, n, err, want)
	}
}

// TestRevokeRef: the logins of a provider's session end, at the next refresh and at
// once for access tokens; for one subject, those of others stay.
func TestRevokeRef(t *testing.T) {
	g := newRig(t, nil)
	alice, bob := g.mustStartRef("1", sid), g.mustStartRef("2", sid)
	rotated := g.refresh(g.mustStartRef("1", sid).RefreshToken)
	other, plain := g.mustStartRef("1", sid+"x"), g.start("1")
	g.revokeRef(sid, "3", 0)
	g.alive(true, alice, rotated, bob, other, plain)
	g.revokeRef(sid, "1", 2)
	g.alive(false, alice, rotated)
	for _, tokens := range []*jwtauth.Tokens{alice, rotated} {
		if e := refusalOf(g.refused(tokens.RefreshToken, 401, "ended")); e.Code != "refresh_token_invalid" {
			t.Errorf("code %q", e.Code)
		}
	}
	g.alive(true, bob, g.refresh(bob.RefreshToken), other, plain)
	g.revokeRef(sid, "", 1)
	g.alive(false, bob)
	g.refused(g.mustStartRef("2", "").RefreshToken[1:], 401, "not a refresh token") // the rig is alive
	g.alive(true, g.refresh(other.RefreshToken), g.refresh(plain.RefreshToken))
}

// TestStartWithAnEndedRef: a login that is under way when its provider's session ends is
// refused, for an hour, and leaves no family.
func TestStartWithAnEndedRef(t *testing.T) {
	for name, tt := range map[string]struct {
		ended, subject string // of RevokeRef, and of Start
		refused        bool
	}{
		"of all subjects":    {"", "1", true},
		"of the subject":     {"1", "1", true},
		"of another subject": {"2", "1", false},
	} {
		t.Run(name, func(t *testing.T) {
			g := newRig(t, nil)
			g.revokeRef(sid, tt.ended, 0)
			for range 2 {
				tokens, err := g.startRef(tt.subject, sid)
				if (err != nil) != tt.refused {
					t.Fatalf("%v, refused is to be %t", err, tt.refused)
				}
				if e := refusalOf(err); tt.refused && (tokens != nil || e.Status != 401 || e.Code != "signin_ended" || e.Message != "Sign in again" ||
					len(e.Challenges) != 1 || !strings.Contains(err.Error(), "the other system has ended")) {
					t.Errorf("%v, %v", tokens, err)
				}
				g.clock.Advance(time.Hour - time.Millisecond)
			}
			g.mustStartRef("1", sid+"x")
			g.mustStartRef("1", "")
			g.clock.Advance(time.Hour)
			g.alive(true, g.mustStartRef(tt.subject, sid))
		})
	}
}

// TestRevokeRefFails: what fails is 503 and no success; the next attempt denies the
// access tokens of what had ended.
func TestRevokeRefFails(t *testing.T) {
	g := newRig(t, nil)
	tokens := g.mustStartRef("1", sid)
	fails := func() {
		t.Helper()
		_, err := g.refresher.RevokeRef(t.Context(), sid, "1")
		if e := refusalOf(err); e.Status != 503 {
			t.Errorf("%v, want 503", err)
		}
	}
	g.store.fails = "refresh.RefRevocation"
	fails()
	g.alive(true, tokens)
	g.store.fails = ""
	g.deny.err = errors.New("down")
	fails()
	fails()
	g.alive(true, tokens)
	g.deny.err = nil
	g.revokeRef(sid, "1", 0) // it ended before
	g.alive(false, tokens)

	g.store.fails = "refresh.Family"
	if _, err := g.startRef("1", sid+"x"); refusalOf(err).Status != 503 {
		t.Errorf("Start: %v, want 503", err)
	}
}

// partly is a store that fails after it has ended some families, and one that ends a
// family for a login that it refuses then.
type partly struct {
	refresh.Store
	victim refresh.Family
}

func (s *partly) RevokeRef(ctx context.Context, r refresh.RefRevocation) ([]refresh.Family, int, error) {
	listed, n, _ := s.Store.RevokeRef(ctx, r)
	return listed, n, errors.New("down")
}

func (s *partly) Start(ctx context.Context, f refresh.Family) (ended []refresh.Family, err error) {
	if f.Ref == "" {
		s.victim = f
		return s.Store.Start(ctx, f)
	}
	if s.victim.ID != "" && strings.HasSuffix(f.Ref, "evicts") {
		return []refresh.Family{s.victim}, refresh.ErrEnded
	}
	return s.Store.Start(ctx, f)
}

// TestWhatHasEndedIsDenied: whatever a store reports beside an error.
func TestWhatHasEndedIsDenied(t *testing.T) {
	g := newRig(t, &refresh.Options{Store: &partly{Store: guard.Must(refresh.NewMemory(nil))}})
	tokens, victim := g.mustStartRef("1", sid), g.start("1")
	if n, err := g.refresher.RevokeRef(t.Context(), sid, ""); n != 1 || refusalOf(err).Status != 503 {
		t.Errorf("%d, %v; want 503", n, err)
	}
	g.alive(false, tokens)
	if _, err := g.startRef("1", "evicts"); refusalOf(err).Status != 401 {
		t.Errorf("Start: %v, want 401", err)
	}
	g.alive(false, victim)
	g.deny.err = errors.New("down")
	if _, err := g.startRef("1", "evicts"); refusalOf(err).Status != 503 {
		t.Errorf("Start: %v, want 503", err)
	}
}

// TestRefsAreChecked: mistakes of the program are errors, and reach no store.
func TestRefsAreChecked(t *testing.T) {
	g := newRig(t, nil)
	long := strings.Repeat("x", 256)
	for name, do := range map[string]func() error{
		"an empty Ref":     func() error { _, err := g.refresher.RevokeRef(t.Context(), "", ""); return err },
		"a long Ref":       func() error { _, err := g.refresher.RevokeRef(t.Context(), long, "1"); return err },
		"a bad subject":    func() error { _, err := g.refresher.RevokeRef(t.Context(), sid, "\xff"); return err },
		"Start with a Ref": func() error { _, err := g.startRef("1", long); return err },
	} {
		if err := do(); refusalOf(err).Status != 500 || len(g.store.calls) > 0 {
			t.Errorf("%s: %v, %d calls", name, err, len(g.store.calls))
		}
	}
	g.revokeRef(long[1:], "", 0)
	if _, err := g.startRef("1", long[1:]); refusalOf(err).Code != "signin_ended" {
		t.Errorf("a Ref of 255 bytes: %v", err)
	}
}

// TestRefsOfIssuers: issuers that share a store end no logins of each other.
func TestRefsOfIssuers(t *testing.T) {
	g := newRig(t, nil)
	issuer := guard.Must(jwtauth.NewIssuer[claims](jwtauth.HMAC("HS256", secret), &jwtauth.IssuerOptions{Issuer: "another", Now: g.clock.Now}))
	other := guard.Must(refresh.New(issuer, g.reload, &refresh.Options{Store: g.store}))
	tokens := g.mustStartRef("1", sid)
	if n, err := other.RevokeRef(t.Context(), sid, ""); n != 0 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	g.alive(true, g.refresh(tokens.RefreshToken))
	g.alive(true, g.mustStartRef("1", sid))
}

// TestRevokeRefCompletes: a provider that disconnects stops no step of it.
func TestRevokeRefCompletes(t *testing.T) {
	g := newRig(t, nil)
	tokens := g.mustStartRef("1", sid)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if n, err := g.refresher.RevokeRef(ctx, sid, ""); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	g.alive(false, tokens)
}

// TestRevokeRefIsADecision: it is reported a single time, as are the logins that it
// refuses.
func TestRevokeRefIsADecision(t *testing.T) {
	g := newRig(t, nil)
	revoke := func(subject string) func(ctx context.Context) error {
		return func(ctx context.Context) error { _, err := g.refresher.RevokeRef(ctx, sid, subject); return err }
	}
	start := func(ctx context.Context) error {
		_, err := g.refresher.Start(ctx, "1", &refresh.StartOptions[claims]{Ref: sid})
		return err
	}
	for _, tt := range []struct {
		do   func(ctx context.Context) error
		down string
		want string
	}{
		{revoke(""), "", "sign-out,logins of a ref,allowed,0,"},
		{revoke("1"), "", "sign-out,logins of a ref,allowed,0,1"},
		{revoke("1"), "refresh.RefRevocation", "sign-out,logins of a ref,failed,503,1"},
		{start, "", "sign-in,,refused,401,1"},
	} {
		g.store.fails = tt.down
		if got := g.seenBy(tt.do); got != tt.want {
			t.Errorf("%s, want %s", got, tt.want)
		}
	}
}

// TestMemoryBoundsEndedRefs: at the limit, RevokeRef ends the families and fails. A later
// one removes those that are over.
func TestMemoryBoundsEndedRefs(t *testing.T) {
	m, now := guard.Must(refresh.NewMemory(nil)), harness.NewClock()
	revoke := func(ref, subject string) (int, error) {
		_, n, err := m.RevokeRef(t.Context(), refresh.RefRevocation{Ref: ref, Subject: subject, Now: now.Time, Until: now.Time.Add(time.Hour), ListedUntil: now.Time})
		return n, err
	}
	for i := range 1 << 16 {
		if _, err := revoke(fmt.Sprint(i%(1<<15)), []string{"", "1"}[i>>15]); err != nil {
			t.Fatal(err)
		}
	}
	start := func(id, ref string) error {
		_, err := m.Start(t.Context(), refresh.Family{Subject: "1", ID: id, Ref: ref, Started: now.Time, Expires: now.Time.Add(24 * time.Hour)})
		return err
	}
	if err := start("a", "late"); err != nil {
		t.Fatal(err)
	}
	if n, err := revoke("late", ""); n != 1 || err == nil {
		t.Errorf("at the limit: %d, %v; want 1 and an error", n, err)
	}
	if _, err := revoke("7", ""); err != nil {
		t.Errorf("again: %v", err)
	}
	if err := start("b", "8"); !errors.Is(err, refresh.ErrEnded) {
		t.Errorf("with an ended Ref: %v", err)
	}
	now.Advance(time.Hour)
	if n, err := revoke("late", ""); n != 0 || err != nil {
		t.Errorf("an hour later: %d, %v", n, err)
	}
	if err := start("b", "8"); err != nil {
		t.Error(err)
	}
}
