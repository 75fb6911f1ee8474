//go:build go1.27

package refresh

import (
	"encoding/json"
	"encoding/json/jsontext"
	jsonv2 "encoding/json/v2"
)

// replaced reports whether encoding/json wrote U+FFFD in place of invalid bytes of login.
// The text does not show it since Go 1.27; encoding/json/v2 refuses such bytes.
func replaced(login map[string]any, _ []byte) bool {
	_, err := jsonv2.Marshal(login, json.DefaultOptionsV1(), jsontext.AllowInvalidUTF8(false))
	return err != nil
}
