package bearer_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/bearer"
	"github.com/go-guard/guard/internal/testing/harness"
)

// A holder is a principal whose token is bound, or nil.
type holder struct{ cnf string }

func (h *holder) TokenConfirmation() string { return h.cnf }

func holders(_ context.Context, token string) (*holder, bool, error) {
	switch token {
	case "bound":
		return &holder{`{"key":"1"}`}, true, nil
	case "free":
		return &holder{}, true, nil
	case "nil":
		return nil, true, nil
	case "suspended":
		return nil, false, guard.Unauthorized("")
	}
	return nil, false, nil
}

// TestBound: a Binding decides about each token that verify accepts, whether it is bound
// or not, and about no other one. The challenge that has the error is that of the
// request's scheme.
func TestBound(t *testing.T) {
	const (
		proof  = `Proof alg="x", realm="r"`
		plain  = `Bearer realm="r"`
		failed = `, error="invalid_token"`
	)
	refusal := &guard.Error{Status: 401, Message: "No proof", Challenges: []string{`Proof error="no_proof"`}}
	for _, tt := range []struct {
		name, authorization string
		err                 error
		want                int
		challenges, asked   []string
	}{
		{"bound", "Proof bound", nil, 200, nil, []string{`Proof bound {"key":"1"}`}},
		{"bound, as Bearer", "bearer bound", nil, 200, nil, []string{`Bearer bound {"key":"1"}`}},
		{"not bound", "Bearer free", nil, 200, nil, []string{"Bearer free "}},
		{"refused", "Proof bound", refusal, 401, []string{`Proof error="no_proof", realm="r"`}, []string{`Proof bound {"key":"1"}`}},
		{"a failure", "Proof bound", errors.New("down"), 500, nil, []string{`Proof bound {"key":"1"}`}},
		{"it cannot abstain", "Proof bound", guard.ErrNoCredentials, 500, nil, []string{`Proof bound {"key":"1"}`}},
		{"anonymous", "", nil, 401, []string{proof, plain}, nil},
		{"another scheme", "Basic bound", nil, 401, []string{proof, plain}, nil},
		{"unknown", "Proof other", nil, 401, []string{proof + failed, plain}, nil},
		{"unknown, as Bearer", "Bearer other", nil, 401, []string{proof, plain + failed}, nil},
		{"malformed", "Proof b%nd", nil, 401, []string{proof + failed, plain}, nil},
		{"refused by verify", "Proof suspended", nil, 401, []string{proof + failed, plain}, nil},
		{"refused by verify, as Bearer", "Bearer suspended", nil, 401, []string{proof, plain + failed}, nil},
		{"a nil principal", "Proof nil", nil, 500, nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := &harness.Binding{Err: tt.err}
			tokens := guard.Must(bearer.New(holders, &bearer.Options{Bound: b, Realm: "r"}))
			r := request()
			if tt.authorization != "" {
				r = request(tt.authorization)
			}
			w, reached := serve(t, tokens.Wrap, r)
			h := w.Result().Header
			if w.Code != tt.want || reached != (tt.want == 200) || (h.Get("Proof-Nonce") != "") != reached {
				t.Errorf("%d, reached %t, %v", w.Code, reached, h)
			}
			if !reflect.DeepEqual(h["Www-Authenticate"], tt.challenges) || !reflect.DeepEqual(b.Asked, tt.asked) {
				t.Errorf("challenges %q, the binding was asked %q", h["Www-Authenticate"], b.Asked)
			}
		})
	}
	// Two tokens: no scheme is that of the request.
	w, reached := serve(t, guard.Must(bearer.New(holders, &bearer.Options{Bound: &harness.Binding{}})).Wrap, request("Proof bound", "Bearer bound"))
	if got := w.Result().Header["Www-Authenticate"]; w.Code != 400 || reached || !reflect.DeepEqual(got, []string{`Proof alg="x", error="invalid_request"`, "Bearer"}) {
		t.Errorf("two tokens: %d, reached %t, %q", w.Code, reached, got)
	}
}

