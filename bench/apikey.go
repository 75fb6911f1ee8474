package main

import (
	"crypto/sha256"
	"net/http"
	"strconv"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/apikey"
)

// ring returns a handler behind a ring with one API key, a request with that key, and
// the key. No peer manages API keys.
func ring() (http.Handler, *http.Request, string) {
	keys := guard.Must(apikey.NewRing(nil))
	key, _, err := keys.Issue(ctx, apikey.Grant{Subject: subject})
	check(err == nil, "Issue")
	h := keys.Wrap(guard.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, rec *apikey.Record) {
		check(rec.Subject == subject, "the key's subject")
		w.WriteHeader(200)
	}))
	return h, request("/", apikey.DefaultHeader, key.Reveal()), key.Reveal()
}

func apiKeys(settings) (comparison, error) {
	h, r, key := ring()
	wrong := request("/", apikey.DefaultHeader, key[:len(key)-1]+"!")
	subjects := map[[32]byte]string{sha256.Sum256([]byte(key)): subject}
	return comparison{
		benchmarks: []benchmark{
			{"guard: key of a ring", ours, serving(h, r, 200)},
			{"guard: key of the wrong shape", ours, serving(h, wrong, 401)},
			{"bare SHA-256 and map", lowerBound, serving(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				check(subjects[sha256.Sum256([]byte(r.Header.Get(apikey.DefaultHeader)))] == subject, "map")
				w.WriteHeader(200)
			}), r, 200)},
			{"bare handler that refuses", lowerBound, serving(bareRefusal, r, 401)},
		},
		bars: []bar{
			ratio("guard: key of a ring", "bare SHA-256 and map", 3.5),
			allocs("guard: key of a ring", 2),
		},
	}, nil
}

func apiKeyMemory(set settings) (comparison, error) {
	fill := func() (*apikey.Ring, func(i int) string) {
		keys := guard.Must(apikey.NewRing(nil))
		return keys, func(i int) string {
			key, _, err := keys.Issue(ctx, apikey.Grant{Subject: strconv.Itoa(i)})
			check(err == nil, "Issue")
			return key.Reveal()
		}
	}
	_, one := fill()
	width := len(one(0))
	single, issue := fill()
	singleKey := issue(0)
	all := make([]byte, 0, set.fill*width) // allocated before the store is measured
	before := heap()
	ring, issue := fill()
	for i := range set.fill {
		all = append(all, issue(i)...)
	}
	size := (heap() - before) / float64(set.fill)
	stall := longestStall(3, func() func(int) { _, issue := fill(); return func(i int) { issue(i) } }, set.fill)

	requesting := func(ring *apikey.Ring, key func(i int) string, n int) func(int) {
		h, at := ring.Wrap(ok), 0
		r, w, line := request("/"), &discard{header: http.Header{}}, make([]string, 1)
		r.Header[http.CanonicalHeaderKey(apikey.DefaultHeader)] = line
		return func(times int) {
			for range times {
				at = (at + 7919) % n
				line[0] = key(at)
				w.status = 200
				h.ServeHTTP(w, r)
				check(w.status == 200, "one of many keys")
				clear(w.header)
			}
		}
	}
	row, bare := bareMapOf(set.fill)
	return comparison{
		benchmarks: []benchmark{
			row,
			{"guard: the only key", ours, requesting(single, func(int) string { return singleKey }, 1)},
			{"guard: one of " + strconv.Itoa(set.fill) + " keys", ours, requesting(ring, func(i int) string { return string(all[i*width : (i+1)*width]) }, set.fill)},
		},
		facts: []Fact{
			{"guard: bytes a key, its record and its subject's list included", size, "B"},
			{"guard: longest stall while issuing", stall, "ms"},
			bare,
		},
		bars: []bar{factAtMost("guard: longest stall while issuing", 1)},
	}, nil
}
