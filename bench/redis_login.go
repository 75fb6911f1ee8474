package main

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/alexedwards/scs/goredisstore"
	"github.com/alexedwards/scs/v2"
	"github.com/redis/go-redis/v9"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/jwtauth/refresh"
	"github.com/go-guard/guard/session"
	redisstore "github.com/go-guard/guard/stores/redisstore"
)

// redisLogin compares the processor time of logins after the password was verified, in
// this process and in Redis together: a login is rare, and mostly waits. Each login is
// of another subject. The peers keep the same guarantees by hand, in one pipeline:
// "log out everywhere", and at most a hundred logins of a subject. Without them, scs
// sends one SET.
func redisLogin(set settings) (comparison, error) {
	c, stop, err := startRedis()
	if err != nil {
		return comparison{}, err
	}
	stores := guard.Must(redisstore.New(ctx, c, "bench"))
	issuer := guard.Must(jwtauth.NewIssuer[claims](jwtauth.HMAC("HS256", secret), &jwtauth.IssuerOptions{Issuer: issuer}))
	load := func(context.Context, string, map[string]any) (claims, bool, error) { return admin, true, nil }
	families := guard.Must(refresh.New(issuer, load, &refresh.Options{Store: stores.TokenFamilies()}))
	sessions := guard.Must(session.New[profile](&session.Options{Store: stores.Sessions()}))
	bySCS, byHand := newSCSLogins(c), &handOnRedis{client: c}
	var users users
	next := func() string { return users.next() }
	post := guard.Must(http.NewRequest("POST", "/login", nil))
	pair := refresh.StartOptions[claims]{Claims: &admin}
	logins := []login{
		{"guard: a session", func(w http.ResponseWriter) {
			_, err := sessions.Create(w, post, next(), alice)
			check(err == nil, "Create")
		}},
		{"scs with an index by subject", func(w http.ResponseWriter) { bySCS.login(w, next()) }},
		{"guard: a pair", func(w http.ResponseWriter) { guard.Must(families.Start(ctx, next(), &pair)).Respond(w) }},
		{"golang-jwt by hand: a pair", func(w http.ResponseWriter) { byHand.login(w, next()) }},
		{"scs alone: no logging out everywhere", func(w http.ResponseWriter) { bySCS.commit(w, next()) }},
	}
	facts, err := loginFacts(c, set, logins)
	if err != nil {
		stop()
		return comparison{}, err
	}
	return comparison{
		facts: facts,
		bars: []bar{
			factAtMost("guard: a session, in times of scs with an index by subject", 1), // 0.65
			factAtMost("guard: a pair, in times of golang-jwt by hand: a pair", 1.05),   // 1, and what runs differ
			factAtMost("guard: a session: round trips", 1),
			factAtMost("guard: a session: calls in Redis", 6),
			factAtMost("guard: a pair: round trips", 1),
			factAtMost("guard: a pair: calls in Redis", 6),
		},
		close: stop,
	}, nil
}

// A login signs in another subject each time.
type login struct {
	name string
	do   func(w http.ResponseWriter)
}

func loginFacts(c *redis.Client, set settings, logins []login) ([]Fact, error) {
	w := &discard{header: http.Header{}}
	operations := make([]func(n int), len(logins))
	for i, l := range logins {
		operations[i] = func(n int) {
			for range n {
				l.do(w)
				clear(w.header)
			}
		}
	}
	costs, err := costsOnRedis(c, set, operations)
	if err != nil {
		return nil, err
	}
	var facts []Fact
	for i, l := range logins {
		facts = append(facts,
			Fact{l.name + ": CPU here", costs[i].here, "µs"},
			Fact{l.name + ": CPU in Redis", costs[i].redis, "µs"},
			Fact{l.name + ": round trips", costs[i].trips, ""},
			Fact{l.name + ": calls in Redis", costs[i].calls, ""})
	}
	inTimes := func(a, b int) Fact {
		return Fact{logins[a].name + ", in times of " + logins[b].name, costs[a].against(costs[b]), ""}
	}
	return append(facts, inTimes(0, 1), inTimes(2, 3), inTimes(0, 4)), nil
}

// scsLogin is a login with scs, and with the set of a subject's tokens that an
// application needs to log a person out everywhere: the newest hundred.
type scsOnRedis struct {
	*scs.SessionManager
	client *redis.Client
}

func newSCSLogins(c *redis.Client) *scsOnRedis {
	m := scs.New()
	m.Store = goredisstore.New(c)
	return &scsOnRedis{m, c}
}

func (s *scsOnRedis) commit(w http.ResponseWriter, subject string) (token string, expiry time.Time) {
	ctx := guard.Must(s.Load(context.Background(), ""))
	check(s.RenewToken(ctx) == nil, "scs RenewToken")
	s.Put(ctx, "subject", subject)
	s.Put(ctx, "email", alice.Email)
	s.Put(ctx, "role", alice.Role)
	token, expiry, err := s.Commit(ctx)
	check(err == nil, "scs Commit")
	s.WriteSessionCookie(ctx, w, token, expiry)
	return token, expiry
}

func (s *scsOnRedis) login(w http.ResponseWriter, subject string) {
	token, expiry := s.commit(w, subject)
	check(index(s.client, "scs:of:"+subject, token, expiry) == nil, "scs index")
}

// index adds a token to those of a subject, of which the newest hundred stay.
func index(c redis.Cmdable, key, token string, expiry time.Time) error {
	_, err := c.Pipelined(ctx, func(p redis.Pipeliner) error {
		p.ZAdd(ctx, key, redis.Z{Score: float64(expiry.UnixMilli()), Member: token})
		p.ZRemRangeByScore(ctx, key, "-inf", strconv.FormatInt(time.Now().UnixMilli(), 10))
		p.ZRemRangeByRank(ctx, key, 0, -101)
		p.ExpireAt(ctx, key, expiry)
		return nil
	})
	return err
}

// handOnRedis is byHand, which keeps the jti of a refresh token in Redis.
type handOnRedis struct {
	byHand
	client *redis.Client
}

func (h *handOnRedis) login(w http.ResponseWriter, subject string) {
	access, _ := h.sign(subject, "access", admin, 15*time.Minute)
	refreshToken, id := h.sign(subject, "refresh", claims{}, 30*24*time.Hour)
	check(index(h.client, "hand:"+subject, id, time.Now().Add(30*24*time.Hour)) == nil, "jti by hand")
	h.answer(w, handAnswer{AccessToken: access, RefreshToken: refreshToken})
	check(strings.Count(refreshToken, ".") == 2, "golang-jwt by hand")
}
