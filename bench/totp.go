package main

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net/http"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/clientip"
	"github.com/go-guard/guard/once"
	"github.com/go-guard/guard/ratelimit"
	"github.com/go-guard/guard/signin/totp"
)

// codes compares the verification of a one-time code with what no implementation can do
// without: the HMACs of three steps, a step in the store, and a limited attempt.
func codes(settings) (comparison, error) {
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	second := guard.Must(totp.New("Acme", secret, guard.Must(totp.NewMemory(nil)), clientip.Direct(), &totp.Options{Now: clock}))
	e := guard.Must(second.Enroll(ctx, "1", "alice@example.com"))
	key := guard.Must(base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(e.Secret()))
	r := request("/code")
	guard.Must(second.Confirm(r, "1", codeAt(key, now)))
	steps := guard.Must(once.NewMemory(&once.MemoryOptions{Now: clock}))
	attempts := guard.Must(ratelimit.NewLogin(clientip.Direct(), &ratelimit.LoginOptions{
		Now: clock, Strikes: []ratelimit.Limit{{Name: "lock", Quota: 100, Window: 366 * 24 * time.Hour}},
	}))
	attempt := func() {
		a, err := attempts.Attempt(r, "1")
		check(err == nil && a.Succeed(ctx) == nil, "Attempt")
	}
	bare := func() {
		code := codeAt(key, now)
		check(matches(key, code, now), "HMAC")
		check(guard.Must(steps.Advance(ctx, once.Key("bare", "1"), now.Unix()/30, now.Add(time.Hour))), "Advance")
	}
	each := func(f func()) func(n int) {
		return func(n int) {
			for range n {
				now = now.Add(30 * time.Second)
				f()
			}
		}
	}
	return comparison{
		benchmarks: []benchmark{
			{"guard: Verify", ours, each(func() { verifyCode(second, r, codeAt(key, now)) })},
			{"bare HMAC of three steps, Advance and a limited attempt", lowerBound, each(func() { bare(); attempt() })},
			{"bare HMAC of three steps, and Advance", lowerBound, each(bare)},
		},
		bars: []bar{
			ratio("guard: Verify", "bare HMAC of three steps, Advance and a limited attempt", 1.3),
		},
	}, nil
}

func verifyCode(second *totp.Factors, r *http.Request, code string) {
	_, err := second.Verify(r, "1", code)
	check(err == nil, "Verify")
}

// matches is what applications write by hand.
func matches(key []byte, code string, now time.Time) bool {
	for _, d := range []time.Duration{-30 * time.Second, 30 * time.Second, 0} {
		if hmac.Equal([]byte(codeAt(key, now.Add(d))), []byte(code)) {
			return true
		}
	}
	return false
}

func codeAt(key []byte, now time.Time) string {
	mac := hmac.New(sha1.New, key)
	var counter [8]byte
	binary.BigEndian.PutUint64(counter[:], uint64(now.Unix()/30))
	mac.Write(counter[:])
	sum := mac.Sum(nil)
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[sum[19]&15:])&0x7fffffff%1_000_000)
}
