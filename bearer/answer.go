package bearer

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/go-guard/guard/internal/field"
)

// parseIntrospection reads the server's answer, nil for an inactive token. It
// goes by a map: struct fields would match "Active" and "ACTIVE", too.
func parseIntrospection(body []byte) (*Introspection, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil {
		return nil, errors.New("it is not a JSON object")
	}
	var active *bool
	if err := json.Unmarshal(members["active"], &active); err != nil || active == nil {
		return nil, errors.New(`it has no boolean "active"`)
	}
	if !*active {
		return nil, nil
	}
	a := answer{members: members}
	i := &Introspection{
		Subject: a.text("sub"), Username: a.text("username"), ClientID: a.text("client_id"),
		TokenType: a.text("token_type"), Issuer: a.text("iss"), ID: a.text("jti"),
		Audience:  a.texts("aud"),
		ExpiresAt: a.date("exp"), NotBefore: a.date("nbf"), IssuedAt: a.date("iat"),
		scopes: field.Scopes(a.text("scope")),
		raw:    slices.Clone(body),
	}
	i.bound = a.has("cnf")
	for _, name := range [...]string{"token_use", "typ", "token_type"} { // Hydra, Keycloak, others
		var kind string
		_ = json.Unmarshal(members[name], &kind)
		switch strings.ToLower(kind) {
		case "refresh", "refresh_token", "offline", "id", "id_token":
			i.refresh = true
		}
	}
	return i, a.err
}

// answer reads members of an object and keeps the first mistake. Absent and
// null are the zero value.
type answer struct {
	members map[string]json.RawMessage
	err     error
}

func (a *answer) has(name string) bool {
	raw, ok := a.members[name]
	return ok && string(raw) != "null"
}

func (a *answer) read(name string, v any) (present bool) {
	if !a.has(name) {
		return false
	}
	if err := json.Unmarshal(a.members[name], v); err != nil {
		a.fail(name)
	}
	return true
}

func (a *answer) fail(name string) {
	if a.err == nil {
		a.err = fmt.Errorf("%q has a wrong type or value", name)
	}
}

func (a *answer) text(name string) (s string) {
	a.read(name, &s)
	return s
}

// texts reads a string or a list of them, as aud is (RFC 7519, section 4.1.3).
func (a *answer) texts(name string) (list []string) {
	if raw := a.members[name]; len(raw) > 0 && raw[0] == '"' {
		return []string{a.text(name)}
	}
	a.read(name, &list)
	return list
}

// date reads a NumericDate (RFC 7519, section 2), which may have a fraction.
func (a *answer) date(name string) time.Time {
	var n float64
	if !a.read(name, &n) {
		return time.Time{}
	}
	if n < 0 || n > 1<<40 {
		a.fail(name)
		return time.Time{}
	}
	whole, fraction := math.Modf(n)
	return time.Unix(int64(whole), int64(fraction*1e9)).UTC()
}
