package redisstore

import "time"

// The scripts of rate limits, for tests that run them at other times.
const (
	TakeLua     = takeLua
	GiveBackLua = giveBackLua
)

// SetTimeout sets how long a command may take.
func SetTimeout(s *Stores, d time.Duration) { s.client.timeout = d }

// SetClock sets the clock of what s caches in this process.
func SetClock(s *Stores, now func() time.Time) { s.now = now }
