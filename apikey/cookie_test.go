package apikey_test

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/apikey"
	"github.com/go-guard/guard/source"
)

// A badKey is a key that a ring refuses. dead is whether no later request can use it.
type badKey struct {
	name, key, code string
	status          int
	dead            bool
}

// badKeys returns a ring that reads header and cookie, and keys that it refuses.
func badKeys(t *testing.T) (*apikey.Ring, []badKey) {
	t.Helper()
	ring, c := newRing(t, apikey.RingOptions{Sources: []source.Source{source.Authorization("ApiKey"), source.Cookie("key")}})
	elsewhere, _ := newRing(t, apikey.RingOptions{})
	unknown, _ := issue(t, elsewhere, apikey.Grant{})
	revoked, rec := issue(t, ring, apikey.Grant{})
	if _, err := ring.Revoke(t.Context(), rec.ID); err != nil {
		t.Fatal(err)
	}
	expired, _ := issue(t, ring, apikey.Grant{ExpiresAt: c.Add(time.Minute)})
	early, _ := issue(t, ring, apikey.Grant{NotBefore: c.Add(time.Hour)})
	bound, _ := issue(t, ring, apikey.Grant{Networks: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}})
	c.Advance(time.Minute)
	return ring, []badKey{
		{"malformed", "ak_live_x", "key_invalid", 401, true},
		{"unknown", unknown, "key_invalid", 401, true},
		{"wrong secret", apikey.ForgeKey(rec.ID), "key_invalid", 401, true},
		{"revoked", revoked, "key_invalid", 401, true},
		{"expired", expired, "key_expired", 401, true},
		{"early", early, "key_not_yet_valid", 401, false},
		{"from another network", bound, "address_not_allowed", 403, false},
	}
}

// TestCodes: a refusal has a stable code, and is dead only if its key was in a
// cookie.
func TestCodes(t *testing.T) {
	ring, keys := badKeys(t)
	refused := func(r *http.Request) *guard.Error {
		_, err := ring.Authenticate(r)
		e, ok := errors.AsType[*guard.Error](err)
		if !ok {
			t.Fatalf("%v: %v", r.Header, err)
		}
		return e
	}
	for _, tt := range keys {
		if e := refused(request("Authorization", "ApiKey "+tt.key)); e.Code != tt.code || e.Dead || e.Status != tt.status {
			t.Errorf("%s, header: %+v", tt.name, e)
		}
		if e := refused(request("Cookie", "key="+tt.key)); e.Code != tt.code || e.Dead != tt.dead {
			t.Errorf("%s, cookie: %+v", tt.name, e)
		}
	}
	// Another authenticator may accept it.
	if e := refused(request("Cookie", "key=another")); e.Code != "key_invalid" || e.Dead || !errors.Is(e, guard.ErrNoCredentials) {
		t.Errorf("without the prefix: %+v", e)
	}
	for code, headers := range map[string][]string{
		"invalid_request": {"Cookie", "key=ak_live_x", "Authorization", "ApiKey ak_live_y"},
		"cross_origin":    {"Cookie", "key=ak_live_x", "Sec-Fetch-Site", "cross-site"},
	} {
		r := request(headers...)
		r.Method = http.MethodPost
		if e := refused(r); e.Code != code || e.Dead {
			t.Errorf("%s: %+v", code, e)
		}
	}
	own := guard.Must(apikey.New(byKey, &apikey.Options{Sources: []source.Source{source.Authorization("Bearer"), source.Cookie("key")}}))
	for name, tt := range map[string]struct {
		headers []string
		dead    bool
	}{
		"unknown, cookie":            {[]string{"Cookie", "key=x"}, true},
		"too long, cookie":           {[]string{"Cookie", "key=" + strings.Repeat("a", 2000)}, true},
		"unknown, header":            {[]string{"Authorization", "Bearer x"}, false},
		"malformed, header":          {[]string{"Authorization", "Bearer a b"}, false},
		"empty, cookie":              {[]string{"Cookie", "key="}, true},
		"unknown, header and cookie": {[]string{"Authorization", "Bearer x", "Cookie", "key=x"}, false},
	} {
		_, err := own.Authenticate(request(tt.headers...))
		e, ok := errors.AsType[*guard.Error](err)
		if !ok || e.Code != "key_invalid" || e.Dead != tt.dead || !slices.Equal(e.Challenges, []string{`Bearer error="invalid_token"`}) {
			t.Errorf("%s: %+v", name, e)
		}
	}
}

