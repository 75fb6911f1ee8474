package apikey_test

import (
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard/apikey"
	"github.com/go-guard/guard/internal/testing/race"
)

type nopWriter struct{ h http.Header }

func (w nopWriter) Header() http.Header { return w.h }

func (w nopWriter) Write(b []byte) (int, error) { return io.Discard.Write(b) }

func (w nopWriter) WriteHeader(int) {}

// A key costs the copy of the request and the context's node, whatever the ring.
func TestAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	ring, c := newRing(t, apikey.RingOptions{})
	key, rec := issue(t, ring, apikey.Grant{Nets: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}})
	c.pass(-time.Second) // used just now: nothing to record
	h := ring.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	w := nopWriter{http.Header{}}
	for name, tt := range map[string]struct {
		key  string
		want float64
	}{"good": {key, 2}, "forged": {apikey.ForgeKey(rec.ID), 9}, "garbage": {"ak_live_x", 9}} {
		r := request("X-API-Key", tt.key)
		h.ServeHTTP(w, r)
		if got := testing.AllocsPerRun(200, func() { clear(w.h); h.ServeHTTP(w, r) }); got > tt.want {
			t.Errorf("%s: %v allocations, want %v", name, got, tt.want)
		}
	}
}

func FuzzAuthenticate(f *testing.F) {
	ring, err := apikey.NewRing(nil)
	if err != nil {
		f.Fatal(err)
	}
	k, _, err := ring.Issue(f.Context(), apikey.Grant{Subject: "1"})
	if err != nil {
		f.Fatal(err)
	}
	good := k.Reveal()
	for _, s := range []string{"", good, good + "0", "ak_live_", "ak_live__", "key_12345", strings.ToUpper(good)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, key string) {
		r := request()
		r.Header["X-Api-Key"] = []string{key}
		rec, err := ring.Authenticate(r)
		if (err == nil) != (key == good) || (err == nil) != (rec != nil) {
			t.Errorf("%q: %v", key, err)
		}
	})
}
