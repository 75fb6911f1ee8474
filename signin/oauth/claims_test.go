package oauth_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/signin/oauth"
)

// A member that both documents have is the ID token's as a whole, whatever its Go type is:
// encoding/json would fill the elements of a list, the fields of a struct and a map that
// the userinfo has set before.
func TestClaimsAreNotMixed(t *testing.T) {
	type org struct {
		ID   string `json:"id"`
		Role string `json:"role"`
	}
	type all struct {
		List   []org           `json:"list"`
		Struct org             `json:"struct"`
		Ptr    *org            `json:"ptr"`
		Map    map[string]bool `json:"map"`
		Array  [2]string       `json:"array"`
		Name   string          `json:"name"`
		Null   string          `json:"null"`
	}
	p := newProvider()
	p.user = object{"sub": "user-1", "name": "Alice", "list": []org{{"1", "admin"}, {"3", "admin"}}, "struct": org{"1", "admin"}, "ptr": org{"1", "admin"},
		"map": object{"admin": true}, "array": []string{"a", "b"}, "null": "userinfo"}
	p.claims = func(c object) {
		delete(c, "name")
		c["list"], c["struct"], c["ptr"] = []object{{"id": "2"}}, object{"id": "2"}, object{"id": "2"}
		c["map"], c["array"], c["null"] = object{"user": true}, []string{"c"}, nil
	}
	l := guard.Must(oauth.New[all](oauth.Discover(issuer), oauth.Client{ID: clientID, Secret: guard.Secret(secret)}, callback,
		&oauth.Options{Key: sealKey, HTTPClient: &http.Client{Transport: p}, UserInfo: true}))
	a := newApp(t, p, oauth.Options{})
	a.handler = l.Begin()
	v := p.authorize(t, a.begin(""))
	var got all
	a.handler = l.Complete(func(_ http.ResponseWriter, _ *http.Request, who *oauth.Identity[all]) error {
		got = who.Claims
		return nil
	})
	w := a.complete(v)
	const want = `{"list":[{"id":"2","role":""}],"struct":{"id":"2","role":""},"ptr":{"id":"2","role":""},"map":{"user":true},"array":["c",""],"name":"Alice","null":""}`
	if text := string(guard.Must(json.Marshal(got))); w.Code != 303 || text != want {
		t.Errorf("%d %s\nwant %s", w.Code, text, want)
	}
}
