// Package totptest tests implementations of [totp.Store].
//
//	func TestStore(t *testing.T) {
//		totptest.Run(t, func(t *testing.T) totp.Store { return open(t) }, nil)
//	}
package totptest

import (
	"context"
	"crypto/rand"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/signin/totp"
)

// Run runs each case in a subtest. open returns a store, which need not be empty: no two
// cases use the same accounts. addAccount adds an account to what the store updates, such
// as a row of the table of users; nil where a record needs no account.
func Run(t *testing.T, open func(t *testing.T) totp.Store, addAccount func(t *testing.T, subject string)) {
	for _, c := range []struct {
		name string
		run  func(suite)
		rule string // what a store that fails it does not keep
	}{
		{"Absent", absent, "an account without a record loads none, and Swap of another record is false"},
		{"Swap", swap, "Swap replaces the record if it is old, where empty is no record"},
		{"SwapOfAnother", swapOfAnother, "Swap is false and changes nothing if the record is another one than old"},
		{"Remove", remove, "Swap by an empty record removes it"},
		{"OtherAccounts", otherAccounts, "Swap changes the record of its account alone"},
		{"ComparesExactly", comparesExactly, "records are compared as bytes, without a collation or a pattern"},
		{"LongRecord", longRecord, "a record of 700 bytes is stored and compared as a whole"},
		{"ParallelSwaps", parallelSwaps, "of Swaps of one record at once, one is true, and its record is stored"},
		{"ParallelFirsts", parallelFirsts, "of Swaps of no record at once, one is true, and its record is stored"},
	} {
		t.Run(c.name, func(t *testing.T) {
			harness.Rule(t, c.rule)
			c.run(suite{t, open(t), addAccount})
		})
	}
}

type suite struct {
	*testing.T
	store totp.Store
	add   func(t *testing.T, subject string)
}

// account returns a new account.
func (s suite) account() string { return s.named("totptest-" + rand.Text()) }

func (s suite) named(subject string) string {
	if s.add != nil {
		s.add(s.T, subject)
	}
	return subject
}

// want fails unless record is that of the account; empty is none.
func (s suite) want(subject, record string) {
	s.Helper()
	got, found, err := s.store.Load(s.Context(), subject)
	if err != nil || got != record || record != "" && !found {
		s.Errorf("Load: %q, %t, %v; want %q", got, found, err, record)
	}
}

// swap fails unless Swap answers want.
func (s suite) swap(subject, old, replacement string, want bool) {
	s.Helper()
	if swapped, err := s.store.Swap(s.Context(), subject, old, replacement); err != nil || swapped != want {
		s.Errorf("Swap of %q by %q: %t, %v; want %t", old, replacement, swapped, err, want)
	}
}

func absent(s suite) {
	subject := s.account()
	s.want(subject, "")
	s.swap(subject, "a", "b", false)
	s.swap(subject, "a", "", false)
	s.want(subject, "")
}

func swap(s suite) {
	subject := s.account()
	s.swap(subject, "", "a", true)
	s.want(subject, "a")
	s.swap(subject, "a", "b", true)
	s.want(subject, "b")
}

func swapOfAnother(s suite) {
	subject := s.account()
	s.swap(subject, "", "a", true)
	for _, old := range []string{"", "b", "aa"} {
		s.swap(subject, old, "c", false)
		s.want(subject, "a")
	}
}

func remove(s suite) {
	subject := s.account()
	s.swap(subject, "", "a", true)
	s.swap(subject, "b", "", false)
	s.want(subject, "a")
	s.swap(subject, "a", "", true)
	s.want(subject, "")
	s.swap(subject, "a", "b", false)
	s.swap(subject, "", "c", true)
	s.want(subject, "c")
}

func otherAccounts(s suite) {
	first, second := s.account(), s.account()
	s.swap(first, "", "a", true)
	s.swap(second, "", "a", true)
	s.swap(first, "a", "b", true)
	s.want(second, "a")
	s.swap(first, "b", "", true)
	s.want(second, "a")
}

func comparesExactly(s suite) {
	subject := s.account()
	s.swap(subject, "", "aB-_9", true)
	for _, old := range []string{"ab-_9", "AB-_9", "aB-_", "aB%", "aB-%9"} {
		s.swap(subject, old, "c", false)
	}
	s.want(subject, "aB-_9")
}

func longRecord(s suite) {
	subject := s.account()
	record := strings.Repeat("aB3_-", 140)
	s.swap(subject, "", record, true)
	s.want(subject, record)
	s.swap(subject, record[:699]+"x", "c", false)
	s.swap(subject, record, "c", true)
	s.want(subject, "c")
}

func parallelSwaps(s suite) { race(s, "a") }

func parallelFirsts(s suite) { race(s, "") }

// race lets swaps of one record race: one of them swaps it.
func race(s suite, old string) {
	subject := s.account()
	if old != "" {
		s.swap(subject, "", old, true)
	}
	var swapped atomic.Int32
	var winner atomic.Value
	var all sync.WaitGroup
	for i := range 16 {
		record := strings.Repeat("x", i+2)
		all.Go(func() {
			ok, err := s.store.Swap(context.WithoutCancel(s.Context()), subject, old, record)
			if err != nil {
				s.Error(err)
			}
			if ok {
				swapped.Add(1)
				winner.Store(record)
			}
		})
	}
	all.Wait()
	if swapped.Load() != 1 {
		s.Fatalf("%d of 16 swaps succeeded, want 1", swapped.Load())
	}
	s.want(subject, winner.Load().(string))
}
