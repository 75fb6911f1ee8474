package keyset

import (
	"cmp"
	"net/http"
	"time"
)

// RemoteOptions configures a [Remote]. The zero value has the defaults.
type RemoteOptions struct {
	// Client fetches, without following redirects. If nil, it uses
	// http.DefaultTransport.
	Client *http.Client
	// Timeout bounds one fetch. If 0, it is 5 seconds.
	Timeout time.Duration
	// Refetch is the minimum time between two fetches for signatures that no
	// key verifies and after the first failure. It doubles with each further
	// failure, up to six times Refetch. If 0, it is 10 seconds.
	Refetch time.Duration
	// Stale is how long keys are used after their expiry while fetches fail.
	// If 0, it is an hour; if negative, they are not used.
	Stale time.Duration
	// InsecureHTTP allows http to hosts other than this one. An attacker on
	// the network can then replace the keys.
	InsecureHTTP bool
	// OnError receives the error of each failed fetch, and once that of each
	// key that is not used. May be nil.
	OnError func(error)
	// Now is the clock. If nil, it is time.Now.
	Now func() time.Time
}

// withDefaults returns a copy of o, which may be nil, with every default set.
func (o *RemoteOptions) withDefaults() RemoteOptions {
	var c RemoteOptions
	if o != nil {
		c = *o
	}
	c.Timeout = cmp.Or(c.Timeout, 5*time.Second)
	c.Refetch = cmp.Or(c.Refetch, 10*time.Second)
	c.Stale = cmp.Or(c.Stale, time.Hour)
	c.Stale = max(c.Stale, 0)
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}
