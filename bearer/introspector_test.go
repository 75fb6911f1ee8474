package bearer_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/bearer"
)

var start = time.Unix(1_700_000_000, 0)

// endpoint is an introspection endpoint that answers with status and body.
type endpoint struct {
	*httptest.Server
	calls  atomic.Int32
	status int
	body   string
	last   *http.Request
	form   string
}

func newEndpoint(t *testing.T, body string) *endpoint {
	e := &endpoint{status: 200, body: body}
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.calls.Add(1)
		b, _ := io.ReadAll(r.Body)
		e.last, e.form = r, string(b)
		if e.status/100 == 3 {
			w.Header().Set("Location", "/elsewhere")
		}
		w.WriteHeader(e.status)
		_, _ = io.WriteString(w, e.body)
	}))
	t.Cleanup(e.Close)
	return e
}

func (e *endpoint) introspector(t *testing.T, o *bearer.IntrospectorOptions) *bearer.Introspector {
	t.Helper()
	in, err := bearer.NewIntrospector(e.URL, "a client", "s:cret", o)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func at(d *time.Duration) func() time.Time { return func() time.Time { return start.Add(*d) } }

func TestIntrospect(t *testing.T) {
	now := start.Unix()
	audience := &bearer.IntrospectorOptions{Audience: []string{"api", "api2"}, Issuer: "https://as.test"}
	ownType := &bearer.IntrospectorOptions{TokenTypes: []string{"access_token", "user"}}
	leeway := &bearer.IntrospectorOptions{Leeway: time.Minute}
	tests := []struct {
		name string
		opts *bearer.IntrospectorOptions
		body string
		want int
	}{
		{"active", nil, `{"active":true,"token_type":"Bearer"}`, 200},
		{"inactive", nil, `{"active":false,"sub":"1"}`, 401},
		{"no active", nil, `{"sub":"1"}`, 503},
		{"null active", nil, `{"active":null}`, 503},
		{"active as text", nil, `{"active":"true"}`, 503},
		{"active in another case", nil, `{"active":false,"Active":true,"ACTIVE":true}`, 401},
		{"expired", nil, fmt.Sprintf(`{"active":true,"token_type":"Bearer","exp":%d}`, now), 401},
		{"about to expire", nil, fmt.Sprintf(`{"active":true,"token_type":"Bearer","exp":%d.5}`, now), 200},
		{"expired a second ago", nil, fmt.Sprintf(`{"active":true,"token_type":"Bearer","exp":%d}`, now-1), 401},
		{"expired within Leeway", leeway, fmt.Sprintf(`{"active":true,"token_type":"Bearer","exp":%d}`, now-59), 200},
		{"expired by Leeway", leeway, fmt.Sprintf(`{"active":true,"token_type":"Bearer","exp":%d}`, now-60), 401},
		{"not yet valid", nil, fmt.Sprintf(`{"active":true,"token_type":"Bearer","nbf":%d}`, now+6), 401},
		{"valid a second from now", nil, fmt.Sprintf(`{"active":true,"token_type":"Bearer","nbf":%d}`, now+1), 200},
		{"valid five seconds from now", nil, fmt.Sprintf(`{"active":true,"token_type":"Bearer","nbf":%d}`, now+5), 200},
		{"valid within Leeway", leeway, fmt.Sprintf(`{"active":true,"token_type":"Bearer","nbf":%d}`, now+60), 200},
		{"not valid within Leeway", leeway, fmt.Sprintf(`{"active":true,"token_type":"Bearer","nbf":%d}`, now+61), 401},
		{"issued in an hour", nil, fmt.Sprintf(`{"active":true,"token_type":"Bearer","iat":%d}`, now+3600), 200},
		{"valid from now", nil, fmt.Sprintf(`{"active":true,"token_type":"Bearer","nbf":%d}`, now), 200},
		{"exp as text", nil, `{"active":true,"token_type":"Bearer","exp":"99999999999"}`, 503},
		{"exp negative", nil, `{"active":true,"token_type":"Bearer","exp":-1}`, 503},
		{"exp overflowing", nil, `{"active":true,"token_type":"Bearer","exp":1e300}`, 503},
		{"exp null", nil, `{"active":true,"token_type":"Bearer","exp":null}`, 200},
		{"sub as number", nil, `{"active":true,"token_type":"Bearer","sub":1}`, 503},
		{"aud as number", nil, `{"active":true,"token_type":"Bearer","aud":[1]}`, 503},
		{"audience", audience, `{"active":true,"token_type":"Bearer","iss":"https://as.test","aud":"api"}`, 200},
		{"audiences", audience, `{"active":true,"token_type":"Bearer","iss":"https://as.test","aud":["x","api2"]}`, 200},
		{"no audience", audience, `{"active":true,"token_type":"Bearer","iss":"https://as.test"}`, 401},
		{"other audience", audience, `{"active":true,"token_type":"Bearer","iss":"https://as.test","aud":["x"]}`, 401},
		{"other issuer", audience, `{"active":true,"token_type":"Bearer","iss":"https://as.test/","aud":"api"}`, 401},
		{"no issuer", audience, `{"active":true,"token_type":"Bearer","aud":"api"}`, 401},
		{"token type in any case", nil, `{"active":true,"token_type":"bearer"}`, 200},
		{"no token type", nil, `{"active":true}`, 200},
		{"a null token type", nil, `{"active":true,"token_type":null}`, 200},
		{"Keycloak's access token", nil, `{"active":true,"typ":"Bearer","azp":"c"}`, 200},
		{"Keycloak's ID token", nil, `{"active":true,"typ":"ID"}`, 401},
		{"Keycloak's refresh token", nil, `{"active":true,"typ":"Refresh"}`, 401},
		{"Keycloak's logout token", nil, `{"active":true,"typ":"Logout"}`, 401},
		{"Hydra's refresh token", nil, `{"active":true,"token_use":"refresh_token"}`, 401},
		{"the header's typ", nil, `{"active":true,"typ":"at+jwt"}`, 200},
		{"needs a proof", nil, `{"active":true,"token_type":"DPoP"}`, 401},
		{"needs a proof, as Keycloak writes it", nil, `{"active":true,"typ":"DPoP"}`, 401},
		{"another token type", nil, `{"active":true,"token_type":"access_token"}`, 401},
		{"a token type that is no text", nil, `{"active":true,"token_type":["Bearer"]}`, 503},
		{"bound to a key", nil, `{"active":true,"token_type":"Bearer","cnf":{"jkt":"x"}}`, 401},
		{"bound to null is not bound", nil, `{"active":true,"token_type":"Bearer","cnf":null}`, 200},
		{"bound to an empty key", nil, `{"active":true,"token_type":"Bearer","cnf":{}}`, 401},
		{"a refresh token", nil, `{"active":true,"token_type":"Bearer","token_use":"refresh_token"}`, 401},
		{"an offline token", nil, `{"active":true,"token_type":"Bearer","typ":"Offline"}`, 401},
		{"an access token", nil, `{"active":true,"token_type":"Bearer","token_use":"access_token","typ":"Bearer"}`, 200},
		{"a word of the server's own", ownType, `{"active":true,"token_type":"access_token","token_use":"User"}`, 200},
		{"Bearer, beside words of the server's own", ownType, `{"active":true,"token_type":"Bearer"}`, 200},
		{"a word that is not listed", ownType, `{"active":true,"token_type":"refresh_token"}`, 401},
		{"bound to a key, with a word of the server's own", ownType, `{"active":true,"token_type":"user","cnf":{"jkt":"x"}}`, 401},
		{"not JSON", nil, `<html>`, 503},
		{"an array", nil, `[{"active":true}]`, 503},
		{"null", nil, `null`, 503},
		{"two values", nil, `{"active":true}{"active":true}`, 503},
		{"empty", nil, ``, 503},
		{"too large", nil, `{"active":true,"token_type":"Bearer","x":"` + strings.Repeat("a", 64<<10) + `"}`, 503},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := bearer.IntrospectorOptions{}
			if tt.opts != nil {
				o = *tt.opts
			}
			o.Now = func() time.Time { return start }
			in := newEndpoint(t, tt.body).introspector(t, &o)
			w, reached := serve(t, guard.Must(bearer.New(in.Verify, nil)).Wrap, request("Bearer t0ken"))
			if w.Code != tt.want || reached != (tt.want == 200) {
				t.Errorf("status %d, reached %t; want %d", w.Code, reached, tt.want)
			}
			if tt.want == 401 && w.Body.String() != e401 {
				t.Errorf("body %s", w.Body)
			}
			if strings.Contains(w.Body.String(), "t0ken") || strings.Contains(w.Body.String(), "introspection") {
				t.Errorf("body %s", w.Body)
			}
		})
	}
}

