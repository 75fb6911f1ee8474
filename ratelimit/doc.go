// Package ratelimit refuses requests beyond a quota: 429 with a Retry-After
// that is true.
//
//	perIP := guard.Must(ratelimit.New(ratelimit.Limit{Quota: 5, Window: 15 * time.Minute}, ratelimit.ByIP(clientip.Direct()), nil))
//	mux.Handle("POST /login", perIP.Wrap(login))
//
// [Sliding], the default, never grants more than Quota in any window of that
// length, wherever the window begins. Several limits are taken all or nothing,
// a refused request takes nothing and does not extend the wait, and parallel
// requests cannot share one place. There is no default key: [ByIP] wants to be
// told which proxies to trust (package clientip), and an empty key is an error,
// never a bucket that strangers share. A store that fails refuses with 503
// unless Options.OnFailure says otherwise.
//
// [NewLogin] counts failed logins, per address and per account.
//
// Not covered: a limit holds per store. In memory that is this process; a
// limit that all processes share needs a shared [Store], such as the one of
// module stores/redisstore. A [Memory] that is full forgets keys, those who used
// least first.
package ratelimit
