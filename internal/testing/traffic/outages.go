package traffic

import (
	"testing"
	"time"
)

// Outages sends requests for GUARD_SOAK, during which kill and revive are called in turn.
// Nothing that was acknowledged is lost, and no good credential is refused.
func Outages(t *testing.T, s Stores, kill, revive func()) {
	t.Helper()
	d := Duration(t, 3*time.Second)
	l := Start(t, s, d/10_000) // a long test sends less in a second
	kills := 0
	const least = 20 // facts: a stall may be longer than d
	for end := time.Now().Add(d); time.Now().Before(end) || l.Facts() < least && kills < 100; kills++ {
		time.Sleep(max(d/100, 500*time.Millisecond)) // a real server under load
		kill()
		time.Sleep(100 * time.Millisecond) // without a server
		revive()
	}
	facts := l.Facts()
	r := l.Stop()
	t.Logf("%v with %d outages: %v", d, kills, r)
	if r.Losses() > 0 || r.Unavailable == 0 || facts < least {
		t.Errorf("%d losses of %d, 503: %d", r.Losses(), facts, r.Unavailable)
	}
}
