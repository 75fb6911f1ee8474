package password_test

import (
	"context"
	"fmt"
	"log"
	"strings"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/signin/password"
)

// Hashes of another system: bcrypt, of which at most eight are computed at a time.
func ExampleNew() {
	hasher, err := password.New(&password.Options{BcryptCost: 12, Parallel: 8})
	if err != nil {
		log.Fatal(err)
	}
	encoded, err := hasher.Hash(context.Background(), "correct horse")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(encoded[:7])
	// Output: $2a$12$
}

// A registration: the refusal of a password is for the form.
func ExampleHasher_Hash() {
	hasher := guard.Must(password.New(&password.Options{MinLength: 15}))
	for _, pw := range []string{"correct horse", "correct horse battery staple"} {
		encoded, err := hasher.Hash(context.Background(), pw)
		if err != nil {
			fmt.Println(err) // guard.Refuse(w, r, err)
			continue
		}
		fmt.Println(encoded[:len("$argon2id$v=19$")] + "…") // store it
	}
	// Output:
	// guard: 422 Unprocessable Entity: Choose a password of at least 15 characters: password: too short or too long
	// $argon2id$v=19$…
}

// A known user, and an unknown one, whose empty encoding takes as long.
func ExampleHasher_Verify() {
	ctx := context.Background()
	hasher := guard.Must(password.New(nil))
	hashes := map[string]string{"alice": guard.Must(hasher.Hash(ctx, "correct horse"))}
	for _, user := range []string{"alice", "mallory"} {
		ok, _, err := hasher.Verify(ctx, hashes[user], "correct horse")
		if err != nil {
			log.Fatal(err) // guard.Refuse(w, r, err)
		}
		fmt.Println(user, ok)
	}
	// Output:
	// alice true
	// mallory false
}

// The parameters were raised: the next login stores a new hash. A Login with Rehash does
// this by itself.
func ExampleHasher_Rehash() {
	ctx := context.Background()
	stored := guard.Must(guard.Must(password.New(&password.Options{Memory: 7168, Time: 5})).Hash(ctx, "correct horse"))
	hasher := guard.Must(password.New(&password.Options{Memory: 9216, Time: 4}))

	ok, rehash, err := hasher.Verify(ctx, stored, "correct horse")
	if err != nil || !ok {
		log.Fatal(ok, err) // refuse the login
	}
	if rehash {
		replacement, err := hasher.Rehash(ctx, "correct horse")
		if err != nil {
			log.Fatal(err) // log it, and allow the login
		}
		stored = replacement // UPDATE users SET hash = $new WHERE id = $id AND hash = $old
	}
	fmt.Println(strings.Contains(stored, "m=9216,t=4"))
	// Output: true
}

// The password of a user, checked without a Login.
func ExampleVerify() {
	ctx := context.Background()
	encoded := guard.Must(password.Hash(ctx, "correct horse")) // of the table of users

	ok, rehash, err := password.Verify(ctx, encoded, "correct horse")
	if err != nil {
		log.Fatal(err) // guard.Refuse(w, r, err)
	}
	fmt.Println(ok, rehash)
	// Output: true false
}

// A hash by bcrypt, of another framework, becomes argon2id at the next login.
func ExampleRehash() {
	ctx := context.Background()
	old := guard.Must(guard.Must(password.New(&password.Options{BcryptCost: 10})).Hash(ctx, "correct horse"))

	ok, rehash, err := password.Verify(ctx, old, "correct horse")
	fmt.Println(ok, rehash, err)
	replacement, err := password.Rehash(ctx, "correct horse")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(replacement[:len("$argon2id$")]) // store it in place of old
	// Output:
	// true true <nil>
	// $argon2id$
}