func TestIntrospectionRequest(t *testing.T) {
	e := newEndpoint(t, `{"active":true,"sub":"1","scope":"a  b","username":"al","client_id":"c","token_type":"Bearer",
		"iss":"i","jti":"j","aud":"x","iat":1,"exp":9999999999,"role":"admin"}`)
	in := e.introspector(t, nil)
	i, found, err := in.Verify(t.Context(), "a+b/c==")
	if err != nil || !found {
		t.Fatal(found, err)
	}
	id, secret, _ := e.last.BasicAuth()
	if id != "a+client" || secret != "s%3Acret" { // form-encoded: RFC 6749, section 2.3.1
		t.Errorf("client %q %q", id, secret)
	}
	if e.last.Method != "POST" || e.form != "token=a%2Bb%2Fc%3D%3D&token_type_hint=access_token" ||
		e.last.Header.Get("Content-Type") != "application/x-www-form-urlencoded" || e.last.URL.RawQuery != "" {
		t.Errorf("%s %s %v", e.last.Method, e.form, e.last.Header)
	}
	var private struct {
		Role string `json:"role"`
	}
	if err := i.Decode(&private); err != nil || private.Role != "admin" || i.Sub() != "1" || strings.Join(i.Scopes(), "|") != "a|b" ||
		i.Username != "al" || i.ClientID != "c" || i.TokenType != "Bearer" || i.Issuer != "i" || i.ID != "j" || i.IssuedAt.Unix() != 1 {
		t.Errorf("%+v %v", i, err)
	}
	if i.IssuedAt.Location() != time.UTC || i.ExpiresAt.Location() != time.UTC {
		t.Errorf("issued at %v, expires at %v", i.IssuedAt, i.ExpiresAt)
	}
	// Its scopes are what Scopes asks.
	tokens := guard.Must(bearer.New(in.Verify, nil))
	for scope, want := range map[string]int{"a": 200, "c": 403} {
		if w, _ := serve(t, guard.Chain(tokens.Wrap, bearer.Scopes(scope)), request("Bearer x")); w.Code != want {
			t.Errorf("scope %s: status %d", scope, w.Code)
		}
	}
}

