package apikey_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/apikey"
	"github.com/go-guard/guard/source"
)

// A caller that changes a refusal it was handed changes no later answer.
func TestRefusalsAreCopies(t *testing.T) {
	ring, c := newRing(t, apikey.RingOptions{Sources: []source.Source{source.Authorization("Bearer")}})
	keys := guard.Must(apikey.New(byKey, &apikey.Options{Sources: []source.Source{source.Authorization("Bearer")}}))
	revoked, rec := issue(t, ring, apikey.Grant{})
	if _, err := ring.Revoke(t.Context(), rec.ID); err != nil {
		t.Fatal(err)
	}
	expired, _ := issue(t, ring, apikey.Grant{ExpiresAt: c.Add(time.Minute)})
	early, _ := issue(t, ring, apikey.Grant{NotBefore: c.Add(time.Hour)})
	c.Advance(time.Minute)
	elsewhere, _ := newRing(t, apikey.RingOptions{})
	unknown, _ := issue(t, elsewhere, apikey.Grant{})
	for name, tt := range map[string]struct {
		authenticate func(*http.Request) error
		token        string
	}{
		"another prefix":    {refusalOf(ring), "key_12345"},
		"malformed":         {refusalOf(ring), "ak_live_"},
		"unknown":           {refusalOf(ring), unknown},
		"wrong secret":      {refusalOf(ring), apikey.ForgeKey(rec.ID)},
		"revoked":           {refusalOf(ring), revoked},
		"expired":           {refusalOf(ring), expired},
		"not yet valid":     {refusalOf(ring), early},
		"malformed, lookup": {refusalOf(keys), "a b"},
		"unknown, lookup":   {refusalOf(keys), "key_0"},
	} {
		r := request()
		if tt.token != "" {
			r.Header.Set("Authorization", "Bearer "+tt.token)
		}
		var first, second *guard.Error
		if !errors.As(tt.authenticate(r), &first) {
			t.Errorf("%s: no refusal", name)
			continue
		}
		message, challenges := first.Message, len(first.Challenges)
		first.Message = "changed"
		for i := range first.Challenges {
			first.Challenges[i] = "changed"
		}
		if !errors.As(tt.authenticate(r), &second) || second.Message != message || len(second.Challenges) != challenges || challenges > 0 && second.Challenges[0] == "changed" {
			t.Errorf("%s: the second refusal is %+v", name, second)
		}
	}
	if a, b := ring.Scheme().Unknown, ring.Scheme().Unknown; a == b {
		t.Error("Scheme returns one refusal twice")
	}
}

func refusalOf[P any](a guard.Authenticator[P]) func(*http.Request) error {
	return func(r *http.Request) error {
		_, err := a.Authenticate(r)
		return err
	}
}

// Zero values authenticate no one, and are open to no one.
func TestZeroValues(t *testing.T) {
	for name, authenticate := range map[string]func(*http.Request) error{
		"Keys": refusalOf[user](&apikey.Keys[user]{}), "Ring": refusalOf[*apikey.Record](&apikey.Ring{}),
	} {
		for _, r := range []*http.Request{request(), request("X-API-Key", "key_12345")} {
			if err := authenticate(r); err == nil || errors.Is(err, guard.ErrNoCredentials) || statusOf(err) != 0 {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}
