package redisstore_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/apikey"
	"github.com/go-guard/guard/clientip"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/jwtauth/refresh"
	"github.com/go-guard/guard/once"
	"github.com/go-guard/guard/ratelimit"
	"github.com/go-guard/guard/session"
	redisstore "github.com/go-guard/guard/stores/redisstore"
)

// A Redis behind Sentinel.
func ExampleNew() {
	client := redis.NewFailoverClient(&redis.FailoverOptions{
		MasterName:            "mymaster",
		SentinelAddrs:         []string{"10.0.0.1:26379", "10.0.0.2:26379", "10.0.0.3:26379"},
		ContextTimeoutEnabled: true, // required: a command ends by its deadline
		MaxRetries:            -1,   // required: a command whose answer was lost would run twice
	})
	defer client.Close()
	stores, err := redisstore.New(context.Background(), client, "myapp")
	if err != nil {
		log.Fatal(err)
	}
	_, err = session.New[struct{}](&session.Options{Store: stores.Sessions()})
	fmt.Println(err)
}

// Sessions that all processes share.
func ExampleStores_Sessions() {
	var stores *redisstore.Stores // of New
	type Data struct{ Name string }
	sessions := guard.Must(session.New[Data](&session.Options{Store: stores.Sessions()}))

	http.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		// Check the password here: see package password.
		if _, err := sessions.Create(w, r, "1", Data{"Alice"}); err != nil {
			guard.Refuse(w, r, err)
		}
	})
}

// API keys that all processes share.
func ExampleStores_APIKeys() {
	var stores *redisstore.Stores // of New
	keys := guard.Must(apikey.NewRing(&apikey.RingOptions{Store: stores.APIKeys(), Prefix: "acme"}))

	key, record, err := keys.Issue(context.Background(), apikey.Grant{Subject: "1", Name: "nightly export"})
	if err != nil {
		log.Fatal(err) // guard.Refuse(w, r, err)
	}
	fmt.Println(record.Name, key.Reveal()) // show it, once
}

// Logins with refresh tokens: they share the denylist of their issuer, too.
func ExampleStores_TokenFamilies() {
	var stores *redisstore.Stores             // of New
	secret := []byte(strings.Repeat("k", 32)) // 32 random bytes, the same in all processes
	type Claims struct{ Role string }
	issuer := guard.Must(jwtauth.NewIssuer[Claims](jwtauth.HMAC("HS256", secret), &jwtauth.IssuerOptions{Denylist: stores.Denylist()}))
	logins := guard.Must(refresh.New(issuer, func(_ context.Context, subject string, _ map[string]any) (Claims, bool, error) {
		return Claims{"admin"}, subject == "1", nil // SELECT role FROM users WHERE id = $1
	}, &refresh.Options{Store: stores.TokenFamilies()}))

	http.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		// Check the password here: see package password.
		tokens, err := logins.Start(r.Context(), "1", nil)
		if err != nil {
			guard.Refuse(w, r, err)
			return
		}
		tokens.Respond(w)
	})
}

// A token that one process revokes is refused by all.
func ExampleStores_Denylist() {
	var stores *redisstore.Stores             // of New
	secret := []byte(strings.Repeat("k", 32)) // 32 random bytes, the same in all processes
	issuer := guard.Must(jwtauth.NewIssuer[struct{}](jwtauth.HMAC("HS256", secret), &jwtauth.IssuerOptions{Denylist: stores.Denylist()}))

	http.Handle("POST /logout", issuer.Verifier().Wrap(guard.Handler(func(_ http.ResponseWriter, r *http.Request, t *jwtauth.Token[struct{}]) error {
		return issuer.Verifier().Revoke(r.Context(), t)
	})))
}

// A limit that all processes count together. While Redis is down, each counts by itself.
func ExampleStores_RateLimits() {
	var stores *redisstore.Stores // of New
	limit := guard.Must(ratelimit.New(
		ratelimit.Limit{Name: "requests", Quota: 100, Window: time.Minute},
		ratelimit.ByIP(clientip.Direct()),
		&ratelimit.Options{Store: stores.RateLimits(), OnFailure: ratelimit.Fallback(guard.Must(ratelimit.NewMemory(nil)))},
	))
	http.Handle("GET /", limit.Wrap(http.FileServer(http.Dir("static"))))
}

// An invitation that is accepted once, over all processes.
func ExampleStores_Once() {
	var stores *redisstore.Stores // of New
	store := stores.Once()        // also for totp.Options.Steps, oauth.Options.Once and others

	first, err := store.Take(context.Background(), once.Key("invitation", "i-17"), time.Now().Add(time.Hour))
	switch {
	case err != nil:
		log.Fatal(err) // guard.Unavailable: whether it is the first is unknown
	case !first:
		fmt.Println("the invitation was used")
	}
}
