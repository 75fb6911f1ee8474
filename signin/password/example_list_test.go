package password_test

import (
	"context"
	"fmt"
	"log"
	"strings"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/signin/password"
)

// A list of common passwords, one a line.
func ExampleReadList() {
	file := strings.NewReader("12345678\npassword\nqwertyuiop\n") // os.Open("common-passwords.txt")
	common, err := password.ReadList(file)
	if err != nil {
		log.Fatal(err)
	}
	hasher := guard.Must(password.New(&password.Options{Refuse: common}))

	_, err = hasher.Hash(context.Background(), "Password")
	fmt.Println(err)
	// Output: guard: 422 Unprocessable Entity: This password is too easy to guess. Choose another one: password: refused by Options.Refuse
}

// The file of Have I Been Pwned, of 40 GB, which stays on the disk.
func ExampleSearchPwned() {
	file := strings.NewReader(`5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8:10434004
7C222FB2927D828AF22F592134E8932480637C0D:2889079
`) // os.Open("pwned-passwords.txt")
	pwned, err := password.SearchPwned(file, file.Size()) // the size of its Stat
	if err != nil {
		log.Fatal(err)
	}
	for _, pw := range []string{"password", "correct horse battery staple"} {
		fmt.Println(pwned(context.Background(), pw))
	}
	// Output:
	// true <nil>
	// false <nil>
}
