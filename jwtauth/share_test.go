package jwtauth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/internal/testing/race"
	"github.com/go-guard/guard/jwtauth"
)

// TestOneAccountDoesNotFillTheDenylist: an account logs in and out again and again.
// All its old tokens stay denied, and others can log out.
func TestOneAccountDoesNotFillTheDenylist(t *testing.T) {
	clock := harness.NewClock()
	i := guard.Must(jwtauth.NewIssuer[profile](jwtauth.HMAC("HS256", secret), &jwtauth.IssuerOptions{
		Issuer: "me", Now: clock.Now, Lifetime: time.Hour,
		Denylist: guard.Must(jwtauth.NewMemory(&jwtauth.MemoryOptions{Max: 300, Now: clock.Now})),
	}))
	v := i.Verifier()
	login := func(subject string) (string, *jwtauth.Token[profile]) {
		text := guard.Must(i.Issue(subject, profile{})).AccessToken
		return text, guard.Must(v.Verify(t.Context(), text))
	}
	_, before := login("alice")
	var dead []string
	for n := range 1000 {
		text, tok := login("mallory")
		if err := v.Revoke(t.Context(), tok); err != nil {
			t.Fatalf("logout %d: %v", n, err)
		}
		dead = append(dead, text)
		clock.Advance(time.Second)
	}
	for n, text := range dead {
		if _, err := v.Verify(t.Context(), text); err == nil {
			t.Fatalf("token %d of %d is accepted again", n, len(dead))
		}
	}
	if _, err := v.Verify(t.Context(), guard.Must(i.Issue("mallory", profile{})).AccessToken); err != nil {
		t.Errorf("the next login: %v", err)
	}
	if err := v.Revoke(t.Context(), before); err != nil {
		t.Errorf("another account's logout: %v", err)
	}
}

// TestOneEntryReplacesASubjectsIDs: what is denied past the share, and for how long.
func TestOneEntryReplacesASubjectsIDs(t *testing.T) {
	long := strings.Repeat("s", 1024)
	for _, subject := range []string{"s", "", long} {
		clock := harness.NewClock()
		m := guard.Must(jwtauth.NewMemory(&jwtauth.MemoryOptions{MaxPerSubject: 3, Now: clock.Now}))
		for i, minutes := range []time.Duration{9, 5, 1, 1, 1} { // the first one longest
			if err := m.Deny(t.Context(), clock.Add(minutes*time.Minute), subject, fmt.Sprint(i)); err != nil {
				t.Fatal(err)
			}
			clock.Advance(time.Second)
		}
		// Of 5 IDs, the first three were replaced at noon + 2 s, when the third was denied.
		noon, known := clock.Add(-5*time.Second), subject != ""
		for _, tt := range []struct {
			name     string
			subject  string
			issuedAt time.Time
			id       string
			want     bool
		}{
			{"a replaced ID", subject, noon, "0", true},
			{"a replaced ID, denied by this second", subject, noon.Add(2*time.Second + 999*time.Millisecond), "2", true},
			{"an ID that remains", subject, noon, "4", true},
			{"an ID that remains, of any subject", "other", noon.Add(time.Hour), "4", true},
			{"another token, issued before", subject, noon, "x", known},
			{"another token, issued in this second", subject, noon.Add(2999 * time.Millisecond), "x", known},
			{"another token, without iat", subject, time.Time{}, "x", known},
			{"another token, of 1970", subject, time.Unix(0, 0), "x", known},
			{"a login after it", subject, noon.Add(3 * time.Second), "x", false},
			{"of another subject", "other", noon, "x", false},
			{"of another long subject", long + "1", noon, "x", false},
			{"of an unknown subject", "", noon, "x", false},
		} {
			if got := guard.Must(m.Denied(t.Context(), tt.issuedAt, tt.subject, tt.id)); got != tt.want {
				t.Errorf("%s, subject of %d bytes: denied %t; want %t", tt.name, len(subject), got, tt.want)
			}
		}
		for _, step := range []struct {
			until time.Time
			want  bool
		}{{noon.Add(9*time.Minute - time.Millisecond), true}, {noon.Add(9 * time.Minute), false}} {
			clock.Advance(step.until.Sub(clock.Now()))
			if got := guard.Must(m.Denied(t.Context(), noon, subject, "0")); got != step.want {
				t.Errorf("at %v: denied %t; want %t", clock, got, step.want)
			}
		}
	}
}

