package expiring_test

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/go-guard/guard/internal/expiring"
)

type entry struct {
	expiring.Node
	id int
}

// TestHeap compares with a sorted slice over random steps.
func TestHeap(t *testing.T) {
	var h expiring.Heap[*entry]
	var plain []*entry
	rnd := rand.New(rand.NewPCG(1, 2))
	for step := range 20_000 {
		switch op := rnd.IntN(10); {
		case op < 5 || len(plain) == 0:
			e := &entry{Node: expiring.Node{Deadline: rnd.Int64N(1000)}, id: step}
			h.Push(e)
			plain = append(plain, e)
		case op < 7:
			h.Move(plain[rnd.IntN(len(plain))], rnd.Int64N(1000))
		case op < 9:
			i := rnd.IntN(len(plain))
			h.Remove(plain[i])
			plain = slices.Delete(plain, i, i+1)
		default:
			e, _ := h.First()
			h.Remove(e)
			plain = slices.DeleteFunc(plain, func(p *entry) bool { return p == e })
		}
		first, ok := h.First()
		if ok != (len(plain) > 0) || h.Len() != len(plain) {
			t.Fatalf("step %d: %d entries, want %d", step, h.Len(), len(plain))
		}
		if !ok {
			continue
		}
		least := slices.MinFunc(plain, func(a, b *entry) int { return cmp.Compare(a.Deadline, b.Deadline) })
		if first.Deadline != least.Deadline {
			t.Fatalf("step %d: the first expires at %d, want %d", step, first.Deadline, least.Deadline)
		}
	}
	for deadline := int64(-1); h.Len() > 0; {
		e, _ := h.First()
		if e.Deadline < deadline {
			t.Fatalf("%d after %d", e.Deadline, deadline)
		}
		deadline = e.Deadline
		h.Remove(e)
	}
}
