package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/apikey"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/jwtauth/refresh"
	"github.com/go-guard/guard/ratelimit"
	"github.com/go-guard/guard/session"
	redisstore "github.com/go-guard/guard/stores/redisstore"
)

// redisCapacity measures what one Redis can hold and do, for docs/many-processes.md: the
// memory of an entry, among 100,000 of its kind and with a subject of its own, and the
// processor time of a step in Redis, which has one core for commands. 32 goroutines send
// the steps, without a pipeline.
func redisCapacity(set settings) (comparison, error) {
	c, stop, err := startRedis()
	if err != nil {
		return comparison{}, err
	}
	facts, err := capacityFacts(c, set)
	if err != nil {
		stop()
		return comparison{}, err
	}
	return comparison{
		facts: facts,
		bars: []bar{
			factAtMost("bytes a session", 330),
			factAtMost("bytes a refresh family", 260),
			factAtMost("bytes a denied token", 150),
			factAtMost("bytes an API key", 1200),
			factAtMost("bytes a count of 5", 200),
			factAtMost("bytes a count of 100", 260),
			factAtMost("a refresh: round trips", 1),
			factAtMost("a denylist check: round trips", 1),
		},
		close: stop,
	}, nil
}

// A redisStep is an operation whose n-th call, from 0, concerns another subject, except
// that the requests of a step without entries are those of 32 clients.
type redisStep struct {
	name  string
	entry string // what it adds, if anything
	do    func(client, n int) error
}

func capacitySteps(stores *redisstore.Stores) []redisStep {
	const clients = 32
	issuer := guard.Must(jwtauth.NewIssuer[claims](jwtauth.HMAC("HS256", secret), &jwtauth.IssuerOptions{Issuer: issuer}))
	load := func(context.Context, string, map[string]any) (claims, bool, error) { return admin, true, nil }
	families := guard.Must(refresh.New(issuer, load, &refresh.Options{Store: stores.TokenFamilies()}))
	sessions := guard.Must(session.New[profile](&session.Options{Store: stores.Sessions()}))
	ring := guard.Must(apikey.NewRing(&apikey.RingOptions{Prefix: "acme", Store: stores.APIKeys()}))
	denied := stores.Denylist()
	taking := func(quota int, period time.Duration) func(_, n int) error {
		l := guard.Must(ratelimit.New(ratelimit.Limit{Name: "address", Quota: quota, Window: period}, byIP,
			&ratelimit.Options{Store: stores.RateLimits(), Timeout: 5 * time.Second}))
		return func(_, n int) error {
			_, err := l.Take(ctx, strconv.Itoa(n), 1)
			return err
		}
	}
	post, until := httptest.NewRequest("POST", "/login", nil), time.Now().Add(time.Hour)
	create := func(subject string) (*discard, error) {
		w := &discard{header: http.Header{}}
		_, err := sessions.Create(w, post, subject, alice)
		return w, err
	}
	var gets [clients]func(n int)
	var tokens [clients]string
	open := func(client int) error { // the session and the tokens of a client
		w, err := create("client" + strconv.Itoa(client))
		if err != nil {
			return err
		}
		cookie, _, _ := strings.Cut(w.header.Get("Set-Cookie"), ";")
		gets[client] = serving(sessions.Wrap(ok), request("/", "Cookie", cookie), 200)
		pair, err := families.Start(ctx, "client"+strconv.Itoa(client), nil)
		if err == nil {
			tokens[client] = pair.RefreshToken
		}
		return err
	}
	return []redisStep{
		{"a login with a session", "a session", func(_, n int) error { _, err := create(strconv.Itoa(n)); return err }},
		{"a login with refresh tokens", "a refresh family", func(_, n int) error {
			_, err := families.Start(ctx, strconv.Itoa(n), nil)
			return err
		}},
		{"a denial", "a denied token", func(_, n int) error { return denied.Deny(ctx, until, "", strconv.Itoa(n)) }},
		{"an issue of an API key", "an API key", func(_, n int) error {
			_, _, err := ring.Issue(ctx, apikey.Grant{Subject: strconv.Itoa(n), Name: "deploy", Scopes: []string{"posts:read", "posts:write"}})
			return err
		}},
		{"a take of 5 in 15 minutes", "a count of 5", taking(5, 15*time.Minute)},
		{"a take of 100 a minute", "a count of 100", taking(100, time.Minute)},
		{"a GET with a session", "", func(client, _ int) error {
			if gets[client] == nil {
				if err := open(client); err != nil {
					return err
				}
			}
			gets[client](1)
			return nil
		}},
		{"a refresh", "", func(client, _ int) error {
			pair, err := families.Refresh(ctx, tokens[client])
			if err == nil {
				tokens[client] = pair.RefreshToken
			}
			return err
		}},
		{"a denylist check", "", func(_, n int) error {
			_, err := denied.Denied(ctx, time.Now(), "", strconv.Itoa(n), "session")
			return err
		}},
	}
}

func capacityFacts(c *redis.Client, set settings) ([]Fact, error) {
	const clients = 32
	var sizes, speeds []Fact
	var operations []func(n int)
	steps := capacitySteps(guard.Must(redisstore.New(ctx, c, "myapp")))
	for _, step := range steps {
		var n atomic.Int64
		client := -1
		run := parallel(clients, func() func(int) {
			client++
			mine := client
			return func(times int) {
				for range times {
					err := step.do(mine, int(n.Add(1)))
					check(err == nil, step.name)
				}
			}
		})
		operations = append(operations, run)
		run(10 * clients) // opens the connections, and loads the scripts
		if step.entry == "" {
			continue
		}
		each, err := bytesOf(c, set.fill/10, run)
		if err != nil {
			return nil, err
		}
		sizes = append(sizes, Fact{"bytes " + step.entry, each, "B"})
	}
	costs, err := costsOnRedis(c, set, operations)
	for i, cost := range costs {
		speeds = append(speeds,
			Fact{steps[i].name + ": CPU in Redis", cost.redis, "µs"},
			Fact{steps[i].name + ": a second and core of Redis", 1e6 / cost.redis, ""},
			Fact{steps[i].name + ": round trips", cost.trips, ""},
			Fact{steps[i].name + ": calls in Redis", cost.calls, ""})
	}
	return append(sizes, speeds...), err
}

// bytesOf returns the memory of each of the n entries that add makes in an empty Redis.
func bytesOf(c *redis.Client, n int, add func(n int)) (float64, error) {
	if err := c.FlushAll(ctx).Err(); err != nil {
		return 0, err
	}
	before, err := usedMemory(c)
	if err != nil {
		return 0, err
	}
	add(n)
	after, err := usedMemory(c)
	return (after - before) / float64(n), err
}

// usedMemory returns the bytes that a server has allocated.
func usedMemory(c *redis.Client) (float64, error) {
	info, err := c.Info(ctx, "memory").Result()
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(info, "used_memory:")
	line, _, _ := strings.Cut(rest, "\r\n")
	return strconv.ParseFloat(line, 64)
}