// TestBadKeyBesideAGoodOne: which one counts would be a guess, and nothing is cleared.
func TestBadKeyBesideAGoodOne(t *testing.T) {
	keys := guard.Must(apikey.New(byKey, &apikey.Options{Sources: []source.Source{source.Authorization("Bearer"), source.Cookie("key")}}))
	for _, bad := range []string{"Bearer a b", "Bearer", "Bearer x"} {
		w, inner := serve(t, guard.Optional(keys), request("Authorization", bad, "Cookie", "key=key_12345"))
		if w.Code != 400 || inner != nil || w.Header().Get("Set-Cookie") != "" {
			t.Errorf("%q: %d, reached %t", bad, w.Code, inner != nil)
		}
	}
}

// TestUnknownAddressHasACode: a key that is limited to networks.
func TestUnknownAddressHasACode(t *testing.T) {
	ring, _ := newRing(t, apikey.RingOptions{Address: func(*http.Request) (netip.Addr, error) { return netip.Addr{}, errDown }})
	key, _ := issue(t, ring, apikey.Grant{Networks: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}})
	_, err := ring.Authenticate(request("X-API-Key", key))
	if e, ok := errors.AsType[*guard.Error](err); !ok || e.Status != 400 || e.Code != "address_unknown" {
		t.Errorf("%v", err)
	}
}

// TestDeadCookieIsCleared: under Optional a dead key in the cookie is anonymous and
// cleared, under Require it is refused and cleared; a key in the header, or one that
// is not dead, is refused and nothing is cleared.
func TestDeadCookieIsCleared(t *testing.T) {
	ring, keys := badKeys(t)
	const cleared = "key=; Path=/; Max-Age=0; HttpOnly"
	for _, tt := range keys {
		optional, clear := 200, cleared
		if !tt.dead {
			optional, clear = tt.status, ""
		}
		for name, c := range map[string]struct {
			mw      guard.Middleware
			headers []string
			status  int
			cleared string
		}{
			"Optional":      {guard.Optional(ring), []string{"Cookie", "key=" + tt.key}, optional, clear},
			"Require":       {ring.Wrap, []string{"Cookie", "key=" + tt.key}, tt.status, clear},
			"by a script":   {ring.Wrap, []string{"Cookie", "key=" + tt.key, "Sec-Fetch-Mode", "cors"}, tt.status, ""},
			"in the header": {guard.Optional(ring), []string{"Authorization", "ApiKey " + tt.key}, tt.status, ""},
		} {
			w, inner := serve(t, c.mw, request(c.headers...))
			if set := w.Header().Get("Set-Cookie"); w.Code != c.status || (inner != nil) != (c.status == 200) || set != c.cleared {
				t.Errorf("%s, %s: %d, reached %t, Set-Cookie %q; want %d, %q", tt.name, name, w.Code, inner != nil, set, c.status, c.cleared)
			}
		}
	}
}

