package apikey_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard/apikey"
)

func TestIssueErrors(t *testing.T) {
	ring, c := newRing(t, apikey.RingOptions{})
	for name, g := range map[string]apikey.Grant{
		"subject":     {},
		"255 bytes":   {Subject: strings.Repeat("s", 256)},
		"200 bytes":   {Subject: "1", Name: strings.Repeat("n", 201)},
		"in the past": {Subject: "1", ExpiresAt: c.Time},
		"NotBefore":   {Subject: "1", NotBefore: c.Time.Add(2 * time.Hour), ExpiresAt: c.Time.Add(time.Hour)},
		"network":     {Subject: "1", Networks: []netip.Prefix{{}}},
		"empty scope": {Subject: "1", Scopes: []string{""}},
		"100 scopes":  {Subject: "1", Scopes: make([]string, 101)},
		"empty list":  {Subject: "1", Scopes: []string{}},
		"or networks": {Subject: "1", Networks: []netip.Prefix{}},
		`"mal\xff"`:   {Subject: "mal\xff"},
		`"na\xfe"`:    {Subject: "1", Name: "na\xfe"},
		`"sc\xff"`:    {Subject: "1", Scopes: []string{"sc\xff"}},
	} {
		if _, _, err := ring.Issue(t.Context(), g); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
