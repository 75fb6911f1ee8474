package main

import (
	"maps"
	"time"

	"github.com/alexedwards/scs/goredisstore"
	"github.com/alexedwards/scs/v2/memstore"
	"github.com/ulule/limiter/v3"
	ulule "github.com/ulule/limiter/v3/drivers/middleware/stdlib"
	ululeredis "github.com/ulule/limiter/v3/drivers/store/redis"

	"github.com/go-guard/guard"
	redisstore "github.com/go-guard/guard/stores/redisstore"
)

// The tables e2e compare servers of one small API over TCP: one with guard, one with its
// incumbents, one by hand. They differ in their middleware and nothing else: all have
// net/http's mux and server, and all are in this process, which receives bursts of
// requests in random order from a client in another one.
//
// A row is the processor time that a request costs this process, whole: the kernel's
// part, net/http and the answer included, which alone are the row "bare mux". That is
// what an operator pays. It makes ratios less extreme than those of the middleware
// alone, which the other tables have. Nothing is subtracted: a difference of two measurements would
// have the noise of both, and the lower bound of a token, its bare HMAC, would be a
// twentieth of what is subtracted.

// Cases of the API, which are the ends of the rows' names.
const (
	byToken      = "a token"
	byOwner      = "a token, a role, an owner"
	byLimit      = "a limit"
	bySession    = "a session"
	tokenLogins  = "login, a token"
	cookieLogins = "login, a session"

	issuing  = "login after its password, a token"
	creating = "login after its password, a session"
)

// refusals are the cases that guard must not answer at more cost than by hand.
var refusals = []string{"401, no token", "401, a bad token", "403, the role", "404, the post", "429"}

// labelled returns the labels of a server whose cases one library answers.
func labelled(label string, cases ...string) map[string]string {
	labels := map[string]string{}
	for _, name := range cases {
		labels[name] = label
	}
	return labels
}

func endToEnd(settings) (comparison, error) {
	const jwtauth, both, hand, bare, idle = "chi/jwtauth", "chi/jwtauth and casbin", "golang-jwt by hand", "bare HMAC", "scs, idle timeout"
	every := append([]string{byToken, byOwner, byLimit, bySession, tokenLogins, cookieLogins, issuing, creating}, refusals...)
	peers := labelled(jwtauth, byToken, tokenLogins, issuing, refusals[0], refusals[1])
	maps.Copy(peers, labelled(both, byOwner, refusals[2], refusals[3]))
	maps.Copy(peers, labelled("httprate", byLimit, refusals[4]))
	maps.Copy(peers, labelled("scs", bySession, cookieLogins, creating))
	result, err := compare([]*apiServer{
		{ours, guardAPI(nil, nil), labelled("guard", every...)},
		{peer, peersAPI(memstore.New(), 0, httprateLimit), peers},
		{peer, peersAPI(memstore.New(), 30*time.Minute, httprateLimit), labelled(idle, bySession)},
		{peer, handAPI(), labelled(hand, append([]string{byToken, byOwner, tokenLogins, issuing}, refusals...)...)},
		{lowerBound, hmacAPI(apiToken()), labelled(bare, byToken, byOwner)},
	})
	if err != nil {
		return comparison{}, err
	}
	against := func(label, name string, max float64) bar { return ratio("guard: "+name, label+": "+name, max) }
	result.bars = []bar{
		against(jwtauth, byToken, 0.55), against(hand, byToken, 0.95),
		against(both, byOwner, 0.5), against(hand, byOwner, 0.95), against(bare, byOwner, 1.35),
		against("httprate", byLimit, 1.05),
		against("scs", bySession, 0.6),
		against(jwtauth, issuing, 1), against("scs", creating, 1),
		// Both call argon2id, a thousand times of the rest: the 5 % are its noise.
		against(jwtauth, tokenLogins, 1.05), against("scs", cookieLogins, 1.05),
	}
	for _, name := range refusals {
		result.bars = append(result.bars, against(hand, name, 1.1))
	}
	return result, nil
}

// endToEndRedis measures sessions and limits whose store is Redis: the processor time of
// this process, and beside it that of Redis.
func endToEndRedis(settings) (comparison, error) {
	c, stop, err := startRedis()
	if err != nil {
		return comparison{}, err
	}
	stores := guard.Must(redisstore.New(ctx, c, "bench:"))
	ululeLimit := func(quota int) guard.Middleware {
		return ulule.NewMiddleware(limiter.New(guard.Must(ululeredis.NewStore(c)), limiter.Rate{Period: window, Limit: int64(quota)})).Handler
	}
	peers := labelled("scs", bySession)
	maps.Copy(peers, labelled("ulule", byLimit))
	result, err := compare([]*apiServer{
		{ours, guardAPI(stores.Sessions(), stores.RateLimits()), labelled("guard", byLimit, bySession)},
		{peer, peersAPI(goredisstore.New(c), 0, ululeLimit), peers},
		{peer, peersAPI(goredisstore.NewWithPrefix(c, "idle:"), 30*time.Minute, ululeLimit), labelled("scs, idle timeout", bySession)},
	})
	if err != nil {
		stop()
		return comparison{}, err
	}
	closeServers := result.close
	result.close = func() { closeServers(); stop() }
	for _, b := range result.benchmarks {
		const n = 2000
		before, err := usage(c)
		if err != nil {
			result.close()
			return comparison{}, err
		}
		b.run(n)
		after, err := usage(c)
		if err != nil {
			result.close()
			return comparison{}, err
		}
		result.facts = append(result.facts, Fact{b.name + ": CPU in Redis", 1e6 * (after.seconds - before.seconds) / n, "µs"})
	}
	result.bars = []bar{
		ratio("guard: "+byLimit, "ulule: "+byLimit, 1.15),
		ratio("guard: "+bySession, "scs: "+bySession, 0.85),
	}
	return result, nil
}
