package once_test

import (
	"context"
	"fmt"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/once"
)

func Example() {
	store := guard.Must(once.NewMemory(nil))
	accept := func(ctx context.Context, invitation string, expires time.Time) error {
		first, err := store.Take(ctx, once.Key("invitation", invitation), expires)
		if err != nil {
			return guard.Unavailable(err) // 503: whether it is the first is unknown
		}
		if !first {
			return &guard.Error{Status: 409, Code: "invitation_used", Message: "The invitation was used"}
		}
		return nil
	}
	expires := time.Now().Add(time.Hour)
	fmt.Println(accept(context.Background(), "i-17", expires))
	fmt.Println(accept(context.Background(), "i-17", expires))
	// Output:
	// <nil>
	// guard: 409 Conflict: The invitation was used
}

// Work that can fail has a lease: a delivery is handled by one process at a time, and
// again after a failure.
func ExampleStore() {
	var store once.Store = guard.Must(once.NewMemory(nil))
	handle := func(ctx context.Context, delivery string, work func() error) error {
		lease, state, err := store.Acquire(ctx, once.Key("delivery", delivery), time.Minute)
		switch {
		case err != nil:
			return guard.Unavailable(err)
		case state == once.Done:
			return nil // handled before: acknowledge it again
		case state == once.Busy:
			return guard.Unavailable(fmt.Errorf("delivery %s is being handled", delivery)) // the sender tries again later
		}
		if err := work(); err != nil {
			_ = store.Release(ctx, lease) // if this fails, the lease runs out
			return err
		}
		return store.Commit(ctx, lease, time.Now().Add(24*time.Hour))
	}
	ctx := context.Background()
	fmt.Println(handle(ctx, "d-1", func() error { return fmt.Errorf("the mail server is down") }))
	fmt.Println(handle(ctx, "d-1", func() error { fmt.Println("mail sent"); return nil }))
	fmt.Println(handle(ctx, "d-1", func() error { fmt.Println("mail sent"); return nil }))
	// Output:
	// the mail server is down
	// mail sent
	// <nil>
	// <nil>
}
