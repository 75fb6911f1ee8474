package ratelimit

import (
	"context"
	"net/http"
	"time"

	"github.com/go-guard/guard"
)

// Options holds what has a safe default. The zero value is the strictest.
type Options struct {
	// Also holds further limits on the same key. All of them are taken, or none.
	// Each limit of a limiter needs a different name, and it has at most 16 in all.
	Also []Limit
	// AlsoBy holds further keys with limits of their own, such as the organisation of
	// a user. All limits of all keys are taken in one call, or none: what one of them
	// refuses costs the others nothing. In a Store of several servers, the counts of a
	// limiter with AlsoBy are all on one of them.
	AlsoBy []By
	// LimitsOf, if set, returns the limits of one client, such as those of its
	// plan, in place of that of New; the context has the principal. Those of Also apply
	// beside any plan. A quota of 0 is a suspended plan: 403 without a Retry-After, code
	// "no_quota", and no limit of any key takes anything. [Unlimited] never refuses. If
	// LimitsOf returns no limits, that of New applies. A *guard.Error refuses the
	// request; any other error and an invalid limit are failures of our own: 500.
	LimitsOf func(ctx context.Context) ([]Limit, error)
	// Cost returns the units that a request takes; if nil, 1. A request of cost 0
	// is not limited: no limit refuses it, also if its quota is used up or is 0, and
	// Key and LimitsOf are not called. A cost that a limit can never grant is refused
	// with 400, and a negative cost is a failure of our own. A limit of requests in
	// flight counts requests, whatever they cost.
	Cost func(r *http.Request) int

	// Settle, if set, returns what a request costs, from the status of its answer: 0
	// for a request that does not count, such as a success where only failures do. The
	// request takes Cost before its handler, so that parallel ones cannot pass the quota,
	// and afterwards the difference is given back or, if it is more, added as a debt,
	// which later requests wait for. A panic is a 500, a hijacked connection a 101. A
	// negative cost is a failure of our own, and the request then costs Cost. The
	// handler's ResponseWriter has Unwrap, Flush, Hijack and ReadFrom, which work where
	// those of the server do.
	Settle func(status int) int

	// Store has the counts. If nil, they are in this process's memory: see
	// [Memory]. In a Store each limit needs a name, and limiters that share one need
	// different names.
	Store Store
	// Secret, of at least 16 bytes, keys the hash of the keys in a Store other
	// than *Memory. Processes that share a store need the same secret. If nil,
	// the hash has no key, and a reader of the store can find keys by guessing.
	// An empty secret is an error.
	Secret guard.Secret
	// OnFailure selects what happens while the store fails; by default, 503.
	//
	// An outage in which requests proceed is reported once: its first decision is
	// guard.Failed, although the request proceeds. If that request is refused, its
	// refusal follows. Later decisions are Allowed or Refused, with a Reason that
	// names the fallback or FailOpen. The first decision after the store answers
	// again has the number of decisions that were made without it in its Reason.
	// Failures less than a minute apart are one outage, whether or not the store
	// answers in between. Where requests are rarer than that, each failure is
	// reported.
	OnFailure Failure
	// Timeout is how long a request waits for a call of a Store other than *Memory. A call
	// that takes longer has failed, and what it takes later is given back, except under
	// FailOpen. If 0, 250 ms.
	Timeout time.Duration

	// Headers selects the fields that every answer has. If 0, none: only a
	// refusal has a Retry-After.
	Headers Headers
	// Message is the sentence of a refusal. If empty, it is a default sentence
	// for the status.
	Message string
	// InContext puts the Result into the handler's context, for [Limiter.From].
	InContext bool
	// Shadow refuses no request: a request that would be refused is reported as
	// guard.Shadowed and passed on. It is for trying a limit out. Failures of our
	// own are guard.Failed, an outage of the store once, as under OnFailure.
	Shadow bool

	// Now is the clock of the default store, of Limit.Calendar, of XRateLimitUnix and
	// of the time between calls of a store that fails; if nil, time.Now.
	Now func() time.Time
}

// By is a further key of a Limiter, with its limits.
type By struct {
	// Key is required. Its ErrSkip exempts a request from these limits alone.
	Key Key
	// Limits has at least one.
	Limits []Limit
	// LimitsOf is as Options.LimitsOf, for this key: its limits take the place of Limits.
	LimitsOf func(ctx context.Context) ([]Limit, error)
}