// TestIntrospectedScopes: as in package jwtauth. Only %x20 separates scopes (RFC
// 6749, section 3.3).
func TestIntrospectedScopes(t *testing.T) {
	for _, tt := range []struct {
		name, members string
		want          []string
	}{
		{"spaces alone separate", `"scope":" a\u00a0admin  b\tadmin "`, []string{"a\u00a0admin", "b\tadmin"}},
		{"an array", `"scope":["a","b"]`, []string{"a", "b"}},
		{"an element is one scope", `"scope":["a b"]`, []string{"a b"}},
		{"scp", `"scp":["a","b"]`, []string{"a", "b"}},
		{"scp as text", `"scp":"a b"`, []string{"a", "b"}},
		{"scope before scp", `"scp":["admin"],"scope":"a"`, []string{"a"}},
		{"null is not absent", `"scp":["admin"],"scope":null`, nil},
		{"an empty array", `"scope":[]`, nil},
		{"an array with a number", `"scope":["a",1]`, nil},
		{"an array with null", `"scope":["a",null]`, nil},
		{"an object", `"scope":{"a":1}`, nil},
		{"a number", `"scope":7`, nil},
		{"none", `"sub":"1"`, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := newEndpoint(t, `{"active":true,"token_type":"Bearer",`+tt.members+`}`)
			i, found, err := e.introspector(t, nil).Verify(t.Context(), "x")
			if err != nil || !found || !slices.Equal(i.Scopes(), tt.want) {
				t.Errorf("%q, %t, %v; want %q", i.Scopes(), found, err, tt.want)
			}
		})
	}
}

