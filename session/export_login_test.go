package session

// For the tests of logins.
type Login = login

func (l Login) Encode() (string, error) { return l.encode() }

var ParseLogin = parseLogin
