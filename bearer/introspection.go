package bearer

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/go-guard/guard/internal/field"
	"github.com/go-guard/guard/internal/secret"
	"github.com/go-guard/guard/internal/strictjson"
)

// An Introspection is what an authorization server states about an active token
// (RFC 7662, section 2.2). Members that it left out are zero; times are UTC. With
// a cache, requests share it: it must not be modified. A nil Introspection, in a principal
// that embeds one and did not come with a token, has no subject and no scopes.
type Introspection struct {
	Subject, Username, ClientID    string
	TokenType, Issuer, ID          string
	Audience                       []string
	ExpiresAt, NotBefore, IssuedAt time.Time

	scopes []string
	raw    secret.Value[json.RawMessage] // some servers return the token
	cnf    string                        // the member, as JSON text; empty if the token is not bound
	usages []string                      // the members that tell refresh and ID tokens apart

	authTime time.Time
	amr      []string
	acr      string
}

// orZero is i, or a zero Introspection in place of nil.
func (i *Introspection) orZero() *Introspection {
	if i == nil {
		return new(Introspection)
	}
	return i
}

// Sub returns the subject, which is empty for a client that acts for itself.
func (i *Introspection) Sub() string { return i.orZero().Subject }

// AuthTime is the member auth_time: when the subject signed in (RFC 9470, section 6.2).
// It is zero without one that is a time. AMR and ACR are those of amr and acr, zero
// where they are not an array of strings and a string.
func (i *Introspection) AuthTime() time.Time { return i.orZero().authTime }

// AMR is the member amr: see [Introspection.AuthTime].
func (i *Introspection) AMR() []string { return i.orZero().amr }

// ACR is the member acr: see [Introspection.AuthTime].
func (i *Introspection) ACR() string { return i.orZero().acr }

// Scopes implements [Scoped].
func (i *Introspection) Scopes() []string { return i.orZero().scopes }

// TokenConfirmation implements [Confirmed]: it is the member cnf (RFC 9449, section 6.2;
// RFC 8705, section 3.2).
func (i *Introspection) TokenConfirmation() string { return i.orZero().cnf }

// Decode decodes the server's whole response, extensions too, into v, as
// json.Unmarshal does.
func (i *Introspection) Decode(v any) error { return json.Unmarshal(i.orZero().raw.Reveal(), v) }

// parseIntrospection reads the server's response, nil for an inactive token.
func parseIntrospection(body []byte) (*Introspection, error) {
	var members map[string]json.RawMessage
	if err := strictjson.Unmarshal(body, &members); err != nil {
		return nil, fmt.Errorf("it is not a JSON object: %w", err)
	}
	var active *bool
	if err := json.Unmarshal(members["active"], &active); err != nil || active == nil {
		return nil, errors.New(`it has no boolean "active"`)
	}
	if !*active {
		return nil, nil
	}
	m := memberReader{members: members}
	i := &Introspection{
		Subject: m.text("sub"), Username: m.text("username"), ClientID: m.text("client_id"),
		TokenType: m.text("token_type"), Issuer: m.text("iss"), ID: m.text("jti"),
		Audience:  m.texts("aud"),
		ExpiresAt: m.date("exp"), NotBefore: m.date("nbf"), IssuedAt: m.date("iat"),
		scopes: scopesOf(members),
		usages: []string{m.text("typ"), m.text("token_use")}, // Keycloak, Hydra
		raw:    secret.New(json.RawMessage(slices.Clone(body))),
	}
	if m.has("cnf") {
		i.cnf = string(members["cnf"])
	}
	i.readContext(members)
	return i, m.err
}

// readContext reads how and when the subject signed in. A member of another form counts
// as absent: no requirement is satisfied by it.
func (i *Introspection) readContext(members map[string]json.RawMessage) {
	m := memberReader{members: members}
	if i.authTime = m.date("auth_time"); m.err != nil {
		i.authTime = time.Time{}
	}
	if json.Unmarshal(members["acr"], &i.acr) != nil {
		i.acr = ""
	}
	var list []*string // a null in it is not a string
	if json.Unmarshal(members["amr"], &list) != nil || slices.Contains(list, nil) {
		return
	}
	for _, method := range list {
		i.amr = append(i.amr, *method)
	}
}

// scopesOf returns the scopes of the member scope, which RFC 7662 writes as a text,
// or without that member of scp. As in package jwtauth, an array has one scope in
// each string, and any other value grants none.
func scopesOf(members map[string]json.RawMessage) []string {
	raw, ok := members["scope"]
	if !ok {
		raw = members["scp"]
	}
	var text string
	var list []*string // a null in it is not a string
	switch {
	case json.Unmarshal(raw, &text) == nil:
		return field.Scopes(text)
	case json.Unmarshal(raw, &list) != nil || slices.Contains(list, nil):
		return nil
	}
	scopes := make([]string, len(list))
	for n, s := range list {
		scopes[n] = *s
	}
	return scopes
}

// A memberReader reads members of an object and keeps the first mistake. Absent
// and null members are the zero value.
type memberReader struct {
	members map[string]json.RawMessage
	err     error
}

func (m *memberReader) has(name string) bool {
	raw, ok := m.members[name]
	return ok && string(raw) != "null"
}

func (m *memberReader) read(name string, v any) (present bool) {
	if !m.has(name) {
		return false
	}
	if err := json.Unmarshal(m.members[name], v); err != nil {
		m.fail(name)
	}
	return true
}

func (m *memberReader) fail(name string) {
	if m.err == nil {
		m.err = fmt.Errorf("%q has a wrong type or value", name)
	}
}

func (m *memberReader) text(name string) (s string) {
	m.read(name, &s)
	return s
}

// texts reads a string or a list of strings, as aud is (RFC 7519, section 4.1.3).
func (m *memberReader) texts(name string) (list []string) {
	if raw := m.members[name]; len(raw) > 0 && raw[0] == '"' {
		return []string{m.text(name)}
	}
	m.read(name, &list)
	return list
}

// date reads a NumericDate (RFC 7519, section 2), which may have a fraction.
func (m *memberReader) date(name string) time.Time {
	var n float64
	if !m.read(name, &n) {
		return time.Time{}
	}
	if n < 0 || n > 1<<40 {
		m.fail(name)
		return time.Time{}
	}
	whole, fraction := math.Modf(n)
	return time.Unix(int64(whole), int64(fraction*1e9)).UTC()
}
