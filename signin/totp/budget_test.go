package totp_test

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/clientip"
	"github.com/go-guard/guard/internal/testing/race"
	"github.com/go-guard/guard/ratelimit"
	"github.com/go-guard/guard/signin/totp"
)

// TestAllocations bounds what Verify allocates.
func TestAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	a := newApp(t, totp.Options{})
	p, _ := a.enrolled("1")
	r := httptest.NewRequest("POST", "/", nil)
	limited := guard.Must(ratelimit.NewLogin(clientip.Direct(), &ratelimit.LoginOptions{Strikes: []ratelimit.Limit{{Name: "x", Quota: 100, Window: time.Hour}}}))
	limit := testing.AllocsPerRun(100, func() { guard.Must(limited.Attempt(r, "2")).Succeed(ctx) })
	a.clock.Advance(time.Hour)
	right := testing.AllocsPerRun(100, func() {
		a.clock.Advance(30 * time.Second)
		guard.Must(a.Verify(r, "1", p.code(0)))
	})
	phone := testing.AllocsPerRun(100, func() { p.code(0) })
	t.Logf("%v, of which an attempt %v and the phone %v", right, limit, phone)
	if right -= limit + phone; right > 20 {
		t.Errorf("a right code allocates %v times beside its attempt, want at most 20", right)
	}
}