// TestAmbient: only cookies are sent unasked, and every one is cleared.
func TestAmbient(t *testing.T) {
	for name, tt := range map[string]struct {
		sources []source.Source
		want    []string
	}{
		"a header":          {[]source.Source{source.Header("X-API-Key")}, nil},
		"a cookie":          {[]source.Source{source.Cookie("a")}, []string{"a=; Path=/; Max-Age=0; HttpOnly"}},
		"a header and two":  {[]source.Source{source.Header("X-API-Key"), source.Cookie("a"), source.Cookie("b")}, []string{"a=; Path=/; Max-Age=0; HttpOnly", "b=; Path=/; Max-Age=0; HttpOnly"}},
		"a cookie of hosts": {[]source.Source{source.Cookie("__Host-a")}, []string{"__Host-a=; Path=/; Max-Age=0; HttpOnly; Secure"}},
	} {
		scheme := guard.Must(apikey.New(byKey, &apikey.Options{Sources: tt.sources})).Scheme()
		if (scheme.Ambient != nil) != (tt.want != nil) {
			t.Errorf("%s: Ambient is set: %t", name, scheme.Ambient != nil)
			continue
		}
		if scheme.Ambient == nil {
			continue
		}
		w, _ := serve(t, func(http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { scheme.Ambient(w) })
		}, request())
		if got := w.Header()["Set-Cookie"]; !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

// TestKeyOfADeletedSubject: it is dead in a cookie, unless the key may have come in
// the URL as well.
func TestKeyOfADeletedSubject(t *testing.T) {
	gone := func(context.Context, string) (user, bool, error) { return user{}, false, nil }
	header, cookie, query := source.Header("X-API-Key"), source.Cookie("key"), source.InsecureQuery("key")
	for _, tt := range []struct {
		name    string
		sources []source.Source
		field   string
		status  int
	}{
		{"in the cookie", []source.Source{header, cookie}, "Cookie", 200},
		{"in the header", []source.Source{header, cookie}, "X-API-Key", 401},
		{"in the cookie, beside the URL", []source.Source{query, cookie}, "Cookie", 401},
	} {
		ring, _ := newRing(t, apikey.RingOptions{Sources: tt.sources})
		value, _ := issue(t, ring, apikey.Grant{Subject: "1"})
		if tt.field == "Cookie" {
			value = "key=" + value
		}
		w, inner := serve(t, guard.Optional(guard.BySubject(ring, gone)), request(tt.field, value))
		if cleared := w.Header().Get("Set-Cookie") != ""; w.Code != tt.status || (inner != nil) != (tt.status == 200) || cleared != (tt.status == 200) {
			t.Errorf("%s: status %d, reached %t, cleared %t", tt.name, w.Code, inner != nil, cleared)
		}
	}
}

// TestOptionalRefusesUnrecognizedCredentialBesideDeadCookie: a client that sends a
// credential outside of its cookies must notice that it is bad.
func TestOptionalRefusesUnrecognizedCredentialBesideDeadCookie(t *testing.T) {
	ring, _ := newRing(t, apikey.RingOptions{Sources: []source.Source{
		source.Authorization("Bearer"), source.Header("X-API-Key"), source.Cookie("key"), source.Cookie("other"), source.InsecureQuery("key"),
	}})
	revoked, rec := issue(t, ring, apikey.Grant{})
	if _, err := ring.Revoke(t.Context(), rec.ID); err != nil {
		t.Fatal(err)
	}
	good, _ := issue(t, ring, apikey.Grant{})
	dead := "key=" + revoked
	const invalid = "Invalid API key"
	for _, tt := range []struct {
		name, query string
		headers     []string
		status      int
		body        string
		cleared     bool
	}{
		{"the cookie alone", "", []string{"Cookie", dead}, 200, "", true},
		{"an empty header", "", []string{"Cookie", dead, "X-API-Key", ""}, 200, "", true},
		{"another scheme", "", []string{"Cookie", dead, "Authorization", "Basic junk"}, 200, "", true},
		{"a cookie of another ring", "", []string{"Cookie", dead + "; other=junk"}, 200, "", true},
		{"an unrecognized token", "", []string{"Cookie", dead, "Authorization", "Bearer junk"}, 401, e(401, invalid), false},
		{"a malformed token", "", []string{"Cookie", dead, "Authorization", "Bearer a b"}, 401, e(401, invalid), false},
		{"an unrecognized header", "", []string{"Cookie", dead, "X-API-Key", "junk"}, 401, e(401, invalid), false},
		{"an unrecognized parameter", "key=junk", []string{"Cookie", dead}, 401, e(401, invalid), false},
		{"a malformed key", "", []string{"Cookie", "key=ak_live_x", "Authorization", "Bearer junk"}, 401, e(401, invalid), false},
		{"a good key", "", []string{"Cookie", "key=" + good, "Authorization", "Bearer junk"}, 200, "", false},
	} {
		r := request(tt.headers...)
		r.URL.RawQuery = tt.query
		w, inner := serve(t, guard.Optional(ring), r)
		if w.Code != tt.status || w.Body.String() != tt.body || (inner != nil) != (tt.status == 200) {
			t.Errorf("%s: %d %s, reached %t; want %d %s", tt.name, w.Code, w.Body, inner != nil, tt.status, tt.body)
		}
		if cleared := w.Header().Get("Set-Cookie") != ""; cleared != tt.cleared {
			t.Errorf("%s: cleared %t, want %t", tt.name, cleared, tt.cleared)
		}
		if got := w.Header().Get("WWW-Authenticate"); tt.status == 401 && got != `Bearer error="invalid_token"` {
			t.Errorf("%s: challenge %q", tt.name, got)
		}
	}
}

// TestDeadErrorOfLookupCountsOnlyInCookie: what an application returns is dead only
// for a key that a browser sent unasked, and the application's error is unchanged.
func TestDeadErrorOfLookupCountsOnlyInCookie(t *testing.T) {
	own := &guard.Error{Status: 401, Code: "key_blocked", Message: "Blocked", Dead: true}
	joined := errors.Join(errDown, own)
	lookup := func(_ context.Context, key string) (user, bool, error) {
		if key == "joined" {
			return user{}, false, joined
		}
		return user{}, false, own
	}
	keys := guard.Must(apikey.New(lookup, &apikey.Options{Sources: []source.Source{source.Header("X-API-Key"), source.Cookie("key")}}))
	for _, tt := range []struct {
		name    string
		headers []string
		status  int
		cleared bool
	}{
		{"header", []string{"X-API-Key", "x"}, 401, false},
		{"header, joined", []string{"X-API-Key", "joined"}, 401, false},
		{"cookie", []string{"Cookie", "key=x"}, 200, true},
		{"cookie, joined", []string{"Cookie", "key=joined"}, 200, true},
	} {
		w, inner := serve(t, guard.Optional(keys), request(tt.headers...))
		if w.Code != tt.status || (inner != nil) != (tt.status == 200) || tt.status == 401 && w.Body.String() != e(401, "Blocked") {
			t.Errorf("%s: %d %s, reached %t; want %d", tt.name, w.Code, w.Body, inner != nil, tt.status)
		}
		if cleared := w.Header().Get("Set-Cookie") != ""; cleared != tt.cleared {
			t.Errorf("%s: cleared %t, want %t", tt.name, cleared, tt.cleared)
		}
		_, err := keys.Authenticate(request(tt.headers...))
		if strings.Contains(tt.name, "joined") && (!errors.Is(err, errDown) || !strings.Contains(err.Error(), "down")) {
			t.Errorf("%s: the cause is lost: %v", tt.name, err)
		}
		if e, ok := errors.AsType[*guard.Error](err); !ok || e.Code != "key_blocked" || e.Dead != tt.cleared {
			t.Errorf("%s: %+v", tt.name, err)
		}
	}
	if !own.Dead || own.Err != nil {
		t.Errorf("the application's error was changed: %+v", own)
	}
}

// TestDeadErrorOfAddress: an address says nothing about the key.
func TestDeadErrorOfAddress(t *testing.T) {
	own := &guard.Error{Status: 401, Message: "Blocked", Dead: true}
	ring, _ := newRing(t, apikey.RingOptions{
		Sources: []source.Source{source.Header("X-API-Key"), source.Cookie("key")},
		Address: func(*http.Request) (netip.Addr, error) { return netip.Addr{}, own },
	})
	key, _ := issue(t, ring, apikey.Grant{Networks: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}})
	for _, headers := range [][]string{{"X-API-Key", key}, {"Cookie", "key=" + key}} {
		w, inner := serve(t, guard.Optional(ring), request(headers...))
		if w.Code != 401 || inner != nil || w.Body.String() != e(401, "Blocked") || w.Header().Get("Set-Cookie") != "" {
			t.Errorf("%s: %d %s, reached %t, Set-Cookie %q", headers[0], w.Code, w.Body, inner != nil, w.Header().Get("Set-Cookie"))
		}
	}
	if !own.Dead {
		t.Error("the application's error was changed")
	}
}

