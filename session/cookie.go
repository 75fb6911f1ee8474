package session

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"

	"github.com/go-guard/guard/internal/field"
)

// tokenLen is the length of 32 bytes in base64url without padding.
const tokenLen = 43

// strict refuses all but one spelling of a token.
var strict = base64.RawURLEncoding.Strict()

// newToken draws a token for subject; see [Key.Shard].
func newToken(subject string) (token string, key Key) {
	var raw [32]byte
	for shard := ShardOf(subject); ; {
		_, _ = rand.Read(raw[:]) // never fails
		if key = sha256.Sum256(raw[:]); key.Shard() == shard {
			return strict.EncodeToString(raw[:]), key
		}
	}
}

// keyOf is the key of a well-formed token.
func keyOf(token string) (key Key, ok bool) {
	if len(token) != tokenLen {
		return key, false
	}
	var text [tokenLen]byte
	var raw [33]byte
	copy(text[:], token)
	n, err := strict.Decode(raw[:], text[:])
	if err != nil || n != 32 { // line breaks are skipped by Decode
		return key, false
	}
	return sha256.Sum256(raw[:32]), true
}

// setCookie sends the cookie, or clears it where the token is empty, in place
// of one that was set before in the same response.
func (m *Manager[D]) setCookie(w http.ResponseWriter, token string, maxAge int) {
	c := m.cookie
	c.Value, c.MaxAge = token, maxAge
	if token == "" {
		c.MaxAge = -1 // net/http's way to write Max-Age=0
	}
	h := w.Header()
	lines := slices.DeleteFunc(slices.Clone(h["Set-Cookie"]), func(line string) bool {
		_, ours := m.setTo(line)
		return ours
	})
	h["Set-Cookie"] = append(lines, c.String())
	h["Cache-Control"] = []string{"no-store"}
	if !slices.Contains(h["Vary"], "Cookie") {
		h.Add("Vary", "Cookie")
	}
}

// setTo is the token that a line of Set-Cookie gives to our cookie.
func (m *Manager[D]) setTo(line string) (token string, ours bool) {
	rest, ours := strings.CutPrefix(line, m.cookie.Name+"=")
	token, _, _ = strings.Cut(rest, ";")
	return token, ours
}

// presented is the token that the client has when this response is through:
// the one it sent, or the one that an earlier verb gave it.
func (m *Manager[D]) presented(w http.ResponseWriter, r *http.Request) (token string, s field.State) {
	for _, line := range w.Header()["Set-Cookie"] {
		if token, ours := m.setTo(line); ours && token != "" {
			return token, field.Present
		}
	}
	return field.RawCookie(r.Header, m.cookie.Name)
}