func TestIntrospectionAuthorize(t *testing.T) {
	e := newEndpoint(t, `{"active":true,"token_type":"Bearer"}`)
	in, err := bearer.NewIntrospector(e.URL, "", "", &bearer.IntrospectorOptions{Authorize: func(r *http.Request) error {
		r.Header.Set("Authorization", "Bearer own")
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	if _, found, err := in.Verify(t.Context(), "x"); !found || err != nil || e.last.Header.Get("Authorization") != "Bearer own" {
		t.Error(found, err)
	}
	in = guard.Must(bearer.NewIntrospector(e.URL, "", "", &bearer.IntrospectorOptions{
		Authorize: func(*http.Request) error { return errors.New("no token of my own") }}))
	_, found, err := in.Verify(t.Context(), "x")
	var refusal *guard.Error
	if found || !errors.As(err, &refusal) || refusal.Status != 503 {
		t.Error(found, err)
	}
}

func TestIntrospectionOutage(t *testing.T) {
	for _, status := range []int{201, 302, 307, 400, 401, 403, 404, 429, 500, 503} {
		e := newEndpoint(t, `{"active":true,"token_type":"Bearer"}`)
		e.status = status
		tokens := guard.Must(bearer.New(e.introspector(t, nil).Verify, nil))
		w, reached := serve(t, tokens.Wrap, request("Bearer x"))
		if w.Code != 503 || reached || e.calls.Load() != 1 { // redirects are not followed
			t.Errorf("endpoint %d: status %d, reached %t, calls %d", status, w.Code, reached, e.calls.Load())
		}
	}
	e := newEndpoint(t, "")
	in := e.introspector(t, nil)
	e.Close()
	if w, _ := serve(t, guard.Must(bearer.New(in.Verify, nil)).Wrap, request("Bearer x")); w.Code != 503 {
		t.Errorf("endpoint down: status %d", w.Code)
	}
	// A response that ends early could be all of another one.
	cut := func(*http.Request) (*http.Response, error) {
		body := io.MultiReader(strings.NewReader(`{"active":true}`), readerFunc(func([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }))
		return &http.Response{StatusCode: 200, Body: io.NopCloser(body)}, nil
	}
	in = e.introspector(t, &bearer.IntrospectorOptions{Client: &http.Client{Transport: roundTripper(cut)}})
	if w, reached := serve(t, guard.Must(bearer.New(in.Verify, nil)).Wrap, request("Bearer x")); w.Code != 503 || reached {
		t.Errorf("a response that was cut off: status %d, reached %t", w.Code, reached)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, found, err := in.Verify(ctx, "x"); found || err == nil {
		t.Error("found under a cancelled context")
	}
}

// TestServerClosesAnIdleConnection: a server that closes an idle connection just when a
// request is sent on it is not down. The request is sent on another connection.
func TestServerClosesAnIdleConnection(t *testing.T) {
	type perConnection struct{}
	var dropped atomic.Int64 // a connection that closes without an answer orders nothing
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Context().Value(perConnection{}).(*atomic.Int64).Add(1) > 1 {
			dropped.Add(1)
			panic(http.ErrAbortHandler) // closes the connection without an answer
		}
		if len(r.Header["Idempotency-Key"]) > 0 {
			t.Error("the field was sent")
		}
		_, _ = w.Write([]byte(`{"active":true,"sub":"alice"}`))
	}))
	server.Config.ConnContext = func(ctx context.Context, _ net.Conn) context.Context {
		return context.WithValue(ctx, perConnection{}, new(atomic.Int64))
	}
	server.Start()
	defer server.Close()
	in := guard.Must(bearer.NewIntrospector(server.URL, "api", "secret", nil))
	for _, token := range []string{"one", "two"} {
		if i, found, err := in.Verify(t.Context(), token); err != nil || !found || i.Subject != "alice" {
			t.Errorf("%s: %v", token, err)
		}
	}
	if n := dropped.Load(); n != 1 {
		t.Errorf("%d requests were dropped, want 1", n)
	}
}

func TestIntrospectionCache(t *testing.T) {
	var now time.Duration
	e := newEndpoint(t, fmt.Sprintf(`{"active":true,"token_type":"Bearer","exp":%d}`, start.Unix()+90))
	in := e.introspector(t, &bearer.IntrospectorOptions{Cache: time.Minute, CacheSize: 2, Now: at(&now)})
	steps := []struct {
		at    time.Duration
		token string
		found bool
		calls int32
	}{
		{0, "a", true, 1},
		{0, "a", true, 1},
		{time.Minute - 1, "a", true, 1},
		{time.Minute, "a", true, 2}, // no older than Cache
		{time.Minute, "b", true, 3},
		{time.Minute, "a", true, 3},
		{time.Minute, "c", true, 4}, // makes room: b was not used for longest
		{time.Minute, "a", true, 4},
		{time.Minute, "b", true, 5},
		{90*time.Second - 1, "b", true, 5},
		{90 * time.Second, "b", false, 6}, // never past its expiry
		{90 * time.Second, "b", false, 7}, // and what is refused is not cached
	}
	for i, s := range steps {
		now = s.at
		_, found, err := in.Verify(t.Context(), s.token)
		if (err == nil) != s.found || found != s.found || e.calls.Load() != s.calls {
			t.Errorf("step %d: found %t, calls %d, %v; want %t, %d", i, found, e.calls.Load(), err, s.found, s.calls)
		}
	}
}

// TestIntrospectionCacheAndTheClock: an entry lives no longer than Cache, however
// the wall clock is set.
func TestIntrospectionCacheAndTheClock(t *testing.T) {
	body := fmt.Sprintf(`{"active":true,"exp":%d}`, start.Add(time.Hour).Unix())
	tests := []struct {
		name  string
		clock []time.Duration // of the wall at each request, after which the token is revoked
		found []bool
	}{
		{"set back", []time.Duration{0, -40 * time.Minute, -40*time.Minute + 30*time.Second, 0, 30 * time.Second}, []bool{true, false, false, false, false}},
		{"set back within Cache", []time.Duration{0, -time.Second}, []bool{true, false}},
		{"set forward", []time.Duration{0, time.Hour}, []bool{true, false}},
		{"within Cache", []time.Duration{0, 59 * time.Second, time.Minute}, []bool{true, true, false}},
		{"no time passes", []time.Duration{0, 0, 0}, []bool{true, true, true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var now time.Duration
			e := newEndpoint(t, body)
			in := e.introspector(t, &bearer.IntrospectorOptions{Cache: time.Minute, Now: at(&now)})
			for i, want := range tt.found {
				now = tt.clock[i]
				if _, found, err := in.Verify(t.Context(), "x"); found != want || err != nil {
					t.Errorf("request %d at %v: found %t, %v; want %t", i, now, found, err, want)
				}
				e.body = `{"active":false}`
			}
		})
	}
}

// TestIntrospectionAtOnce: requests that come together wait for one answer; one
// that gives up does not take the others with it.
func TestIntrospectionAtOnce(t *testing.T) {
	for _, cancelFirst := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			calls := 0
			client := &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
				calls++
				select {
				case <-time.After(time.Second):
				case <-r.Context().Done():
					return nil, r.Context().Err()
				}
				return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(`{"active":true,"token_type":"Bearer"}`))}, nil
			})}
			in := guard.Must(bearer.NewIntrospector("https://as.test/i", "a", "b", &bearer.IntrospectorOptions{Cache: time.Minute, Client: client}))
			first, cancel := context.WithCancel(t.Context())
			defer cancel()
			good, bad := 0, 0
			var mu sync.Mutex
			verify := func(ctx context.Context) {
				_, found, err := in.Verify(ctx, "x")
				mu.Lock()
				defer mu.Unlock()
				if found && err == nil {
					good++
				} else {
					bad++
				}
			}
			go verify(first)
			synctest.Wait()
			for range 20 {
				go verify(t.Context())
			}
			impatient, giveUp := context.WithTimeout(t.Context(), time.Millisecond)
			defer giveUp()
			go verify(impatient)
			time.Sleep(2 * time.Millisecond) // of the bubble's time: the impatient one gave up
			if cancelFirst {
				cancel()
			}
			time.Sleep(2 * time.Second)
			synctest.Wait()
			wantGood, wantBad, wantCalls := 21, 1, 1
			if cancelFirst { // its call goes on
				wantGood, wantBad = 20, 2
			}
			if good != wantGood || bad != wantBad || calls != wantCalls {
				t.Errorf("first canceled %t: %d found, %d not, %d calls; want %d, %d, %d", cancelFirst, good, bad, calls, wantGood, wantBad, wantCalls)
			}
		})
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// answering is a response with a body.
func answering(body string) *http.Response {
	return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(body))}
}

