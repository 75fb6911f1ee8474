package traffic

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/apikey"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/jwtauth/refresh"
	"github.com/go-guard/guard/ratelimit"
	"github.com/go-guard/guard/session"
)

func newLoad(t testing.TB, s Stores) *Load {
	t.Helper()
	issuer := guard.Must(jwtauth.NewIssuer[struct{}](jwtauth.HMAC("HS256", []byte(strings.Repeat("k", 32))),
		&jwtauth.IssuerOptions{Issuer: "traffic", Denylist: s.Denylist, Lifetime: time.Hour}))
	reload := func(context.Context, string, map[string]any) (struct{}, bool, error) { return struct{}{}, true, nil }
	return &Load{
		t:        t,
		ctx:      unlogged(),
		sessions: guard.Must(session.New[string](&session.Options{Store: s.Sessions})),
		refresher: guard.Must(refresh.New(issuer, reload, &refresh.Options{
			Store: s.TokenFamilies, Grace: refresh.MaxGrace, // a slow machine is no thief
		})),
		tokens: issuer.Verifier(),
		ring:   guard.Must(apikey.NewRing(&apikey.RingOptions{Store: s.APIKeys})),
		limits: s.Limits,
	}
}

// unlogged returns a context in which failures are not logged: they are expected.
func unlogged() (ctx context.Context) {
	h := guard.Observe(func(*http.Request, guard.Decision) {})(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { ctx = r.Context() }))
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	return ctx
}

// request returns a request with a header field.
func (l *Load) request(name, value string) *http.Request {
	r := httptest.NewRequest("POST", "/", nil).WithContext(l.ctx)
	r.Header.Set(name, value)
	return r
}

// with returns a request with a session cookie.
func (l *Load) with(c *http.Cookie) *http.Request { return l.request("Cookie", c.Name+"="+c.Value) }

// visit is what a client does.
func (l *Load) visit(subject string, n int) {
	switch {
	case n%4 == 0 && l.limits != nil:
		l.count(subject, n/4)
	case n%4 == 1:
		l.family(subject, n/4)
	case n%4 == 2:
		l.apiKey(subject, n/4)
	default:
		l.session(subject, n/4)
	}
}

// statusOf returns the status of a request that failed with err, 200 if it is nil.
func (l *Load) statusOf(err error) int {
	if err == nil {
		return 200
	}
	w := httptest.NewRecorder()
	guard.Refuse(w, l.request("Accept", "*/*"), err)
	return w.Code
}

// login returns a session cookie, and the fact that it is good.
func (l *Load) login(subject string, opts ...session.CreateOption) (*http.Cookie, fact) {
	var c *http.Cookie
	l.answer("login", func() int {
		w := httptest.NewRecorder()
		_, err := l.sessions.Create(w, l.request("Accept", "*/*"), subject, "data", opts...)
		c = cookieOf(w)
		return l.statusOf(err)
	})
	return c, l.cookie("login", c, 200)
}

func cookieOf(w *httptest.ResponseRecorder) *http.Cookie {
	if all := w.Result().Cookies(); len(all) > 0 {
		return all[0]
	}
	return &http.Cookie{}
}

// cookie is the fact that a request with c has this status.
func (l *Load) cookie(kind string, c *http.Cookie, want int) fact {
	return fact{kind, func() int {
		_, err := l.sessions.Authenticate(l.with(c))
		return l.statusOf(err)
	}, want}
}

func (l *Load) session(subject string, n int) {
	ctx, ref := l.ctx, "ref of "+subject
	var opts []session.CreateOption
	if n%5 == 4 {
		opts = append(opts, session.Ref(ref))
	}
	a, aGood := l.login(subject, opts...)
	b, bGood := l.login(subject, opts...)
	for range 3 {
		if !l.expect(aGood) || !l.expect(bGood) {
			return
		}
	}
	var ended []fact
	end := func(kind string, status func() int, cookies ...*http.Cookie) {
		if l.answer(kind, status) == 200 {
			for _, c := range cookies {
				ended = append(ended, l.cookie(kind, c, 401))
			}
		}
	}
	switch n % 5 {
	case 0:
		l.acknowledged(aGood, bGood)
	case 1: // one attempt: whether a rotation without an answer took place is unknown
		w, r := httptest.NewRecorder(), l.with(a)
		s, err := l.sessions.Authenticate(r)
		if err == nil {
			_, err = l.sessions.Rotate(w, r, s)
		}
		if err == nil {
			ended = append(ended, l.cookie("rotation", a, 401))
			l.acknowledged(l.cookie("login", cookieOf(w), 200))
		}
		l.acknowledged(bGood)
	case 2:
		end("logout", func() int { return l.statusOf(l.sessions.Destroy(httptest.NewRecorder(), l.with(a))) }, a)
		l.acknowledged(bGood)
	case 3:
		end("logout everywhere", func() int { _, err := l.sessions.DestroyAll(ctx, subject); return l.statusOf(err) }, a, b)
	case 4:
		end("logout of a Ref", func() int { _, err := l.sessions.DestroyRef(ctx, ref, ""); return l.statusOf(err) }, a, b)
	}
	for _, f := range ended {
		if l.expect(f) {
			l.acknowledged(f)
		}
	}
}

