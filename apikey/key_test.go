package apikey_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/apikey"
	"github.com/go-guard/guard/internal/testing/harness"
)

// A Key and what contexts hold print no secret, however they are printed.
func TestNothingPrints(t *testing.T) {
	ring, _ := newRing(t, apikey.RingOptions{})
	k, rec, err := ring.Issue(t.Context(), apikey.Grant{Subject: "1", Name: "ci"})
	if err != nil {
		t.Fatal(err)
	}
	secret := k.Reveal()[21:53]
	var ctx context.Context
	ring.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { ctx = r.Context() })).ServeHTTP(
		harness.NewDiscard(), request("X-API-Key", k.Reveal()))
	got, ok := guard.PrincipalFrom[*apikey.Record](ctx)
	if !ok || got.Sub() != "1" {
		t.Fatalf("principal %v, %t", got, ok)
	}
	j, _ := json.Marshal(map[string]any{"key": k, "record": rec})
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("issued", "key", k, "record", rec, "none", (*apikey.Record)(nil))
	for _, s := range []string{fmt.Sprint(k), fmt.Sprintf("%+v %#v %s %q", k, k, k, k), string(j), log.String(), fmt.Sprintf("%v %+v %#v", rec, ctx, got)} {
		if strings.Contains(s, secret) {
			t.Errorf("%s holds the secret", s)
		}
	}
	if want := "ak_live_" + rec.ID + "_…" + rec.Last4; k.String() != want {
		t.Errorf("the key prints as %s, want %s", k, want)
	}
}

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