// TestIntrospectionFailsAlone: a call that panics, ends its goroutine or never
// returns is a failure of ours for all who wait for it, and the next call works.
func TestIntrospectionFailsAlone(t *testing.T) {
	hang := make(chan struct{})
	for _, tt := range []struct {
		name string
		call roundTripper
	}{
		{"panics", func(*http.Request) (*http.Response, error) { panic("a bug") }},
		{"ends its goroutine", func(*http.Request) (*http.Response, error) { runtime.Goexit(); return nil, nil }},
		{"ignores its context", func(*http.Request) (*http.Response, error) { <-hang; return nil, errors.New("late") }},
		{"ignores its context in the body", func(*http.Request) (*http.Response, error) {
			r := answering("")
			r.Body = io.NopCloser(readerFunc(func([]byte) (int, error) { <-hang; return 0, io.EOF }))
			return r, nil
		}},
	} {
		for _, cache := range []time.Duration{0, time.Minute} {
			t.Run(fmt.Sprint(tt.name, cache), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					hang = make(chan struct{})
					var next atomic.Bool
					client := &http.Client{Timeout: 3 * time.Second, Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
						if !next.Load() {
							return tt.call(r)
						}
						return answering(`{"active":true}`), nil
					})}
					in := guard.Must(bearer.NewIntrospector("https://as.test/i", "a", "b", &bearer.IntrospectorOptions{Cache: cache, Client: client}))
					tokens := guard.Must(bearer.New(in.Verify, nil))
					begun := time.Now()
					var wg sync.WaitGroup
					for range 5 {
						wg.Go(func() {
							w := httptest.NewRecorder()
							tokens.Wrap(http.NotFoundHandler()).ServeHTTP(w, request("Bearer x"))
							if w.Code != 503 {
								t.Errorf("status %d", w.Code)
							}
						})
					}
					wg.Wait()
					if waited := time.Since(begun); waited > 3*time.Second {
						t.Errorf("waited for %v", waited)
					}
					next.Store(true)
					if _, found, err := in.Verify(t.Context(), "x"); !found || err != nil {
						t.Error(found, err)
					}
					close(hang)
				})
			})
		}
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

