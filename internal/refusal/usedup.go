package refusal

import "fmt"

// UsedUp is the cause of a 429 of a login limit.
type UsedUp struct {
	Limit    string // the name of the limit that decides how long to wait
	InFlight bool   // attempts that have not ended use what is left of it
}

func (u *UsedUp) Error() string {
	if u.InFlight {
		return fmt.Sprintf("ratelimit: attempts in flight use what is left of the quota of %q", u.Limit)
	}
	return fmt.Sprintf("ratelimit: the quota of %q is used up", u.Limit)
}
