package session_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/session"
)

// createWith signs alice in with opts, and returns the session, the value and the
// Max-Age of its cookie.
func createWith(t testing.TB, m *profiles, opts ...session.CreateOption) (*login, string, int) {
	t.Helper()
	w := recorder()
	s, err := m.Create(w, request("POST"), "alice", profile{}, opts...)
	if err != nil {
		t.Fatal(err)
	}
	c := cookieOf(t, w)
	return s, with(c), c.MaxAge
}

// TestFor: "remember me" was a longer Max-Age, and the session ended after 30 idle
// minutes all the same.
func TestFor(t *testing.T) {
	const day = 24 * time.Hour
	for _, tt := range []struct {
		name string
		opts session.Options
		d    time.Duration
		want time.Duration // when it ends, unused
		age  int
	}{
		{"without", session.Options{}, 0, 30 * time.Minute, 0},
		{"30 days", session.Options{}, 30 * day, 30 * day, 30 * 86400},
		{"a week", session.Options{}, 7 * day, 7 * day, 7 * 86400},
		{"shorter than the idle timeout", session.Options{}, time.Minute, time.Minute, 60},
		{"longer than MaxLifetime's default", session.Options{}, 31 * day, 30 * day, 30 * 86400},
		{"longer than MaxLifetime", session.Options{MaxLifetime: 13 * time.Hour}, 30 * day, 13 * time.Hour, 13 * 3600},
		{"MaxLifetime is that of a longer Lifetime", session.Options{Lifetime: 60 * day}, 90 * day, 60 * day, 60 * 86400},
		{"more than browsers keep", session.Options{MaxLifetime: 400 * day}, 1 << 62, 400 * day, 400 * 86400},
	} {
		t.Run(tt.name, func(t *testing.T) {
			now := harness.NewClock()
			tt.opts.Now = now.Now
			m := manager(t, &tt.opts)
			s, cookie, age := createWith(t, m, session.For(tt.d))
			if age != tt.age || !s.Deadline().Equal(now.Time.Add(tt.want)) {
				t.Errorf("Max-Age %d, ends after %v", age, s.Deadline().Sub(now.Time))
			}
			for _, at := range []time.Duration{tt.want - time.Millisecond, time.Millisecond} {
				now.Advance(at)
				_, err := m.Authenticate(request("GET", cookie))
				if (err == nil) != (at > time.Millisecond || tt.age == 0) { // used: a new idle timeout
					t.Errorf("after %v: %v", at, err)
				}
			}
		})
	}
}

// A shorter MaxLifetime holds for sessions that exist. For keeps its meaning over a
// rotation.
func TestForFollowsTheSettings(t *testing.T) {
	now := harness.NewClock()
	store := newMemory(t, &session.MemoryOptions{Now: now.Now})
	m := manager(t, &session.Options{Store: store, Now: now.Now})
	s, cookie, _ := createWith(t, m, session.For(48*time.Hour))
	w := recorder()
	if _, err := m.Rotate(w, request("POST", cookie), s); err != nil {
		t.Fatal(err)
	}
	c := cookieOf(t, w)
	now.Advance(24 * time.Hour)
	alive(t, m, c, "alice")
	alive(t, manager(t, &session.Options{Store: store, Now: now.Now, MaxLifetime: 24 * time.Hour}), c, expired)
}

// TestCreateOptionsAreChecked: a nil option ended the presented session, and then
// panicked.
func TestCreateOptionsAreChecked(t *testing.T) {
	methods := ""
	m := manager(t, &session.Options{Store: failing(newMemory(t, nil), &methods)})
	_, c := create(t, m, "bob")
	long := strings.Repeat("x", 33)
	var many []string
	for i := range 26 {
		many = append(many, strings.Repeat(string(rune('a'+i)), 10))
	}
	methods = "Insert Delete" // nothing may be written
	for name, tt := range map[string]struct {
		opt  session.CreateOption
		want string
	}{
		"nil":                {nil, "a nil CreateOption"},
		"For, negative":      {session.For(-time.Hour), "For(-1h0m0s)"},
		"For, short":         {session.For(time.Second - 1), "less than a second"},
		"Pending, no name":   {session.Pending("", time.Minute), "the step \"\""},
		"Pending, two words": {session.Pending("a b", time.Minute), "the step \"a b\""},
		"Pending, long name": {session.Pending(long, time.Minute), "the step"},
		"Pending, no time":   {session.Pending("totp", 0), "Pending(\"totp\", 0s)"},
		"Pending, long":      {session.Pending("totp", 24*time.Hour+1), "not between a second and a day"},
		"Factors, empty":     {session.Factors("pwd", ""), "the factor \"\""},
		"Factors, comma":     {session.Factors("pwd,otp"), "the factor \"pwd,otp\""},
		"Factors, space":     {session.Factors("pwd s"), "the factor"},
		"Factors, long name": {session.Factors(long), "the factor"},
		"ACR, a space":       {session.ACR("gold plus"), "the ACR \"gold plus\""},
		"ACR, another line":  {session.ACR("gold\nx"), "the ACR"},
		"ACR, not ASCII":     {session.ACR("gôld"), "the ACR"},
		"ACR, long":          {session.ACR(strings.Repeat("x", 129)), "at most 128 characters"},
		"Ref, long":          {session.Ref(strings.Repeat("x", 256)), "a Ref of 256 bytes, want at most 255"},
		"AtEpoch, negative":  {session.AtEpoch(session.AnyEpoch), "AtEpoch(-1) is negative: without AtEpoch"},
	} {
		w := recorder()
		_, err := m.Create(w, request("POST", with(c)), "alice", profile{}, session.Factors("pwd"), tt.opt, session.AtEpoch(-2))
		refused(t, err, 500, "")
		if text := err.Error(); !strings.Contains(text, tt.want) || !strings.Contains(text, "AtEpoch(-2)") || len(w.Header()) != 0 {
			t.Errorf("%s: %v, %v", name, err, w.Header())
		}
	}
	for name, create := range map[string]func(r *http.Request) error{
		"a guest's subject": func(r *http.Request) error {
			_, err := m.Create(recorder(), r, "\x00alice", profile{})
			return err
		},
		"too many factors": func(r *http.Request) error {
			_, err := m.Create(recorder(), r, "alice", profile{}, session.Factors(many...))
			return err
		},
	} {
		if err := create(request("POST", with(c))); err == nil || errors.Is(err, errDown) {
			t.Errorf("%s: %v", name, err)
		}
	}
	methods = ""
	alive(t, m, c, "bob")
}

