package ratelimit

// A Failure selects what happens to requests while the store fails. The zero
// value is the default: FailClosed for New, a local Fallback for NewLogin.
type Failure struct {
	mode     failureMode
	fallback Store
}

type failureMode uint8

const (
	byDefault failureMode = iota
	failClosed
	failOpen
	fallBack
)

func (m failureMode) String() string {
	switch m {
	case failOpen:
		return "FailOpen"
	case fallBack:
		return "the fallback"
	}
	return "FailClosed"
}

// FailClosed refuses with 503. Each refusal is a guard.Failed decision.
func FailClosed() Failure { return Failure{mode: failClosed} }

// FailOpen allows every request: a client that can overload the store has no
// limit.
func FailOpen() Failure { return Failure{mode: failOpen} }

// Fallback uses another store, such as NewMemory(nil): then the limit holds per
// process. If that store fails too, the request is refused with 503.
func Fallback(store Store) Failure { return Failure{mode: fallBack, fallback: store} }
