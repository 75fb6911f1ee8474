package ratelimittest

import (
	"context"
	"testing"
	"time"

	"github.com/go-guard/guard/ratelimit"
)

// A slow store stalls before the nth take.
type slow struct {
	ratelimit.Store
	n     int
	stall time.Duration
}

func (s *slow) Take(ctx context.Context, takes []ratelimit.Take) ([]ratelimit.State, error) {
	if s.n--; s.n == 0 {
		time.Sleep(s.stall)
	}
	return s.Store.Take(ctx, takes)
}

// TestStall: a stall of the machine is no fault of the store.
func TestStall(t *testing.T) {
	memory, err := ratelimit.NewMemory(nil)
	if err != nil {
		t.Fatal(err)
	}
	store := &slow{memory, 3, quick.Window}
	tries := 0
	try(t, debtEnds, func(*testing.T) ratelimit.Store { tries++; return store }, realClock{})
	if tries != 2 {
		t.Errorf("%d tries", tries)
	}
}