// TestIntrospectionsAtOnceAreBounded: further requests wait for one that ends, and
// leave when their client does.
func TestIntrospectionsAtOnceAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var running atomic.Int32
		release := make(chan struct{})
		client := &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			if running.Add(1) > 256 {
				t.Error("more than 256 at once")
			}
			defer running.Add(-1)
			<-release
			return answering(`{"active":true}`), nil
		})}
		in := guard.Must(bearer.NewIntrospector("https://as.test/i", "a", "b", &bearer.IntrospectorOptions{Client: client}))
		var found, left, full atomic.Int32
		verify := func(ctx context.Context) {
			switch _, ok, err := in.Verify(ctx, "x"); {
			case ok:
				found.Add(1)
			case errors.Is(err, context.Canceled):
				left.Add(1)
			case errors.Is(err, context.DeadlineExceeded):
				full.Add(1)
			}
		}
		for range 256 {
			go verify(t.Context())
		}
		synctest.Wait()
		leaving, leave := context.WithCancel(t.Context())
		go verify(leaving)
		go verify(t.Context())
		synctest.Wait()
		leave()
		synctest.Wait()
		if left.Load() != 1 || running.Load() != 256 {
			t.Errorf("%d left, %d run", left.Load(), running.Load())
		}
		time.Sleep(time.Second)
		close(release)
		synctest.Wait()
		if found.Load() != 257 || full.Load() != 0 {
			t.Errorf("%d found, %d gave up", found.Load(), full.Load())
		}
	})
}