// TestBoundIntrospection: the Binding is asked for each request, also where the
// introspection is cached. A token of the type DPoP without a key is refused: there is
// nothing to prove.
func TestBoundIntrospection(t *testing.T) {
	for _, tt := range []struct {
		name, members string
		want          int
		asked         string
	}{
		{"bound", `"token_type":"DPoP","cnf":{"jkt":"x"}`, 200, `Proof t {"jkt":"x"}`},
		{"a null key", `"cnf":null`, 200, "Proof t "},
		{"without a key", `"token_type":"DPoP"`, 401, ""},
		{"bound, a refresh token", `"typ":"Refresh","cnf":{"jkt":"x"}`, 401, ""},
	} {
		e := newEndpoint(t, `{"active":true,`+tt.members+`}`)
		b := &harness.Binding{}
		tokens := guard.Must(bearer.New(e.introspector(t, &bearer.IntrospectorOptions{Cache: time.Hour}).Verify, &bearer.Options{Bound: b}))
		want, calls := []string{tt.asked, tt.asked}, int32(1)
		if tt.want != 200 {
			want, calls = nil, 2 // refusals are not cached
		}
		for range 2 {
			if w, reached := serve(t, tokens.Wrap, request("Proof t")); w.Code != tt.want || reached != (tt.want == 200) {
				t.Errorf("%s: %d, reached %t", tt.name, w.Code, reached)
			}
		}
		if !reflect.DeepEqual(b.Asked, want) || e.calls.Load() != calls {
			t.Errorf("%s: asked %q, %d introspections", tt.name, b.Asked, e.calls.Load())
		}
	}
}

// TestBoundMistakes: a principal without the key would make each token an unbound one.
func TestBoundMistakes(t *testing.T) {
	for want, f := range map[string]func() error{
		"bearer: Bound needs principals that are Confirmed, and bearer_test.user is not": func() error {
			_, err := bearer.New(verify, &bearer.Options{Bound: &harness.Binding{}})
			return err
		},
		"bearer: Bound is a nil *harness.Binding": func() error {
			_, err := bearer.New(holders, &bearer.Options{Bound: (*harness.Binding)(nil)})
			return err
		},
		`bearer: MaxTokenBytes is negative: -1`: func() error {
			_, err := bearer.New(verify, &bearer.Options{Bound: &harness.Binding{}, MaxTokenBytes: -1})
			return err
		},
	} {
		if err := f(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q lacks %q", fmt.Sprint(err), want)
		}
	}
}

// TestIntrospectedContext: members of another form count as absent, so that they satisfy
// no requirement of package stepup, and the token stays valid.
func TestIntrospectedContext(t *testing.T) {
	at := time.Unix(1_800_000_000, 0).UTC()
	for _, tt := range []struct {
		members string
		time    time.Time
		amr     []string
		acr     string
	}{
		{`"auth_time":1800000000,"amr":["pwd","otp"],"acr":"gold"`, at, []string{"pwd", "otp"}, "gold"},
		{`"auth_time":"1800000000","amr":"otp","acr":["gold"]`, time.Time{}, nil, ""},
		{`"auth_time":-1,"amr":["otp",null],"acr":1`, time.Time{}, nil, ""},
		{`"auth_time":null,"amr":["otp",1],"acr":null`, time.Time{}, nil, ""},
		{`"sub":"1"`, time.Time{}, nil, ""},
	} {
		e := newEndpoint(t, `{"active":true,`+tt.members+`}`)
		i, found, err := e.introspector(t, nil).Verify(t.Context(), "token")
		if err != nil || !found {
			t.Errorf("%s: %t, %v", tt.members, found, err)
			continue
		}
		if !i.AuthTime().Equal(tt.time) || !reflect.DeepEqual(i.AMR(), tt.amr) || i.ACR() != tt.acr {
			t.Errorf("%s: %v, %q, %q", tt.members, i.AuthTime(), i.AMR(), i.ACR())
		}
	}
}
