package clientip_test

import (
	"strings"
	"testing"

	"github.com/go-guard/guard/clientip"
	"github.com/go-guard/guard/internal/testing/race"
)

var costs = []struct {
	name, header, short, long string
	ip                        clientip.Func
}{
	{"XFF", "X-Forwarded-For", "1.2.3.4, 203.0.113.7", strings.Repeat("1.2.3.4, ", 8000) + "203.0.113.7", clientip.XFF(proxies...)},
	{"XFFCount", "X-Forwarded-For", "1.2.3.4, 203.0.113.7", strings.Repeat("1.2.3.4, ", 8000) + "203.0.113.7", clientip.XFFCount(1)},
	{"Forwarded", "Forwarded", "for=1.2.3.4, for=203.0.113.7", strings.Repeat("for=1.2.3.4, ", 5600) + "for=203.0.113.7", clientip.Forwarded(proxies...)},
	{"Forwarded quoted", "Forwarded", `for="[2001:db8::1]:80";proto=https`, strings.Repeat(`"`, 72<<10) + `, for="[2001:db8::1]:80";proto=https`, clientip.Forwarded(proxies...)},
	{"Header", "X-Real-IP", "203.0.113.7", "203.0.113.7", clientip.Header("X-Real-IP", proxies...)},
	{"Direct", "X-Real-IP", "203.0.113.7", longRaw, clientip.Direct()},
}

func TestAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	for _, tt := range costs {
		for _, line := range []string{tt.short, tt.long} {
			r := request(proxy, tt.header, line)
			if n := testing.AllocsPerRun(100, func() {
				if _, err := tt.ip(r); err != nil {
					t.Fatal(err)
				}
			}); n > 0 {
				t.Errorf("%s of %d bytes: %v allocations", tt.name, len(line), n)
			}
		}
	}
}

func BenchmarkClient(b *testing.B) {
	for _, tt := range costs {
		for name, line := range map[string]string{"short": tt.short, "72KB": tt.long} {
			b.Run(tt.name+"/"+name, func(b *testing.B) {
				r := request(proxy, tt.header, line)
				b.ReportAllocs()
				for b.Loop() {
					_, _ = tt.ip(r)
				}
			})
		}
	}
}
