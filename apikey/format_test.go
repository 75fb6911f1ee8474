package apikey_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/go-guard/guard/apikey"
)

func TestFormat(t *testing.T) {
	ring, _ := newRing(t, apikey.RingOptions{Prefix: "acme", Env: "test2"})
	all := regexp.MustCompile(apikey.Pattern)
	ours := regexp.MustCompile(ring.Pattern())
	seen := map[string]bool{}
	for i := range 200 {
		key, rec := issue(t, ring, apikey.Grant{Subject: fmt.Sprint(i)})
		text := "leaked \"" + key + "\" in a file"
		if all.FindString(text) != key || ours.FindString(text) != key {
			t.Fatalf("%s is not found by a pattern", key)
		}
		if !strings.HasPrefix(key, "acme_test2_"+rec.ID+"_") || rec.Last4 != key[len(key)-4:] || seen[rec.ID] {
			t.Fatalf("%s: record %+v", key, rec)
		}
		seen[rec.ID] = true
	}
	if ours.MatchString("acme_test_" + strings.Repeat("a", 12) + "_" + strings.Repeat("a", 38)) {
		t.Error("the ring's pattern finds another ring's keys")
	}
}
