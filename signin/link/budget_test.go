package link_test

import (
	"context"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/race"
	"github.com/go-guard/guard/signin/link"
)

func TestAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	l := guard.Must(link.New("reset", base, key('k'), func(context.Context, string) (string, bool, error) { return "hash", true, nil }, nil))
	ctx, token := t.Context(), issue(t, newLinks(t, newAccounts(), newClock()), "1")
	valid := issue(t, l, "1")
	for name, tt := range map[string]struct {
		most float64
		f    func()
	}{
		"Issue":         {4, func() { l.Issue(ctx, "1") }},
		"Open":          {2, func() { l.Open(ctx, valid) }},
		"Open, expired": {8, func() { l.Open(ctx, token) }},
		"Open, 1 MB":    {8, func() { l.Open(ctx, megabyte) }},
	} {
		if n := testing.AllocsPerRun(100, tt.f); n > tt.most {
			t.Errorf("%s: %v allocations, want at most %v", name, n, tt.most)
		}
	}
}

var megabyte = strings.Repeat("A", 1<<20)

func BenchmarkOpen(b *testing.B) {
	l := guard.Must(link.New("reset", base, key('k'), func(context.Context, string) (string, bool, error) { return "hash", true, nil }, nil))
	valid, ctx := issue(b, l, "1"), b.Context()
	for name, token := range map[string]string{"valid": valid, "forged": valid[:len(valid)-30] + strings.Repeat("A", 30), "a megabyte": megabyte} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				l.Open(ctx, token)
			}
		})
	}
}
