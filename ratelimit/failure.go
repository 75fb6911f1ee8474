package ratelimit

// A Failure is what happens to requests while the store fails. The zero value
// is the default of where it is used: FailClosed for New, a local Fallback for
// NewLogin.
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

// FailClosed refuses with 503.
func FailClosed() Failure { return Failure{mode: failClosed} }

// FailOpen lets everything on: whoever can bring the store down has no limit.
func FailOpen() Failure { return Failure{mode: failOpen} }

// Fallback lets another store decide, such as NewMemory(nil): then the limit
// holds per process. If that fails too, 503.
func Fallback(store Store) Failure { return Failure{mode: fallBack, fallback: store} }
