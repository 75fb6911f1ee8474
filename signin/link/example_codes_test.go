package link_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/signin/link"
)

// Codes of eight digits, in a text message that confirms a phone number.
func ExampleNewCodes() {
	type Account struct {
		Phone     string
		Confirmed bool
	}
	accounts := map[string]Account{"1": {Phone: "+49 151 23456789"}} // a table
	key := []byte(strings.Repeat("k", 32))                           // 32 random bytes, the same in all processes
	stateOf := func(_ context.Context, id string) (boundTo string, found bool, err error) {
		a, found := accounts[id]
		return fmt.Sprint(a.Phone, " ", a.Confirmed), found, nil // an error here is an outage: 503
	}

	_, err := link.NewCodes("phone", key, stateOf, &link.CodeOptions{Digits: 8, Lifetime: 5 * time.Minute})
	fmt.Println(err)
	// Output: <nil>
}

// Two messages in a row have the same code.
func ExampleCodes_Issue() {
	key := []byte(strings.Repeat("k", 32)) // 32 random bytes, the same in all processes
	noon := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	codes := guard.Must(link.NewCodes("phone", key, func(_ context.Context, id string) (string, bool, error) {
		return "+49 151 23456789", id == "1", nil
	}, &link.CodeOptions{Now: func() time.Time { return noon }})) // leave Now out

	ctx := context.Background()
	first, err := codes.Issue(ctx, "1")
	fmt.Println(len(first), err)
	second, err := codes.Issue(ctx, "1")
	fmt.Println(first == second, err)
	none, err := codes.Issue(ctx, "2") // no such account: send nothing
	fmt.Printf("%q %v\n", none, err)
	// Output:
	// 6 <nil>
	// true <nil>
	// "" <nil>
}

// A form that shows a wrong code in place. Other refusals are for guard.Refuse.
func ExampleCodes_Redeem() {
	key := []byte(strings.Repeat("k", 32)) // 32 random bytes, the same in all processes
	confirmed := map[string]bool{"1": false}
	codes := guard.Must(link.NewCodes("phone", key, func(_ context.Context, id string) (string, bool, error) {
		done, found := confirmed[id]
		return fmt.Sprint("+49 151 23456789 ", done), found, nil
	}, nil))

	try := func(code string) {
		err := codes.Redeem(context.Background(), "1", code, func(_ context.Context, id string) error {
			confirmed[id] = true
			return nil
		})
		if errors.Is(err, link.ErrInvalid) {
			fmt.Println("This code does not work")
			return
		}
		fmt.Println("confirmed:", confirmed["1"], err) // guard.Refuse(w, r, err), unless it is nil
	}
	code := guard.Must(codes.Issue(context.Background(), "1"))
	try("12345")
	try(code[:3] + " " + code[3:])
	// Output:
	// This code does not work
	// confirmed: true <nil>
}
