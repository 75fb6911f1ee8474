package password_test

import (
	"context"
	"fmt"

	"github.com/go-guard/guard/signin/password"
)

// hashes stands for a table of users. Only the encodings are stored.
var hashes = map[string]string{}

// signIn reports whether pw is the password of the user called name. An unknown
// user has no hash, "", which takes as long to verify as any other.
func signIn(ctx context.Context, name, pw string) (bool, error) {
	ok, rehash, err := password.Verify(ctx, hashes[name], pw)
	if err != nil {
		return false, err // for guard.Refuse: 503 if too many hashes are running
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
