package main_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-guard/guard/internal/testing/harness"
)

// TestDPoPProcesses: processes that share their stores and SEAL_KEY are one.
func TestDPoPProcesses(t *testing.T) {
	for name, backend := range map[string]func(t *testing.T) string{
		"Redis":      func(t *testing.T) string { return redisURL(t) },
		"PostgreSQL": postgresURL,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			as := newMCPIssuer(t)
			env := append(as.env(), backend(t))
			keyed := func(keys string) *process { return start(t, append(env, "SEAL_KEY="+keys)...) }
			a, b := keyed(sealKey(1)), keyed(sealKey(1))
			c := as.dpopClient("ES256")
			used := row{status: 401, header: []string{"WWW-Authenticate: " + dpopError("invalid_dpop_proof")}}
			other := row{status: 401, header: []string{"WWW-Authenticate: " + dpopError("use_dpop_nonce")}}
			right := row{status: 200}

			c.learn(t, a)
			var proof call
			another := func() call { proof = c.request(); return proof }
			right.check(t, b.sendEach(t, another)) // the nonce of a
			used.check(t, a.send(t, proof))
			used.check(t, b.send(t, proof))
			next := b.sendEach(t, another)
			right.check(t, next)
			c.nonce = next.header.Get("DPoP-Nonce")
			right.check(t, a.sendEach(t, another))

			wrong := c.request(proofClaim("htm", "POST"))
			other.check(t, a.send(t, c.request(proofClaim("nonce", nil))))
			used.check(t, a.send(t, wrong)) // what is refused uses up nothing
			proof = c.request()
			used.check(t, a.send(t, call{do: proof.do, header: append(proof.header, "DPoP: x")}))
			right.check(t, b.send(t, proof))

			t.Run("restart", func(t *testing.T) {
				b.stop(t)
				b = keyed(sealKey(1))
				used.check(t, b.send(t, proof))
				right.check(t, b.sendEach(t, another))
			})
			t.Run("rotated keys", func(t *testing.T) {
				both, replaced := keyed(sealKey(2)+","+sealKey(1)), keyed(sealKey(2))
				c.learn(t, a)
				other.check(t, replaced.send(t, c.request()))
				right.check(t, both.sendEach(t, another))
				c.learn(t, both)
				right.check(t, replaced.sendEach(t, another))
				other.check(t, a.send(t, c.request()))
			})
			t.Run("64 at a time", func(t *testing.T) { raceProofs(t, c, a, b, keyed(sealKey(1))) })
		})
	}
}

// raceProofs: of 64 parallel replays of a proof over three processes, one passes.
func raceProofs(t *testing.T, c *dpopClient, all ...*process) {
	c.learn(t, all[0])
	for range 3 {
		proof := c.request()
		var passed, used, undecided atomic.Int32
		var wg sync.WaitGroup
		begin := make(chan struct{})
		for i := range 64 {
			wg.Go(func() {
				<-begin
				switch a := all[i%len(all)].send(t, proof); {
				case a.status == 200:
					passed.Add(1)
				case a.status == 401 && a.header.Get("WWW-Authenticate") == dpopError("invalid_dpop_proof"):
					used.Add(1)
				case a.status == 503: // too busy to be answered in time, and perhaps spent
					undecided.Add(1)
				default:
					t.Errorf("%v", a)
				}
			})
		}
		close(begin)
		wg.Wait()
		n, lost := passed.Load(), undecided.Load()
		if n > 1 || n == 0 && lost == 0 || n+lost+used.Load() != 64 {
			t.Errorf("%d passed, %d were used before, %d undecided", n, used.Load(), lost)
		}
	}
}

// TestDPoPInMemory: of 64 parallel replays one passes, and without a shared store each
// process remembers by itself.
func TestDPoPInMemory(t *testing.T) {
	t.Parallel()
	as := newMCPIssuer(t)
	env := append(as.env(), "SEAL_KEY="+sealKey(1))
	a, b := start(t, env...), start(t, env...)
	c := as.dpopClient("ES256")
	raceProofs(t, c, a)
	proof := c.request()
	row{call: call{do: "here"}, status: 200}.check(t, a.send(t, proof))
	row{call: call{do: "there"}, status: 200}.check(t, b.send(t, proof))
}

// TestDPoPOutage: while the store is down, a right proof is 503, and a wrong one is
// refused as ever.
func TestDPoPOutage(t *testing.T) {
	t.Parallel()
	url, stop, restart := redisOf(t)
	as := newMCPIssuer(t)
	p := start(t, append(as.env(), "REDIS_URL="+url)...)
	c := as.dpopClient("ES256")
	c.learn(t, p)
	row{call: call{do: "before"}, status: 200}.check(t, p.send(t, c.request()))
	stop()
	p.rows(t, []row{
		{"a right proof", c.request(), 503, e(503, ""), []string{"WWW-Authenticate:", "DPoP-Nonce:"}},
		{"another method", c.request(proofClaim("htm", "POST")), 401, e(401, ""), nil},
		{"no nonce", c.request(proofClaim("nonce", nil)), 401, "", []string{"WWW-Authenticate: " + dpopError("use_dpop_nonce")}},
		{"as Bearer", call{do: "GET /dpop/profile", header: bearer(c.token)}, 401, "", nil},
		{"tokens of /oidc need no store", call{do: "GET /oidc/profile", header: bearer(as.token("", "aud", "api"))}, 200, "", nil},
	})
	restart()
	harness.Eventually(t, "a proof is accepted again", func() bool {
		c.nonce = nonceFrom(t, p, c)
		return p.send(t, c.request()).status == 200
	})
	row{call: call{do: "an old proof"}, status: 401}.check(t, p.send(t, c.request(proofAge(61*time.Second))))
}

func nonceFrom(t *testing.T, p *process, c *dpopClient) string {
	return p.send(t, c.request(proofClaim("nonce", nil))).header.Get("DPoP-Nonce")
}
