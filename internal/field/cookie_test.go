package field_test

import (
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/go-guard/guard/internal/field"
)

// TestClearCookie: the path and the attributes that browsers demand of a prefix.
func TestClearCookie(t *testing.T) {
	for name, want := range map[string]string{
		"t":          "t=; Path=/; Max-Age=0; HttpOnly",
		"__Host-t":   "__Host-t=; Path=/; Max-Age=0; HttpOnly; Secure",
		"__SECURE-t": "__SECURE-t=; Path=/; Max-Age=0; HttpOnly; Secure",
		"t__Host-":   "t__Host-=; Path=/; Max-Age=0; HttpOnly",
	} {
		w := httptest.NewRecorder()
		w.Header().Add("Set-Cookie", "other=1")
		field.ClearCookie(name)(w)
		if got := w.Header()["Set-Cookie"]; !slices.Equal(got, []string{"other=1", want}) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
