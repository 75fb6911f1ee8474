package jwtauth_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
)

// fmt calls no methods of what is in an unexported field, as of settings or of
// an Issuer, and none of ours may show its secret there.
func TestKeyInAnUnexportedFieldPrintsNoSecret(t *testing.T) {
	key := jwtauth.HMAC("HS256", []byte(strings.Repeat("S", 64)))
	i := guard.Must(jwtauth.NewIssuer[profile](key, nil))
	for _, v := range []any{struct{ key jwtauth.Key }{key}, &struct{ key jwtauth.Key }{key}, key, []jwtauth.Key{key}, i, *i, i.Verifier()} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
			s := fmt.Sprintf(verb, v)
			for _, leak := range []string{"SSSS", "53535353", "83 83 83", "0x53, 0x53"} {
				if strings.Contains(s, leak) {
					t.Errorf("%s of %T shows the secret", verb, v)
				}
			}
		}
	}
}
