package harness

import "net/http"

// Binding is a guard.Binding of the scheme Proof that records its calls.
type Binding struct {
	Asked []string // the scheme, token and cnf of each call of Confirm
	Err   error    // what Confirm returns
}

// Challenges implements guard.Binding.
func (*Binding) Challenges() []string { return []string{`Proof alg="x"`, "Bearer"} }

// Accepted sets the field Proof-Nonce.
func (*Binding) Accepted(h http.Header) { h.Set("Proof-Nonce", "next") }

// Confirm records the call.
func (b *Binding) Confirm(_ *http.Request, scheme, token, cnf string) error {
	b.Asked = append(b.Asked, scheme+" "+token+" "+cnf)
	return b.Err
}
