package password_test

import (
	"context"
	"fmt"

	"github.com/go-guard/guard/signin/password"
)

// hashes is a table of users: nothing else about a password is kept.
var hashes = map[string]string{}

// signIn is whether pw is the password of the user called name. The lookup of
// an unknown one gives "", which costs as much as a wrong password.
func signIn(ctx context.Context, name, pw string) (bool, error) {
	ok, rehash, err := password.Verify(ctx, hashes[name], pw)
	if err != nil {
		return false, err // for guard.Refuse: 503 where too much is going on
	}
	if rehash {
		if encoded, err := password.Hash(ctx, pw); err == nil {
			hashes[name] = encoded
		}
	}
	return ok, nil
}

func Example() {
	ctx := context.Background()
	hashes["alice"], _ = password.Hash(ctx, "correct horse")

	fmt.Println(signIn(ctx, "alice", "correct horse"))
	fmt.Println(signIn(ctx, "alice", "battery staple"))
	fmt.Println(signIn(ctx, "mallory", "battery staple"))
	// Output:
	// true <nil>
	// false <nil>
	// false <nil>
}

func ExampleNew() {
	hasher, err := password.New(&password.Options{BcryptCost: 12, Parallel: 8})
	if err != nil {
		panic(err)
	}
	encoded, _ := hasher.Hash(context.Background(), "correct horse")
	fmt.Println(encoded[:7])
	// Output: $2a$12$
}
