package credential_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/go-guard/guard/internal/credential"
	"github.com/go-guard/guard/internal/field"
)

const limit = 32

// found is a Credential whose methods are fields.
type found struct {
	Text                              string
	State                             field.State
	Ambient, InAuthorization, Foreign bool
}

func sources(t testing.TB, list ...credential.Source) *credential.Sources {
	t.Helper()
	s, err := credential.New("test", list, credential.Header("X-Key"), nil, limit)
	if err != nil {
		t.Fatal(err)
	}
	return &s
}

func request(method, target string, fields ...string) *http.Request {
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(fields); i += 2 {
		r.Header.Add(fields[i], fields[i+1])
	}
	return r
}

// TestFind: all of a Credential. The composed tests of the guards hold the rest.
func TestFind(t *testing.T) {
	s := sources(t, credential.Authorization("Bearer"), credential.Header("X-Key"), credential.Cookie("key"))
	long := strings.Repeat("a", limit+1)
	for _, tt := range []struct {
		name, prefix string
		fields       []string
		want         found
	}{
		{"none", "", nil, found{Ambient: true}},
		{"authorization", "", []string{"Authorization", "Bearer a"}, found{Text: "a", State: field.Present, InAuthorization: true}},
		{"its form is the caller's", "", []string{"Authorization", "Bearer a b"}, found{Text: "a b", State: field.Present, InAuthorization: true}},
		{"nothing behind the scheme", "", []string{"Authorization", "Bearer"}, found{State: field.Malformed, InAuthorization: true}},
		{"header", "", []string{"X-Key", "a"}, found{Text: "a", State: field.Present}},
		{"at the limit", "", []string{"X-Key", long[1:]}, found{Text: long[1:], State: field.Present}},
		{"a long header", "", []string{"X-Key", long}, found{Text: long, State: field.Malformed}},
		{"a long cookie", "", []string{"Cookie", "key=" + long}, found{Text: long, State: field.Malformed, Ambient: true}},
		{"cookie", "", []string{"Cookie", "key=a"}, found{Text: "a", State: field.Present, Ambient: true}},
		{"an empty cookie", "", []string{"Cookie", "key="}, found{State: field.Malformed, Ambient: true}},
		{"a quoted empty cookie", "", []string{"Cookie", `key=""`}, found{State: field.Malformed, Ambient: true}},
		{"the same thrice", "", []string{"Cookie", "key=a", "X-Key", "a", "Authorization", "Bearer a"}, found{Text: "a", State: field.Present, InAuthorization: true}},
		{"a bad one and a good one", "", []string{"Authorization", "Bearer", "X-Key", "a"}, found{State: field.Repeated, Ambient: true}},
		{"an empty cookie and a good one", "", []string{"Cookie", "key=", "X-Key", "a"}, found{Text: "a", State: field.Present}},
		{"an empty cookie and a bad one", "", []string{"Cookie", "key=", "Authorization", "Bearer"}, found{State: field.Malformed, InAuthorization: true}},
		{"an empty cookie, prefix", "a_", []string{"Cookie", "key="}, found{Ambient: true, Foreign: true}},

		{"with the prefix", "a_", []string{"X-Key", "a_b"}, found{Text: "a_b", State: field.Present}},
		{"without it", "a_", []string{"X-Key", "b"}, found{Foreign: true}},
		{"nothing behind the scheme, prefix", "a_", []string{"Authorization", "Bearer"}, found{Foreign: true}},
		{"a foreign one beside it", "a_", []string{"X-Key", "a_b", "Authorization", "Bearer c"}, found{Text: "a_b", State: field.Present, Foreign: true}},
		{"a foreign one beside a cookie", "a_", []string{"Cookie", "key=a_b", "Authorization", "Bearer c"}, found{Text: "a_b", State: field.Present, Foreign: true}},
		{"two with the prefix", "a_", []string{"X-Key", "a_b", "Authorization", "Bearer a_c"}, found{State: field.Repeated, Ambient: true}},
	} {
		c := s.Find(request("POST", "/", tt.fields...), tt.prefix)
		if got := (found{c.Text, c.State, c.Ambient(), c.InAuthorization(), c.Foreign()}); got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
	for name, tt := range map[string]struct {
		prefix string
		fields []string
		want   field.State
	}{
		"a cookie":                           {"", []string{"Cookie", "key=a"}, field.CrossSite},
		"a bad cookie":                       {"", []string{"Cookie", "key="}, field.CrossSite},
		"the same in a header":               {"", []string{"Cookie", "key=a", "X-Key", "a"}, field.Present},
		"a foreign one in a header":          {"a_", []string{"Cookie", "key=a_b", "X-Key", "c"}, field.CrossSite},
		"a foreign cookie":                   {"a_", []string{"Cookie", "key=c"}, field.Absent},
		"a foreign cookie and one's own key": {"a_", []string{"Cookie", "key=c", "X-Key", "a_b"}, field.Present},
		"two cookies":                        {"", []string{"Cookie", "key=a; key=b"}, field.Repeated},
	} {
		if got := s.Find(request("POST", "/", append(tt.fields, "Sec-Fetch-Site", "cross-site")...), tt.prefix); got.State != tt.want {
			t.Errorf("cross-site, %s: %+v, want state %d", name, got, tt.want)
		}
	}
}

// TestAllocations: a header costs nothing to read.
func TestAllocations(t *testing.T) {
	s := sources(t, credential.Authorization("Bearer"), credential.Header("X-Key"), credential.Cookie("key"), credential.WebSocketProtocol("key"))
	r := request("GET", "/", "Authorization", "Bearer a", "X-Key", "a", "Cookie", "key=a", "Upgrade", "websocket", "Sec-WebSocket-Protocol", "key, a")
	if got := testing.AllocsPerRun(100, func() { s.Find(r, "") }); got != 0 {
		t.Errorf("%v allocations", got)
	}
}

// TestDescription: what the sources say of themselves.
func TestDescription(t *testing.T) {
	header, auth, cookie := credential.Header("x-key"), credential.Authorization("Token"), credential.Cookie("a")
	ws, query := credential.WebSocketProtocol("a"), credential.InsecureQuery("a")
	for _, tt := range []struct {
		name          string
		list          []credential.Source
		scheme        string
		vary          []string
		clears, inURL bool
		strips        bool
	}{
		{"default", nil, "Default", []string{"X-Key"}, false, false, false},
		{"authorization", []credential.Source{auth}, "Token", nil, false, false, false},
		{"two schemes", []credential.Source{header, credential.Authorization("bEARER"), auth}, "bEARER", []string{"X-Key", "Authorization"}, false, false, false},
		{"cookie", []credential.Source{auth, cookie, credential.Cookie("b")}, "Token", []string{"Authorization", "Cookie"}, true, false, false},
		{"proxy", []credential.Source{credential.ProxyHeader("x-proxy")}, "Default", []string{"X-Proxy"}, false, false, false},
		{"protocol", []credential.Source{ws}, "Default", []string{"Sec-Websocket-Protocol"}, false, false, true},
		{"query", []credential.Source{auth, query}, "Token", nil, false, true, true},
	} {
		s := sources(t, tt.list...)
		if got, isBearer := s.Scheme("Default"); got != tt.scheme || isBearer != (got == "bEARER") {
			t.Errorf("%s: scheme %q", tt.name, got)
		}
		if got := s.Vary(); !slices.Equal(got, tt.vary) {
			t.Errorf("%s: Vary %q", tt.name, got)
		}
		if s.InURL() != tt.inURL || (s.Clear() != nil) != tt.clears || (s.Strip() != nil) != tt.strips {
			t.Errorf("%s: in the URL %t, clears %t, strips %t", tt.name, s.InURL(), s.Clear() != nil, s.Strip() != nil)
		}
	}
	w := httptest.NewRecorder()
	sources(t, cookie, credential.Cookie("__Host-b")).Clear()(w)
	if got := w.Header()["Set-Cookie"]; !slices.Equal(got, []string{"a=; Path=/; Max-Age=0; HttpOnly", "__Host-b=; Path=/; Max-Age=0; HttpOnly; Secure"}) {
		t.Errorf("%q", got)
	}
}