func TestIntrospectorRefusesMistakes(t *testing.T) {
	for _, tt := range []struct {
		endpoint, id, secret string
		opts                 *bearer.IntrospectorOptions
		want                 string
	}{
		{"", "a", "b", nil, "absolute"},
		{"/introspect", "a", "b", nil, "absolute"},
		{"http://as.test/i", "a", "b", nil, "not https"},
		{"https://u:p@as.test/i", "a", "b", nil, "credentials"},
		{"ftp://u:p@as.test/i", "a", "b", nil, "credentials"},
		{"https://u:p%zz@as.test/i", "a", "b", nil, "absolute"},
		{"u:p@as.test/i", "a", "b", nil, "absolute"},
		{"ftp://as.test/i", "a", "b", &bearer.IntrospectorOptions{InsecureHTTP: true}, "not https"},
		{"https://as.test/i#f", "a", "b", nil, "fragment"},
		{"https://as.test/i", "", "b", nil, "client id"},
		{"https://as.test/i", "a", "", nil, "client id"},
		{"https://as.test/i", "a", "b", &bearer.IntrospectorOptions{Cache: -1}, "negative"},
		{"https://as.test/i", "a", "b", &bearer.IntrospectorOptions{Leeway: -1}, "Leeway"},
		{"https://as.test/i", "a", "b", &bearer.IntrospectorOptions{Audience: []string{"api", ""}}, "an audience is empty"},
		{"https://as.test/i", "a", "b", &bearer.IntrospectorOptions{Leeway: 2*time.Minute + 1}, "Leeway"},
		{"https://as.test/i", "a", "b", &bearer.IntrospectorOptions{TokenTypes: []string{"Refresh"}}, "Refresh"},
		{"https://as.test/i", "a", "b", &bearer.IntrospectorOptions{TokenTypes: []string{"DPoP"}}, "DPoP"},
		{"https://as.test/i", "a", "b", &bearer.IntrospectorOptions{Client: &http.Client{Transport: (*http.Transport)(nil)}}, "nil *http.Transport"},
	} {
		if _, err := bearer.NewIntrospector(tt.endpoint, tt.id, tt.secret, tt.opts); err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "u:p") {
			t.Errorf("%q: %v", tt.endpoint, err)
		}
	}
	for _, ok := range []string{"http://localhost:1/i", "http://127.0.0.1/i", "http://[::1]/i", "https://as.test/i"} {
		if _, err := bearer.NewIntrospector(ok, "a", "b", nil); err != nil {
			t.Error(err)
		}
	}
	if _, err := bearer.NewIntrospector("http://as.test/i", "a", "b", &bearer.IntrospectorOptions{InsecureHTTP: true}); err != nil {
		t.Error(err)
	}
}