// TestExpiredIDsAreNoneOfTheShare: only a subject that has many live IDs at a time
// pays for its share.
func TestExpiredIDsAreNoneOfTheShare(t *testing.T) {
	clock := harness.NewClock()
	m := guard.Must(jwtauth.NewMemory(&jwtauth.MemoryOptions{MaxPerSubject: 3, Now: clock.Now}))
	login := clock.Now()
	for i := range 100 {
		if err := m.Deny(t.Context(), clock.Add(time.Minute), "s", fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
		clock.Advance(30 * time.Second)
	}
	if guard.Must(m.Denied(t.Context(), login, "s", "x")) {
		t.Error("a login is denied")
	}
}

// TestSharesOfAFullMemory: a subject at its share can go on; others get an error, and
// nothing is dropped.
func TestSharesOfAFullMemory(t *testing.T) {
	m := guard.Must(jwtauth.NewMemory(&jwtauth.MemoryOptions{Max: 6, MaxPerSubject: 3, Now: atNoon}))
	deny := func(subject, id string) error { return m.Deny(t.Context(), noon.Add(time.Hour), subject, id) }
	for _, id := range []string{"s1", "s2", "s3", "t1", "t2", "1"} {
		if err := deny(strings.TrimRight(id, "123"), id); err != nil {
			t.Fatalf("%s: %v", id, err)
		}
	}
	for _, tt := range []struct {
		subject, id string
		ok          bool
	}{{"u", "u1", false}, {"", "2", false}, {"t", "t3", false}, {"t", "t2", true}, {"s", "s4", true}, {"s", "s5", true}, {"s", "s6", true}, {"u", "u1", false}} {
		if err := deny(tt.subject, tt.id); (err == nil) != tt.ok {
			t.Errorf("%s: %v", tt.id, err)
		}
	}
	for _, id := range []string{"s1", "s2", "s3", "s4", "s5", "s6", "t1", "t2", "1"} {
		if !guard.Must(m.Denied(t.Context(), noon, strings.TrimRight(id, "123456"), id)) {
			t.Errorf("%s was dropped", id)
		}
	}
}

// TestMemorySharesTwin compares with a list that drops nothing, over random steps:
// IDs are denied again, by other subjects, and after the clock was set back.
func TestMemorySharesTwin(t *testing.T) {
	type token struct{ subject, id string }
	type denial struct{ at, until time.Time }
	const share = 4
	clock := harness.NewClock()
	m := guard.Must(jwtauth.NewMemory(&jwtauth.MemoryOptions{MaxPerSubject: share, Now: clock.Now}))
	twin := map[token][]denial{}
	latest := map[string]time.Time{} // when a subject's IDs were denied
	x := uint32(1)
	random := func(n uint32) int { x = x*1664525 + 1013904223; return int(x >> 8 % n) }
	for range 100_000 {
		subject := [...]string{"", "a", "b", "c"}[random(4)]
		tok := token{subject, subject[:min(len(subject), random(2))] + fmt.Sprint(random(9))} // some IDs of several
		now := clock.Now()
		switch random(5) {
		case 0:
			clock.Advance(time.Duration(random(8)-3) * time.Second) // back, too
		case 1:
			until := now.Add(time.Duration(random(300)) * time.Second)
			if err := m.Deny(t.Context(), until, subject, tok.id); err != nil {
				t.Fatal(err)
			}
			twin[tok] = append(twin[tok], denial{now, until})
			if latest[subject].Before(now) {
				latest[subject] = now
			}
		default:
			issued := now.Add(-time.Duration(random(400)) * time.Second)
			got := guard.Must(m.Denied(t.Context(), issued, subject, tok.id))
			if !got && slices.ContainsFunc(twin[tok], func(d denial) bool { return now.Before(d.until) && !issued.After(d.at) }) {
				t.Fatalf("%v, issued at %v, is not denied at %v: %v", tok, issued, now, twin[tok])
			}
			if fresh := guard.Must(m.Denied(t.Context(), latest[subject].Add(time.Second), subject, "x")); fresh {
				t.Fatalf("a login of %q after its last denial is denied", subject)
			}
		}
	}
}

// TestSharesEndWithTheirEntries: subjects whose entries have expired occupy no memory, and
// neither do those whose only ID turned out to be of several subjects.
func TestSharesEndWithTheirEntries(t *testing.T) {
	const n = 1000
	clock := harness.NewClock()
	m := guard.Must(jwtauth.NewMemory(&jwtauth.MemoryOptions{MaxPerSubject: 2, Now: clock.Now}))
	deny := func(subject string, ids ...string) {
		t.Helper()
		if err := m.Deny(t.Context(), clock.Add(time.Minute), subject, ids...); err != nil {
			t.Fatal(err)
		}
	}
	for i := range n {
		s := fmt.Sprint(i)
		deny(s, "a"+s, "b"+s, "c"+s) // the last but one is the rest of the share
	}
	if got := m.Shares(); got != n {
		t.Errorf("%d subjects, want %d", got, n)
	}
	clock.Advance(2 * time.Hour)
	for i := range n {
		deny("", fmt.Sprint(i))
	}
	if got := m.Shares(); got != 0 {
		t.Errorf("%d of %d subjects remain after all their entries expired", got, n)
	}
	deny("alice", "x")
	deny("bob", "x")
	if got := m.Shares(); got != 0 || !guard.Must(m.Denied(t.Context(), clock.Time, "", "x")) {
		t.Errorf("%d subjects of an ID that two share", got)
	}
}

// TestDenialsThatExpireTogether: no Deny removes them all under its lock, and some
// later ones have. It is seen by setting the clock back.
func TestDenialsThatExpireTogether(t *testing.T) {
	const n = 10_000
	clock := harness.NewClock()
	m := guard.Must(jwtauth.NewMemory(&jwtauth.MemoryOptions{Now: clock.Now}))
	start := clock.Now()
	deny := func(ids ...string) {
		t.Helper()
		if err := m.Deny(t.Context(), clock.Add(time.Minute), "", ids...); err != nil {
			t.Fatal(err)
		}
	}
	remain := func() (denied int) {
		now := clock.Now()
		clock.Advance(start.Sub(now))
		for i := range n {
			if guard.Must(m.Denied(t.Context(), start, "", fmt.Sprint(i))) {
				denied++
			}
		}
		clock.Advance(now.Sub(start))
		return denied
	}
	for i := range n {
		deny(fmt.Sprint(i))
	}
	clock.Advance(2 * time.Hour)
	deny("a")
	if got := remain(); got < n-10 {
		t.Errorf("one Deny removed %d entries", n-got)
	}
	for i := range n / 2 {
		deny(fmt.Sprint("b", i))
	}
	if got := remain(); got > 0 {
		t.Errorf("%d expired entries remain after %d denials", got, n/2)
	}
}

// Denied does not allocate, whatever is denied.
func TestDeniedDoesNotAllocate(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	var list jwtauth.Denylist = guard.Must(jwtauth.NewMemory(&jwtauth.MemoryOptions{MaxPerSubject: 1}))
	for _, subject := range []string{"other", "s", strings.Repeat("s", 1024)} {
		for _, id := range []string{"j", strings.Repeat("j", 1024)} {
			ids := []string{id, id}
			if n := testing.AllocsPerRun(100, func() { guard.Must(list.Denied(context.Background(), time.Now(), subject, ids...)) }); n > 0 {
				t.Errorf("a subject of %d and an ID of %d bytes: %v allocations", len(subject), len(id), n)
			}
		}
		for _, id := range []string{"1", "2", "3"} {
			if err := list.Deny(t.Context(), time.Now().Add(time.Hour), subject, id+subject); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestMemorySharesInParallel(t *testing.T) {
	m := guard.Must(jwtauth.NewMemory(&jwtauth.MemoryOptions{Max: 1000, MaxPerSubject: 5}))
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 500 {
				subject, id := fmt.Sprint(i%3), fmt.Sprint(j/2, i%2)
				issued := time.Now()
				if err := m.Deny(t.Context(), issued.Add(time.Hour), subject, id); err != nil {
					t.Error(err)
				}
				if !guard.Must(m.Denied(t.Context(), issued, subject, "x", id)) {
					t.Errorf("%s of %s is not denied", id, subject)
				}
			}
		})
	}
	wg.Wait()
}

// TestFullDenylistIsReportedOnce: a logout that finds the denylist full is one failed
// decision and 503, also where the handler refuses with the error of Revoke.
func TestFullDenylistIsReportedOnce(t *testing.T) {
	v := guard.Must(jwtauth.NewVerifier[profile](jwtauth.HMAC("HS256", secret), &jwtauth.VerifierOptions{
		Issuer: "me", Audience: []string{"api"}, Now: atNoon,
		Denylist: guard.Must(jwtauth.NewMemory(&jwtauth.MemoryOptions{Max: 1, Now: atNoon})),
	}))
	first := guard.Must(v.Verify(t.Context(), forge(jwtHeader, payload(`jti="first"`), hs256(secret))))
	second := guard.Must(v.Verify(t.Context(), forge(jwtHeader, payload(`jti="second"`, `sub="2"`), hs256(secret))))
	if err := v.Revoke(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	var seen []guard.Decision
	observe := guard.Observe(func(_ *http.Request, d guard.Decision) { seen = append(seen, d) })
	w, _ := harness.Serve(t, observe, func(w http.ResponseWriter, r *http.Request) { guard.Refuse(w, r, v.Revoke(r.Context(), second)) }, bearer(""))
	if w.Code != 503 || strings.Contains(w.Body.String(), "denylist") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if len(seen) != 1 || seen[0].Outcome != guard.Failed || seen[0].Subject != "2" || !strings.Contains(seen[0].Reason, "the denylist in memory is full") {
		t.Errorf("%+v", seen)
	}
	if _, err := v.Verify(t.Context(), forge(jwtHeader, payload(`jti="first"`), hs256(secret))); err == nil {
		t.Error("a live entry was dropped")
	}
}

// A token that was issued later than now, by a clock that is ahead, is denied by
// itself: a time would not cover it.
func TestTokensFromTheFutureAreDeniedByThemselves(t *testing.T) {
	clock := harness.NewClock()
	m := guard.Must(jwtauth.NewMemory(&jwtauth.MemoryOptions{MaxPerSubject: 2, Now: clock.Now}))
	i := guard.Must(jwtauth.NewIssuer[profile](jwtauth.HMAC("HS256", secret), &jwtauth.IssuerOptions{Now: clock.Now, Denylist: m, Lifetime: time.Hour}))
	var tokens []string
	var verified []*jwtauth.Token[profile]
	for range 20 {
		tokens = append(tokens, guard.Must(i.Issue("1", profile{})).AccessToken)
		verified = append(verified, guard.Must(i.Verifier().Verify(t.Context(), tokens[len(tokens)-1])))
	}
	clock.Advance(-time.Minute)
	for _, tok := range verified {
		if err := i.Verifier().Revoke(t.Context(), tok); err != nil {
			t.Fatal(err)
		}
	}
	clock.Advance(time.Minute)
	for n, text := range tokens {
		var e *guard.Error
		if _, err := i.Verifier().Verify(t.Context(), text); !errors.As(err, &e) || e.Code != "token_revoked" {
			t.Errorf("token %d: %v", n, err)
		}
	}
}
