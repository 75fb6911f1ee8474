package ratelimit

import "time"

// A Calendar divides time into periods. Use [Daily] or [Monthly]. The zero value has
// none.
type Calendar struct {
	day      int // of the month; 0 for days
	location *time.Location
}

// Daily has a period for each day of a time zone, from midnight to midnight or, where
// there is no midnight, from the first instant of the day. If nil, UTC.
func Daily(zone *time.Location) Calendar { return Calendar{0, orUTC(zone)} }

// Monthly has periods that begin on a day of each month, such as the billing day of a
// customer, in a time zone. In a month that has no such day, the period begins on its
// last day. A day that is not from 1 to 31 is an error of the limit. If zone is nil, UTC.
func Monthly(day int, zone *time.Location) Calendar {
	if day == 0 {
		day = -1 // invalid, and no Daily
	}
	return Calendar{day, orUTC(zone)}
}

func orUTC(zone *time.Location) *time.Location {
	if zone == nil {
		return time.UTC
	}
	return zone
}

func (c Calendar) isValid() bool { return c.location != nil && 0 <= c.day && c.day <= 31 }

// period returns the period of a time: from since to before until.
func (c Calendar) period(now time.Time) (since, until time.Time) {
	year, month, day := now.In(c.location).Date()
	start := func(n int) time.Time { // of the n-th day or month from this one
		if c.day == 0 {
			return c.midnight(year, month, day+n)
		}
		return c.start(year, month+time.Month(n))
	}
	n := 0
	if now.Before(start(0)) { // the month is that of the next period
		n = -1
	} else if !now.Before(start(1)) { // clocks were set back across midnight
		n = 1
	}
	return start(n), start(n + 1)
}

// start returns when the period that begins in a month begins.
func (c Calendar) start(year int, month time.Month) time.Time {
	last := time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day()
	return c.midnight(year, month, min(c.day, last))
}

// midnight returns the first instant of a day: the first of two midnights, or the
// instant of the change of the zone's offset that skips midnight.
func (c Calendar) midnight(year int, month time.Month, day int) time.Time {
	utc := time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	t := time.Date(year, month, day, 0, 0, 0, 0, c.location)
	start, end := t.ZoneBounds()
	_, offset := t.Zone()
	switch clock := t.Add(seconds(offset)); { // what clocks show, as if in UTC
	case clock.Before(utc):
		return end
	case clock.After(utc):
		return start
	case !start.IsZero():
		_, before := start.Add(-1).Zone()
		if earlier := utc.Add(-seconds(before)); earlier.Before(start) {
			return earlier.In(c.location)
		}
	}
	return t
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }
