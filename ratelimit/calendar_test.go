package ratelimit

import (
	"testing"
	"time"
)

// TestPeriodsOfZones: periods follow each other without a gap, and each begins with
// the first instant of a day, also where a change of offset skips midnight, has it
// twice, skips a day or sets clocks back across midnight.
func TestPeriodsOfZones(t *testing.T) {
	for _, name := range []string{"America/Sao_Paulo", "America/Havana", "Africa/Cairo", "Asia/Gaza", "Pacific/Apia", "Europe/Berlin", "America/St_Johns"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []Calendar{Daily(zone), Monthly(31, zone)} {
			end := time.Date(2018, 1, 1, 0, 0, 0, 0, time.UTC)
			since, until := c.period(time.Date(2009, 1, 1, 0, 0, 0, 0, time.UTC))
			for until.Before(end) {
				for now := since; now.Before(until); now = now.Add(until.Sub(since) / 97) {
					if s, u := c.period(now); !s.Equal(since) || !u.Equal(until) {
						t.Fatalf("%s: %v is in %v to %v, not in %v to %v", name, now, s, u, since, until)
					}
				}
				next, after := c.period(until)
				if !next.Equal(until) || !after.After(next) {
					t.Fatalf("%s: %v to %v follows one to %v", name, next, after, until)
				}
				if day, dayBefore := next.In(zone).YearDay(), next.Add(-1).In(zone).YearDay(); day == dayBefore {
					t.Fatalf("%s: %v is not the first instant of a day", name, next)
				}
				since, until = next, after
			}
		}
	}
}

func TestPeriods(t *testing.T) {
	at := func(s string) time.Time {
		v, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, tt := range []struct {
		c                 Calendar
		now, since, until string
	}{
		{Daily(nil), "2026-11-29T23:59:59Z", "2026-11-29T00:00:00Z", "2026-11-30T00:00:00Z"},
		{Daily(time.FixedZone("", 3600)), "2026-11-29T23:00:00Z", "2026-11-30T00:00:00+01:00", "2026-12-01T00:00:00+01:00"},
		{Monthly(1, nil), "2026-12-31T12:00:00Z", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"},
		{Monthly(31, nil), "2027-02-27T12:00:00Z", "2027-01-31T00:00:00Z", "2027-02-28T00:00:00Z"},
		{Monthly(31, nil), "2027-02-28T00:00:00Z", "2027-02-28T00:00:00Z", "2027-03-31T00:00:00Z"},
		{Monthly(30, nil), "2028-02-29T00:00:00Z", "2028-02-29T00:00:00Z", "2028-03-30T00:00:00Z"},
		{Monthly(15, nil), "2027-01-14T23:59:59Z", "2026-12-15T00:00:00Z", "2027-01-15T00:00:00Z"},
	} {
		if since, until := tt.c.period(at(tt.now)); !since.Equal(at(tt.since)) || !until.Equal(at(tt.until)) {
			t.Errorf("%v: %v is in %v to %v, want %s to %s", tt.c, tt.now, since, until, tt.since, tt.until)
		}
	}
	for day, valid := range map[int]bool{-1: false, 0: false, 1: true, 31: true, 32: false} {
		if Monthly(day, nil).isValid() != valid {
			t.Errorf("day %d is valid: %t", day, !valid)
		}
	}
	if (Calendar{}).isValid() {
		t.Error("the zero value is valid")
	}
}
