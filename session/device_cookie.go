package session

import (
	"net/http"
	"time"

	"github.com/go-guard/guard/internal/field"
)

// deviceGrace is how long after its registration a session needs no bound cookie:
// the browser has sent requests before it had one.
const deviceGrace = 10 * time.Second

// checkDevice refuses a request for a bound session without a valid bound cookie.
func (m *Manager[D]) checkDevice(r *http.Request, rec *Record, now time.Time) error {
	if rec.Device == "" {
		return nil
	}
	return m.device.check(r.Header, rec.Device, now)
}

func (d *device) check(request http.Header, device string, now time.Time) error {
	bound, err := isBound(device)
	switch {
	case err != nil || !bound:
		return err
	case d == nil:
		return errNoDevice.Clone()
	}
	registered := time.UnixMilli(millisOf(device[offerEnd:]))
	err = d.checkCookie(request, device, now)
	if since := now.Sub(registered); err != nil && -deviceGrace < since && since < deviceGrace {
		return nil
	}
	return err
}

// checkCookie refuses a request without a valid bound cookie of a device.
func (d *device) checkCookie(request http.Header, device string, now time.Time) error {
	n := 0
	refusal := errNoBoundCookie
	for text := range field.RawCookies(request, d.cookie.Name) {
		if n++; n > maxCandidates {
			break
		}
		millis, ok := stampTime(text)
		if !ok || !isStamp(device, ofCookie, millis, text) {
			refusal = errBadBoundCookie
			continue
		}
		if left := time.UnixMilli(millis).Sub(now); left > 0 {
			return nil
		}
		refusal = errOldBoundCookie
	}
	e := refusal.Clone()
	if n > 0 {
		// A browser refreshes a cookie that it does not have. It has this one, because
		// clocks differ, or since it is of another session.
		e.Header = http.Header{"Set-Cookie": {d.clearing()}}
	}
	return e
}

// setBoundCookie sets the cookie that a bound session needs. The browser drops it
// before it is refused.
func (d *device) setBoundCookie(w http.ResponseWriter, device string, now time.Time) {
	c := d.cookie
	value := stamp(device, ofCookie, now.Add(d.every).UnixMilli())
	c.Value = string(value[:])
	c.MaxAge = max(1, int((d.every-min(d.every/10, 30*time.Second))/time.Second))
	w.Header().Add("Set-Cookie", c.String())
}

// clear deletes the bound cookie.
func (d *device) clear(w http.ResponseWriter) {
	if d != nil {
		w.Header().Add("Set-Cookie", d.clearing())
	}
}

// clearSent deletes the bound cookie of an earlier session, if there is one.
func (d *device) clearSent(w http.ResponseWriter, r *http.Request) {
	if d == nil {
		return
	}
	if _, state := field.RawCookie(r.Header, d.cookie.Name); state != field.Absent {
		d.clear(w)
	}
}

func (d *device) clearing() string {
	c := d.cookie
	c.MaxAge = -1
	return c.String()
}
