package apikey_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/apikey"
)

// fmt calls no methods of what is in an unexported field, and none for %d.
func TestKeyInAnUnexportedFieldPrintsNoSecret(t *testing.T) {
	ring := guard.Must(apikey.NewRing(nil))
	key, _, err := ring.Issue(context.Background(), apikey.Grant{Subject: "1"})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []any{struct{ key apikey.Key }{key}, &struct{ key apikey.Key }{key}, key, &key, []apikey.Key{key}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			if s := fmt.Sprintf(verb, v); strings.Contains(s, key.Reveal()) || strings.Contains(s, fmt.Sprintf("%x", key.Reveal())) {
				t.Errorf("%s of %T: %s", verb, v, s)
			}
		}
	}
	if (apikey.Key{}).Reveal() != "" {
		t.Error("the zero Key reveals something")
	}
}