func (l *Load) family(subject string, n int) {
	ctx := l.ctx
	var pair *jwtauth.Tokens
	ref := ""
	if n%4 >= 2 { // others have none
		ref = "ref of " + subject
	}
	l.answer("family", func() (code int) {
		var err error
		pair, err = l.refresher.Start(ctx, subject, &refresh.StartOptions[struct{}]{Ref: ref})
		return l.statusOf(err)
	})
	if pair == nil {
		return
	}
	access := pair.AccessToken
	token := func() int {
		_, err := l.tokens.Authenticate(l.request("Authorization", "Bearer "+access))
		return l.statusOf(err)
	}
	// A refresh without an answer is repeated with the same token.
	refreshes := func() int {
		next, err := l.refresher.Refresh(ctx, pair.RefreshToken)
		if err == nil {
			pair = next
		}
		return l.statusOf(err)
	}
	good := []fact{{"family", refreshes, 200}, {"access token", token, 200}}
	for range 3 {
		if !l.expect(good[0]) || !l.expect(good[1]) {
			return
		}
	}
	if n%2 == 0 {
		l.acknowledged(good...)
		return
	}
	revoke := func() int { return l.statusOf(l.refresher.Revoke(ctx, subject, pair.RefreshToken)) }
	if n%4 == 3 {
		of := subject
		if n%8 == 3 {
			of = "" // of all
		}
		revoke = func() int { _, err := l.refresher.RevokeRef(ctx, ref, of); return l.statusOf(err) }
	}
	if l.answer("revocation of a family", revoke) != 200 {
		return
	}
	denial, revoked := fact{denied, token, 401}, fact{"revocation of a family", refreshes, 401}
	if l.expect(denial) {
		l.acknowledged(denial)
		if !l.expect(revoked) {
			return
		}
	} // else its refresh, which would bring back the lost denial, comes at the end
	l.acknowledged(revoked)
}

func (l *Load) apiKey(subject string, n int) {
	ctx := l.ctx
	var key apikey.Key
	var rec *apikey.Record
	l.answer("API key", func() (code int) {
		var err error
		key, rec, err = l.ring.Issue(ctx, apikey.Grant{Subject: subject})
		return l.statusOf(err)
	})
	if rec == nil {
		return
	}
	// Each key is also listed, after its revocation, too.
	answer := func(kind string, key apikey.Key, want int) fact {
		return fact{kind, func() int {
			_, err := l.ring.Authenticate(l.request(apikey.DefaultHeader, key.Reveal()))
			if list, listErr := l.ring.List(ctx, subject); listErr != nil {
				return l.statusOf(listErr)
			} else if len(list) == 0 && err == nil {
				return 404
			}
			return l.statusOf(err)
		}, want}
	}
	if !l.expect(answer("API key", key, 200)) {
		return
	}
	switch n % 3 {
	case 0:
		l.acknowledged(answer("API key", key, 200))
	case 1:
		next := key
		l.answer("rotation of an API key", func() int {
			candidate, found, err := l.ring.Rotate(ctx, rec.ID, 0)
			if found && err == nil {
				next = candidate
			}
			return l.statusOf(err)
		})
		if next.Reveal() != key.Reveal() {
			l.acknowledged(answer("API key", next, 200), answer("rotation of an API key", key, 401))
		}
	case 2:
		if l.answer("revocation of an API key", func() int { _, err := l.ring.Revoke(ctx, rec.ID); return l.statusOf(err) }) == 200 {
			l.acknowledged(answer("revocation of an API key", key, 401))
		}
	}
}

// count takes from two limits, and gives one of the takes back. What had no answer may
// count or not.
func (l *Load) count(subject string, n int) {
	ctx := l.ctx
	slot := []string{"", "all"}[n%2] // also that of denials and API keys
	limits := [...]ratelimit.Limit{{Name: "small", Quota: 10, Window: 2 * time.Hour}, {Name: "large", Quota: 100, Window: 2 * time.Hour}}
	takes := func(cost int) (all []ratelimit.Take) {
		for _, limit := range limits {
			all = append(all, ratelimit.Take{Limit: limit, Key: subject, Cost: cost, Slot: slot, Fresh: true})
		}
		return all
	}
	least, most, back := 0, 0, 0
	for range 5 {
		most++
		states, err := l.limits.Take(ctx, takes(1))
		if err != nil {
			l.unavailable.Add(1)
			continue
		}
		least++
		if least == 3 {
			var taken []ratelimit.Taken
			for i, t := range takes(1) {
				taken = append(taken, ratelimit.Taken{Take: t, Stamp: states[i].Stamp})
			}
			least--
			if l.limits.GiveBack(ctx, taken) == nil {
				most, back = most-1, 1
			}
		}
	}
	l.acknowledged(fact{"count", func() int {
		states, err := l.limits.Take(ctx, takes(0))
		if err != nil {
			return 503
		}
		for i, s := range states {
			switch used := limits[i].Quota - s.Remaining; {
			case used > most+back:
				l.t.Errorf("a count is %d of at most %d", used, most)
			case used < least || used > most: // too many if the give-back was lost
				return 401
			}
		}
		return 200
	}, 200})
}
