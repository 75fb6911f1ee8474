// Package jsontext writes JSON strings as encoding/json does, without its cost.
package jsontext

import "encoding/json"

// AppendString appends s as a JSON string. One that needs no escaping costs no
// allocation.
func AppendString(b []byte, s string) []byte {
	if plain(s) {
		b = append(b, '"')
		b = append(b, s...)
		return append(b, '"')
	}
	j, _ := json.Marshal(s) // a string never fails
	return append(b, j...)
}

// plain reports whether json.Marshal would escape nothing in s.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			return false
		}
	}
	return true
}
