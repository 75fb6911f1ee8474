package redisstore

import "time"

// The scripts of rate limits, for tests that run them at other times.
const (
	TakeLua     = takeLua
	GiveBackLua = giveBackLua
)

// SetClock sets the clock of what s caches in this process.
func SetClock(s *Stores, now func() time.Time) { s.now = now }
