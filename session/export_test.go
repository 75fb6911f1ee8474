package session

// For the tests: the parser of cookies.
var ReadCookie = readCookie

// For the tests: what a parser finds.
const (
	Absent   = absent
	Present  = present
	Repeated = repeated
)

// For the tests: tokens.
var (
	KeyOf    = keyOf
	NewToken = newToken
)

// For the tests: whether a D is decoded once.
func IsFlat[D any]() bool { return isFlat[D]() }
