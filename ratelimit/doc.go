// Package ratelimit refuses requests beyond a quota: 429 with an exact
// Retry-After.
//
//	perIP := guard.Must(ratelimit.New(ratelimit.Limit{Quota: 100, Window: time.Minute}, ratelimit.ByIP(clientip.Direct()), nil))
//	mux.Handle("GET /search", perIP.Wrap(search))
//
// [Sliding], the default, never grants more than Quota in any window of that
// length, wherever the window begins. Several limits are taken all or nothing. A
// refused request takes nothing and does not extend the wait, and parallel
// requests cannot share the last unit of a quota. There is no default key: [ByIP]
// needs to know the trusted proxies (package clientip), and an empty key is an
// error, never a bucket that clients share. If the store fails, a request is
// refused with 503, unless Options.OnFailure selects otherwise.
//
// The code of a 429 is "rate_limited", and that of a login "login_limited". A
// suspended plan is 403, "no_quota". A 400 has the code "address_unclear",
// "account_missing", "cost_too_large", "header_missing" or "header_repeated".
//
// Options.LimitsOf returns the limits of each client's plan, AlsoBy adds limits by other
// keys, and Settle counts by the outcome. [Limiter.Reserve] is for costs that are known
// afterwards, [Concurrent] for requests at the same time, and [Daily] and [Monthly] for
// quotas that are sold. docs/limits.md has programs with them.
//
// [NewLogin] counts failed logins, per address, per network of IPv6, per account and per
// device. [NewBucket] bounds the requests of all clients together.
//
// Not covered: a limit holds per store. In memory that is this process; a limit
// for several processes needs a shared [Store], such as those of the modules
// stores/redisstore and stores/sqlstore. A full [Memory] evicts the keys that used the
// least of their quota.
package ratelimit
