package main

import (
	"crypto/sha256"
	"net/http"
	"runtime"
	"strconv"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/apikey"
)

// ring is a ring with one key, and a request with it. No peer manages keys.
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

func apiKeys(settings) (rows, error) {
	h, r, key := ring()
	wrong := request("/", apikey.DefaultHeader, key[:len(key)-1]+"!")
	found := map[[32]byte]string{sha256.Sum256([]byte(key)): subject}
	return rows{
		work: []work{
			{"guard: key of a ring", ours, serving(h, r, 200)},
			{"guard: key of the wrong shape", ours, serving(h, wrong, 401)},
			{"bare SHA-256 and map", limit, serving(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				check(found[sha256.Sum256([]byte(r.Header.Get(apikey.DefaultHeader)))] == subject, "map")
				w.WriteHeader(200)
			}), r, 200)},
			{"bare handler that refuses", limit, serving(bareRefusal, r, 401)},
		},
		bars: []bar{
			ratio("guard: key of a ring", "bare SHA-256 and map", 3.5),
			allocs("guard: key of a ring", 2),
		},
	}, nil
}

func apiKeyMemory(set settings) (rows, error) {
	n := min(set.fill, apikey.MemoryEntries)
	fill := func() (*apikey.Ring, func(int)) {
		keys := guard.Must(apikey.NewRing(nil))
		return keys, func(i int) {
			_, _, err := keys.Issue(ctx, apikey.Grant{Subject: strconv.Itoa(i)})
			check(err == nil, "Issue")
		}
	}
	before := heap()
	keys, issue := fill()
	for i := range n {
		issue(i)
	}
	size := (heap() - before) / float64(n)
	runtime.KeepAlive(keys)
	keys, issue = nil, nil
	stall := longest(3, func() func(int) { _, issue := fill(); return issue }, n)
	return rows{
		facts: []Fact{
			{"guard: bytes a key, its record included, at " + strconv.Itoa(n), size, "B"},
			{"guard: longest stall while issuing", stall, "ms"},
		},
		bars: []bar{factAtMost("guard: longest stall while issuing", 1)},
	}, nil
}