func TestFactors(t *testing.T) {
	m := manager(t, nil)
	for _, tt := range []struct {
		opts []session.CreateOption
		want []string
	}{
		{nil, nil},
		{[]session.CreateOption{session.Factors()}, nil},
		{[]session.CreateOption{session.Factors("pwd", "otp")}, []string{"pwd", "otp"}},
		{[]session.CreateOption{session.Factors("pwd"), session.Factors("otp", "pwd"), session.For(time.Hour)}, []string{"pwd", "otp"}},
	} {
		s, cookie, _ := createWith(t, m, tt.opts...)
		got, err := m.Authenticate(request("GET", cookie))
		if err != nil || !slices.Equal(s.AMR(), tt.want) || !slices.Equal(got.AMR(), tt.want) {
			t.Errorf("%q, then %q, %v; want %q", s.AMR(), got.AMR(), err, tt.want)
		}
	}
}

// TestACR: a session has the class of its sign-in, and a half sign-in has none yet.
func TestACR(t *testing.T) {
	m := manager(t, nil)
	for _, want := range []string{"", "urn:mace:incommon:iap:silver", strings.Repeat("~", 128)} {
		s, cookie, _ := createWith(t, m, session.ACR(want), session.Factors("pwd"), session.For(time.Hour))
		got, err := m.Authenticate(request("GET", cookie))
		if err != nil || s.ACR() != want || got.ACR() != want {
			t.Errorf("%q, then %q, %v; want %q", s.ACR(), got.ACR(), err, want)
		}
	}
	half, c := pending(t, m, session.ACR("gold"), session.Factors("pwd"))
	if half.ACR() != "" || half.AMR() != nil {
		t.Errorf("half: %q, %q", half.ACR(), half.AMR())
	}
	if s, _, err := complete(t, m, c, "alice", session.Factors("otp")); err != nil || s.ACR() != "gold" {
		t.Errorf("complete: %v, %v", s, err)
	}
	var zero login
	if zero.ACR() != "" || zero.AMR() != nil || zero.Sub() != "" {
		t.Error("a zero session says how it was signed in")
	}
}

// What was under way when all logins were ended is refused, and ends nothing more.
func TestEpoch(t *testing.T) {
	m := manager(t, nil)
	epoch := func(subject string) int64 {
		n, err := m.Epoch(t.Context(), subject)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := epoch("alice")
	kept, cookie, _ := createWith(t, m, session.AtEpoch(before))
	if _, err := m.DestroyAll(t.Context(), "alice", kept.ID()); err != nil {
		t.Fatal(err)
	}
	if after := epoch("alice"); after <= before {
		t.Errorf("the epoch went from %d to %d", before, after)
	}
	w := recorder()
	_, err := m.Create(w, request("POST"), "alice", profile{}, session.AtEpoch(before))
	refused(t, err, 401, "Sign in again")
	if e, ok := errors.AsType[*guard.Error](err); !ok || e.Code != "signin_ended" || !errors.Is(err, session.ErrEnded) || len(w.Header()) != 0 {
		t.Errorf("%v, %v", err, w.Header())
	}
	if _, err := m.Authenticate(request("GET", cookie)); err != nil {
		t.Error(err)
	}
	createWith(t, m)                                  // without AtEpoch
	createWith(t, m, session.AtEpoch(epoch("alice"))) // and with today's
	if _, err := m.Create(recorder(), request("POST"), "bob", profile{}, session.AtEpoch(epoch("bob"))); err != nil {
		t.Error(err)
	}
	for _, subject := range []string{"", "\x00guest", strings.Repeat("x", 256)} {
		_, err := m.Epoch(t.Context(), subject)
		refused(t, err, 500, "")
	}
}
