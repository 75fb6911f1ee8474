package rbac_test

import (
	"strings"
	"testing"

	"github.com/go-guard/guard/rbac"
)

// TestRoleNames: a role may be called what people call it. "Sales Manager" was an
// error, and the whole policy with it.
func TestRoleNames(t *testing.T) {
	for _, tt := range []struct {
		name  string
		valid bool
	}{
		{"admin", true},
		{"Sales Manager", true},
		{"rédacteur", true},
		{"re\u0301dacteur", true}, // not in NFC: another name
		{"Администратор", true},
		{"管理者", true},
		{"מנהל", true},
		{"व्यवस्थापक", true},
		{"برنامه\u200cنویس", true}, // a joiner inside of a Persian word
		{"ශ\u0dca\u200dරී", true},  // and of one in Sinhala
		{`Chef d'équipe "Nord" (\*)`, true},
		{"Team 🚀", true},
		{strings.Repeat("é", 128), true},
		{strings.Repeat("é", 128) + "x", false},
		{"", false},
		{" ", false},
		{" admin", false},
		{"admin ", false},
		{"a\tb", false},
		{"a\nb", false},
		{"a\x00b", false},
		{"a\x7fb", false},
		{"a\u0085b", false}, // a C1 control
		{"a\u00a0b", false}, // a no-break space
		{"a\u2003b", false}, // an em space
		{"a\u2028b", false}, // a line separator
		{"a\xffb", false},
		{"a\xed\xa0\x80b", false}, // a surrogate
		{"ad\u200bmin", false},    // a zero-width space
		{"ad\u200cmin", false},    // a joiner where nothing joins
		{"adm\u200din", false},
		{"\u200cنویس", false},
		{"نویس\u200c", false},
		{"نویس\u200c\u200cنویس", false},
		{"ad\u00admin", false},     // a soft hyphen
		{"\ufeffadmin", false},     // a byte order mark
		{"\u202enimda", false},     // a change of direction
		{"admin\u2066", false},     // the same
		{"admin\ufe0f", false},     // a variation selector
		{"admin\U000e0061", false}, // a tag
		{"ad\u3164min", false},     // a filler
		{"ad\u034fmin", false},     // a grapheme joiner
		{"ad\ue000min", false},     // for private use
		{"admin\u2800", false},     // a blank pattern of Braille
		{"admin\U0001d159", false}, // a blank note
		{"admin\U00016fe4", false}, // a blank of Khitan
		{"admin\U00013441", false}, // one of hieroglyphs
		{"Sales  Manager", false},  // HTML shows one space
		{"ad\U0010fffdmin", false},
	} {
		p, err := rbac.New(rbac.Spec[perm]{Permissions: permissions, Roles: map[string]rbac.Role[perm]{tt.name: {Grants: []perm{usersRead}}}}, rolesOf, nil)
		if (err == nil) != tt.valid {
			t.Errorf("%q: %v", tt.name, err)
		}
		if err != nil {
			continue
		}
		if w, _, _ := serve(t, p.RequireAll(usersRead), as(tt.name)); w.Code != 200 {
			t.Errorf("%q: status %d", tt.name, w.Code)
		}
		if w, _, _ := serve(t, p.RequireRole(tt.name), as(tt.name)); w.Code != 200 {
			t.Errorf("%q as a role: status %d", tt.name, w.Code)
		}
	}
}

// A name in another normal form is unknown, and its reason shows the difference.
func TestReasonOfAnotherNormalForm(t *testing.T) {
	s := spec()
	s.Roles["rédacteur"] = rbac.Role[perm]{Grants: []perm{usersRead}}
	p, err := rbac.New(s, rolesOf, nil)
	if err != nil {
		t.Fatal(err)
	}
	w, _, decisions := serve(t, p.RequireAll(usersRead), as("re\u0301dacteur"))
	if want := `rbac: not granted: "re\u0301dacteur" (unknown)`; w.Code != 403 || decisions[0].Reason != want {
		t.Errorf("status %d, reason %s; want 403, %s", w.Code, decisions[0].Reason, want)
	}
}
