// Package denylisttest tests implementations of [jwtauth.Denylist].
//
//	func TestDenylist(t *testing.T) {
//		denylisttest.Run(t, func(t *testing.T) jwtauth.Denylist { return open(t) })
//	}
package denylisttest

import (
	"crypto/rand"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/jwtauth"
)

// Run runs each case in a subtest. open returns a denylist, which need not be
// empty: no two cases use the same IDs. The clocks of the denylist and of the test
// must agree to within some seconds.
func Run(t *testing.T, open func(t *testing.T) jwtauth.Denylist) {
	for _, c := range []struct {
		name string
		run  func(s *suite)
		rule string // what a store that fails it does not keep
	}{
		{"Empty", empty, "an ID that was not denied is not denied, and neither is no ID"},
		{"Denied", denied, "one denied ID is enough, at any position"},
		{"Past", past, "a Deny until a past time denies nothing"},
		{"Again", again, "another Deny of an ID never shortens its time"},
		{"Many", many, "one Deny has any number of IDs, some of them denied before; no IDs are not an error"},
		{"For ever", forEver, "a time may be as late as 9999"},
		{"Names", names, "an ID is an opaque string of any length, compared as bytes"},
		{"Subjects", subjects, "a subject may have many IDs. They deny no token of another subject, and none that is issued later and has other IDs"},
		{"Parallel", parallel, "after Deny has returned, Denied is true, whatever other calls run"},
	} {
		t.Run(c.name, func(t *testing.T) {
			harness.Rule(t, c.rule)
			c.run(&suite{t, open(t), rand.Text()})
		})
	}
}

type suite struct {
	*testing.T
	list  jwtauth.Denylist
	space string // prefix of the case's IDs
}

func (s *suite) deny(id string, in time.Duration) {
	s.Helper()
	if err := s.list.Deny(s.Context(), time.Now().Add(in), "", s.space+id); err != nil {
		s.Errorf("Deny: %v", err)
	}
}

func (s *suite) want(want bool, ids ...string) {
	s.Helper()
	s.wantOf(want, "", time.Now(), ids...)
}

// wantOf is want for a token of a subject.
func (s *suite) wantOf(want bool, subject string, issuedAt time.Time, ids ...string) {
	s.Helper()
	spaced := make([]string, len(ids))
	for i, id := range ids {
		spaced[i] = s.space + id
	}
	got, err := s.list.Denied(s.Context(), issuedAt, subject, spaced...)
	if err != nil || got != want {
		s.Errorf("Denied(%.40q) of %.40q = %t, %v; want %t", ids, subject, got, err, want)
	}
}

func empty(s *suite) {
	s.want(false)
	s.want(false, "a")
	s.want(false, "a", "b")
}

// One denied ID is enough, at any position.
func denied(s *suite) {
	s.deny("a", time.Hour)
	s.want(true, "a")
	s.want(true, "a", "b")
	s.want(true, "b", "a")
	s.want(false, "b")
	s.want(false, "b", "c")
	s.want(false)
}

// Times in the past deny nothing.
func past(s *suite) {
	s.deny("a", -time.Hour)
	s.deny("b", -400*24*time.Hour)
	s.want(false, "a", "b")
}

// Denying an ID again never shortens its time.
func again(s *suite) {
	s.deny("a", time.Hour)
	s.deny("a", time.Hour)
	s.deny("a", -time.Hour)
	s.want(true, "a")
	s.deny("b", time.Minute)
	s.deny("b", 400*24*time.Hour)
	s.want(true, "b")
}

// Many IDs in one call, some of them again. No IDs are not an error.
func many(s *suite) {
	s.deny("7", time.Minute)
	var ids []string
	for i := range 1200 {
		ids = append(ids, s.space+fmt.Sprint(i))
	}
	for _, some := range [][]string{nil, ids, ids[:3], append(ids[:2:2], ids[0], ids[1])} {
		if err := s.list.Deny(s.Context(), time.Now().Add(time.Hour), "", some...); err != nil {
			s.Errorf("Deny of %d: %v", len(some), err)
		}
	}
	s.want(true, "0")
	s.want(true, "7")
	s.want(true, "1199")
	s.want(false, "1200")
}

// The exp of a token may be as late as 9999.
func forEver(s *suite) {
	if err := s.list.Deny(s.Context(), time.Unix(253402300799, 0), "", s.space+"a"); err != nil { // the last second of 9999
		s.Errorf("Deny: %v", err)
	}
	s.want(true, "a")
}

// An ID is an opaque string of any length.
func names(s *suite) {
	long := strings.Repeat("x", 8000)
	ids := []string{"A", "a ", " a", "a\x00", "a:b", "a%", "a'", "ä", "a\u0308", "\xff", "*", long, long + "1"}
	for _, id := range ids {
		s.want(false, id)
	}
	for i, id := range ids {
		s.deny(id, time.Hour)
		s.want(true, id)
		if i+1 < len(ids) {
			s.want(false, ids[i+1:]...)
		}
	}
	s.want(false, "a", "b", long+"2")
}

// A subject may have many IDs. They deny no token of another subject, and none that
// is issued later and has other IDs.
func subjects(s *suite) {
	one, two := s.space+"one", s.space+strings.Repeat("two", 1000)
	before, later := time.Now().Add(-time.Minute), time.Now().Add(time.Hour)
	for _, subject := range []string{one, two} {
		for i := range 60 {
			var ids []string
			for j := range 10 {
				ids = append(ids, s.space+fmt.Sprint(len(subject), " ", i*10+j))
			}
			if err := s.list.Deny(s.Context(), time.Now().Add(time.Hour), subject, ids...); err != nil {
				s.Fatalf("Deny: %v", err)
			}
		}
		for i := range 600 {
			id := fmt.Sprint(len(subject), " ", i)
			s.wantOf(true, subject, before, id)
			s.wantOf(true, subject, time.Time{}, "a", id)
		}
		s.wantOf(false, subject, later, "a", "b")
	}
	s.wantOf(false, s.space+"three", before, "a")
	s.wantOf(false, s.space+"three", time.Time{}, "a")
	s.wantOf(false, "", before, "a")
	s.wantOf(false, "", time.Time{})
}

func parallel(s *suite) {
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			for j := range 8 {
				s.deny(fmt.Sprint(j), time.Hour)
				s.deny(fmt.Sprint(i, " ", j), time.Hour)
				s.want(true, fmt.Sprint(j))
				s.want(true, "other", fmt.Sprint(i, " ", j))
				id, subject := fmt.Sprint("of a subject", i, " ", j), s.space+fmt.Sprint(i%2)
				if err := s.list.Deny(s.Context(), time.Now().Add(time.Hour), subject, s.space+id); err != nil {
					s.Errorf("Deny: %v", err)
				}
				s.wantOf(true, subject, time.Now().Add(-time.Minute), id)
			}
		})
	}
	wg.Wait()
}
