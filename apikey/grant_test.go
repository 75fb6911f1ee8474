package apikey_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/apikey"
)

// TestIssueErrors: a mistake is a refusal that names each field, and is never ours.
func TestIssueErrors(t *testing.T) {
	ring, c := newRing(t, apikey.RingOptions{})
	seventeen, zone := map[string]string{}, time.FixedZone("", 14*60*60)
	for i := range 17 {
		seventeen[fmt.Sprint(i)] = ""
	}
	for _, tt := range []struct {
		want string
		g    apikey.Grant
	}{
		{"subject is empty", apikey.Grant{}},
		{"subject has 256 bytes; at most 255", apikey.Grant{Subject: strings.Repeat("s", 256)}},
		{"subject is not UTF-8", apikey.Grant{Subject: "mal\xff"}},
		{"name has 201 bytes; at most 200", apikey.Grant{Subject: "1", Name: strings.Repeat("n", 201)}},
		{"name is not UTF-8", apikey.Grant{Subject: "1", Name: "na\xfe"}},
		{"expires_at is in the past", apikey.Grant{Subject: "1", ExpiresAt: c.Time}},
		{"expires_at is in the past", apikey.Grant{Subject: "1", ExpiresAt: c.Add(time.Microsecond)}},
		{"expires_at is in the year 10000", apikey.Grant{Subject: "1", ExpiresAt: time.Date(9999, 12, 31, 20, 0, 0, 0, time.FixedZone("", -5*60*60))}},
		{"expires_at is in the year 300000", apikey.Grant{Subject: "1", ExpiresAt: time.Date(300000, 1, 1, 0, 0, 0, 0, time.UTC)}},
		{"not_before is in the year 1969", apikey.Grant{Subject: "1", NotBefore: time.Date(1970, 1, 1, 0, 0, 0, 0, zone)}},
		{"expires_at is not after not_before", apikey.Grant{Subject: "1", NotBefore: c.Add(2 * time.Hour), ExpiresAt: c.Add(time.Hour)}},
		{"networks[1] is not a network", apikey.Grant{Subject: "1", Networks: []netip.Prefix{netip.MustParsePrefix("::/0"), {}}}},
		{"networks is an empty list", apikey.Grant{Subject: "1", Networks: []netip.Prefix{}}},
		{"networks has 101 elements; at most 100", apikey.Grant{Subject: "1", Networks: slices.Repeat([]netip.Prefix{netip.MustParsePrefix("::/0")}, 101)}},
		{"scopes[0] is empty", apikey.Grant{Subject: "1", Scopes: []string{"", "a"}}},
		{"scopes[1] is not UTF-8", apikey.Grant{Subject: "1", Scopes: []string{"a", "sc\xff"}}},
		{"scopes[0] has 256 bytes; at most 255", apikey.Grant{Subject: "1", Scopes: []string{strings.Repeat("s", 256)}}},
		{"scopes has 101 elements; at most 100", apikey.Grant{Subject: "1", Scopes: slices.Repeat([]string{"a"}, 101)}},
		{"scopes is an empty list", apikey.Grant{Subject: "1", Scopes: []string{}}},
		{"max_uses is -1; 0 to 1000000000000000 are", apikey.Grant{Subject: "1", MaxUses: -1}},
		{"max_uses is 1000000000000001;", apikey.Grant{Subject: "1", MaxUses: 1e15 + 1}},
		{"metadata has 17 entries; at most 16", apikey.Grant{Subject: "1", Metadata: seventeen}},
		{"metadata has 2049 bytes; at most 2048", apikey.Grant{Subject: "1", Metadata: map[string]string{"k": strings.Repeat("v", 2048)}}},
		{"metadata is not UTF-8", apikey.Grant{Subject: "1", Metadata: map[string]string{"k": "\xff"}}},
		{"metadata is not UTF-8", apikey.Grant{Subject: "1", Metadata: map[string]string{"\xff": ""}}},
		{"metadata has an empty name", apikey.Grant{Subject: "1", Metadata: map[string]string{"": "v"}}},
	} {
		_, _, err := ring.Issue(t.Context(), tt.g)
		list, _ := errors.AsType[apikey.FieldErrors](err)
		if len(list) != 1 || !strings.HasPrefix(list[0].Field+" "+list[0].Problem, tt.want) {
			t.Errorf("%s: %v", tt.want, err)
		}
		w, _ := serve(t, func(http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { guard.Refuse(w, r, err) })
		}, request())
		if w.Code != 422 || !strings.Contains(w.Body.String(), tt.want) || strings.Contains(w.Body.String(), "apikey:") {
			t.Errorf("%s: the answer is %d %s", tt.want, w.Code, w.Body)
		}
	}
	// All of them at once.
	_, _, err := ring.Issue(t.Context(), apikey.Grant{Name: strings.Repeat("n", 201), ExpiresAt: c.Time})
	e, _ := errors.AsType[*guard.Error](err)
	if want := "subject is empty; name has 201 bytes; at most 200 are allowed; expires_at is in the past"; e == nil || e.Message != want || e.Code != "fields_invalid" {
		t.Errorf("%v, want %s", err, want)
	}
}

// TestGrantsAtTheirLimits are stored as they are.
func TestGrantsAtTheirLimits(t *testing.T) {
	ring, _ := newRing(t, apikey.RingOptions{})
	metadata := map[string]string{"k": strings.Repeat("v", 2048-1-15*2)}
	for i := range 15 {
		metadata[fmt.Sprintf("%02d", i)] = ""
	}
	g := apikey.Grant{
		Subject: strings.Repeat("s", 255), Name: strings.Repeat("n", 200), Metadata: metadata, MaxUses: 1e15,
		Scopes: slices.Repeat([]string{strings.Repeat("a", 255)}, 100), NotBefore: time.UnixMilli(1),
		ExpiresAt: time.Date(9999, 12, 31, 23, 59, 59, 999, time.UTC),
	}
	_, rec := issue(t, ring, g)
	g.Metadata["k"], g.Scopes[0] = "changed by the caller", ""
	loaded, found, err := ring.Load(t.Context(), rec.ID)
	if !found || err != nil || loaded.Subject != g.Subject || loaded.Name != g.Name || len(loaded.Scopes) != 100 || loaded.Scopes[0] == "" || loaded.MaxUses != g.MaxUses {
		t.Errorf("%+v, %t, %v", loaded, found, err)
	}
	if len(loaded.Metadata) != 16 || len(loaded.Metadata["k"]) != 2048-1-15*2 {
		t.Errorf("metadata %v", loaded.Metadata)
	}
}