// TestCookieWithoutPrefixIsNotCleared: it may hold another ring's key. Keys have no
// prefix, and clear it.
func TestCookieWithoutPrefixIsNotCleared(t *testing.T) {
	sources := []source.Source{source.Cookie("key")}
	ring, _ := newRing(t, apikey.RingOptions{Sources: sources})
	keys := guard.Must(apikey.New(byKey, &apikey.Options{Sources: sources}))
	for name, tt := range map[string]struct {
		mw      guard.Middleware
		status  int
		cleared bool
	}{
		"Ring, Require":  {ring.Wrap, 401, false},
		"Ring, Optional": {guard.Optional(ring), 200, false},
		"Ring, Lenient":  {guard.Lenient(ring), 200, false},
		"Keys, Require":  {keys.Wrap, 401, true},
		"Keys, Optional": {guard.Optional(keys), 200, true},
		"Keys, Lenient":  {guard.Lenient(keys), 200, true},
	} {
		w, inner := serve(t, tt.mw, request("Cookie", "key=other_live_x"))
		if cleared := w.Header().Get("Set-Cookie") != ""; w.Code != tt.status || (inner != nil) != (tt.status == 200) || cleared != tt.cleared {
			t.Errorf("%s: %d, reached %t, cleared %t; want %d, %t", name, w.Code, inner != nil, cleared, tt.status, tt.cleared)
		}
	}
}
