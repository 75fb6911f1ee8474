package once_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/once"
)

// One account redeems one voucher a single time. A key shows neither.
func ExampleKey() {
	a := once.Key("voucher", "account-7", "SPRING")
	b := once.Key("voucher", "account-7", "SPRING")
	c := once.Key("voucher", "account-7S", "PRING") // other parts, another key
	fmt.Println(a == b, a == c)
	// Output: true false
}

// A store of one process with room for two keys: a third one fails, and evicts neither.
func ExampleNewMemory() {
	store := guard.Must(once.NewMemory(&once.MemoryOptions{Max: 2}))
	for _, nonce := range []string{"n-1", "n-2", "n-3"} {
		first, err := store.Take(context.Background(), once.Key("nonce", nonce), time.Now().Add(time.Minute))
		fmt.Println(first, errors.Is(err, once.ErrFull))
	}
	// Output:
	// true false
	// true false
	// false true
}
