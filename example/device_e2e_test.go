package main_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard/internal/testing/harness"
)

// A deviceClient is a browser with a key of its own, at one or several processes.
type deviceClient struct {
	*testing.T
	http       *http.Client
	jar        http.CookieJar
	key        *ecdsa.PrivateKey
	offer      string
	identifier string
}

func newDeviceClient(t *testing.T, a *authority) *deviceClient {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &deviceClient{T: t, jar: jar, key: key, http: &http.Client{
		Jar: jar, Timeout: harness.Patience,
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{RootCAs: a.pool}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// do sends a request to a process, and returns the answer and its body. Cookies of
// 127.0.0.1 are sent to every port.
func (c *deviceClient) do(p *process, method, path, body string, header ...string) (*http.Response, string) {
	c.Helper()
	r, err := http.NewRequest(method, p.url+path, strings.NewReader(body))
	if err != nil {
		c.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := c.http.Do(r)
	if err != nil {
		c.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		c.Fatal(err)
	}
	return res, string(text)
}

func (c *deviceClient) want(p *process, status int, part string) {
	c.Helper()
	if res, body := c.do(p, "GET", "/session/profile", ""); res.StatusCode != status || !strings.Contains(body, part) {
		c.Errorf("GET /session/profile: %d %s, want %d with %q", res.StatusCode, body, status, part)
	}
}

func (c *deviceClient) cookie(p *process, name string) *http.Cookie {
	c.Helper()
	u, err := url.Parse(p.url)
	if err != nil {
		c.Fatal(err)
	}
	for _, cookie := range c.jar.Cookies(u) {
		if cookie.Name == name {
			return cookie
		}
	}
	return nil
}

// drop deletes a cookie, as a browser does when it expires.
func (c *deviceClient) drop(p *process, name string) {
	u, _ := url.Parse(p.url)
	c.jar.SetCookies(u, []*http.Cookie{{Name: name, Path: "/", Secure: true, MaxAge: -1}})
}

func (c *deviceClient) signIn(p *process) {
	c.Helper()
	res, body := c.do(p, "POST", "/session/login", `{"email":"bob@example.com","password":"secret"}`)
	if res.StatusCode != 200 {
		c.Fatalf("%d %s", res.StatusCode, body)
	}
	line := res.Header.Get("Secure-Session-Registration")
	rest, ok := strings.CutPrefix(line, `(ES256);path="/device/session";challenge="`)
	if c.offer = strings.TrimSuffix(rest, `"`); !ok || c.offer == "" {
		c.Fatalf("the offer %q", line)
	}
}

// proof signs a challenge, in a registration with the key.
func (c *deviceClient) proof(challenge string, registers bool) string {
	header := map[string]any{"alg": "ES256", "typ": "dbsc+jwt"}
	if registers {
		point, _ := c.key.PublicKey.Bytes()
		header["jwk"] = map[string]string{"kty": "EC", "crv": "P-256",
			"x": base64.RawURLEncoding.EncodeToString(point[1:33]), "y": base64.RawURLEncoding.EncodeToString(point[33:])}
	}
	part := func(v any) string {
		b, _ := json.Marshal(v)
		return base64.RawURLEncoding.EncodeToString(b)
	}
	text := part(header) + "." + part(map[string]string{"jti": challenge})
	digest := sha256.Sum256([]byte(text))
	r, s, _ := ecdsa.Sign(rand.Reader, c.key, digest[:])
	var b [64]byte
	r.FillBytes(b[:32])
	s.FillBytes(b[32:])
	return text + "." + base64.RawURLEncoding.EncodeToString(b[:])
}

func (c *deviceClient) register(p *process) (status int) {
	c.Helper()
	res, body := c.do(p, "POST", "/device/session", "", "Secure-Session-Response", c.proof(c.offer, true))
	var v struct {
		ID  string `json:"session_identifier"`
		URL string `json:"refresh_url"`
	}
	if res.StatusCode == 200 && (json.Unmarshal([]byte(body), &v) != nil || v.URL != "/device/session") {
		c.Errorf("%s", body)
	}
	c.identifier = v.ID
	return res.StatusCode
}

// challenge gets a challenge.
func (c *deviceClient) challenge(p *process) string {
	c.Helper()
	res, body := c.do(p, "POST", "/device/session", "", "Sec-Secure-Session-Id", c.identifier)
	challenge, id, _ := strings.Cut(strings.TrimPrefix(res.Header.Get("Secure-Session-Challenge"), `"`), `";id="`)
	if res.StatusCode != 403 || id != c.identifier+`"` {
		c.Fatalf("%d %s %v", res.StatusCode, body, res.Header)
	}
	return challenge
}

func (c *deviceClient) answer(p *process, challenge string) (status int) {
	c.Helper()
	res, _ := c.do(p, "POST", "/device/session", "", "Sec-Secure-Session-Id", c.identifier, "Secure-Session-Response", c.proof(challenge, false))
	return res.StatusCode
}

const boundElsewhere = "Session is bound to another device"

// pastGrace waits until a session needs its bound cookie: 10 s after its registration.
func (c *deviceClient) pastGrace(p *process) {
	c.Helper()
	for end := time.Now().Add(harness.Patience); ; time.Sleep(200 * time.Millisecond) {
		if res, _ := c.do(p, "GET", "/session/profile", ""); res.StatusCode == 401 {
			return
		}
		if time.Now().After(end) {
			c.Fatal("the session needs no bound cookie")
		}
	}
}

// TestHTTPS: with a certificate the server speaks https, also with -dev, and its cookies
// have the prefix; nothing is offered over http.
func TestHTTPS(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	p := launch(t, append(a.env(), "SEAL_KEY="+sealKey(1)), "-dev", "-addr", "127.0.0.1:0")
	c := newDeviceClient(t, a)
	c.signIn(p)
	if c.cookie(p, "__Host-session") == nil || c.cookie(p, "session") != nil {
		t.Error("the cookie has no prefix")
	}
	c.want(p, 200, `"email":"bob@example.com"`)
	if res, _ := c.do(p, "GET", "/device/session", ""); res.StatusCode != 405 {
		t.Errorf("GET: %d", res.StatusCode)
	}
	if _, err := http.Get("http" + strings.TrimPrefix(p.url, "https") + "/"); err == nil {
		if res, _ := http.Get("http" + strings.TrimPrefix(p.url, "https") + "/"); res.StatusCode != 400 {
			t.Errorf("over http: %d", res.StatusCode)
		}
	}
	plain := start(t)
	got := plain.send(t, call{do: "POST /session/login", body: `{"email":"bob@example.com","password":"secret"}`})
	if got.status != 200 || got.header.Get("Secure-Session-Registration") != "" {
		t.Errorf("over http: %v", got)
	}
	if got := plain.send(t, call{do: "POST /device/session"}); got.status != 404 {
		t.Errorf("over http: %v", got)
	}
}

// TestDevices: two processes with one Redis, or one with a store of its own, behave as
// one: a session that one of them signed in is bound at the other.
func TestDevices(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	for name, two := range map[string]func(t *testing.T) (p, q *process){
		"memory": func(t *testing.T) (p, q *process) { p = a.launch(t); return p, p },
		"Redis": func(t *testing.T) (p, q *process) {
			url := redisURL(t)
			return a.launch(t, url), a.launch(t, url)
		},
		"PostgreSQL": func(t *testing.T) (p, q *process) {
			url := postgresURL(t)
			return a.launch(t, url), a.launch(t, url)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, q := two(t)
			c := newDeviceClient(t, a)
			c.signIn(p)
			c.want(q, 200, "bob@example.com")
			for range 2 { // the second is answered as the first
				if status := c.register(q); status != 200 {
					t.Fatalf("registration: %d", status)
				}
			}
			bound := c.cookie(p, "__Host-session-device")
			if bound == nil {
				t.Fatal("no bound cookie")
			}
			c.want(p, 200, "bob@example.com")
			c.drop(p, bound.Name)
			c.pastGrace(p)
			c.want(q, 401, boundElsewhere)
			if res, body := c.do(p, "GET", "/session/", "", "Accept", "text/html"); res.StatusCode != 200 || !strings.Contains(body, "Sign in") {
				t.Errorf("the page to sign in: %d %s", res.StatusCode, body)
			}

			challenge := c.challenge(p)
			if status := c.answer(q, challenge); status != 200 {
				t.Fatalf("refresh: %d", status)
			}
			for _, at := range []*process{p, q} {
				c.want(at, 200, "bob@example.com")
				if status := c.answer(at, challenge); status != 403 {
					t.Errorf("the same challenge: %d", status)
				}
			}

			thief := newDeviceClient(t, a)
			thief.signIn(p)
			thief.identifier = c.identifier
			if status := thief.answer(p, c.challenge(q)); status != 400 {
				t.Errorf("a signature of another key: %d", status)
			}
			c.want(p, 200, "bob@example.com")

			if res, _ := c.do(q, "POST", "/session/logout", ""); res.StatusCode != 200 || c.cookie(p, "__Host-session-device") != nil {
				t.Errorf("logout: %d", res.StatusCode)
			}
			if status := c.answer(p, challenge); status != 401 && status != 403 {
				t.Errorf("a refresh after the logout: %d", status)
			}
			res, _ := c.do(p, "POST", "/device/session", "", "Sec-Secure-Session-Id", c.identifier)
			if res.StatusCode != 401 {
				t.Errorf("a challenge after the logout: %d", res.StatusCode)
			}
		})
	}
}

// TestSecondDevice: a second key for one sign-in ends the session at every process.
func TestSecondDevice(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	p := a.launch(t)
	c, thief := newDeviceClient(t, a), newDeviceClient(t, a)
	c.signIn(p)
	thief.offer = c.offer
	if status := thief.register(p); status != 200 {
		t.Fatal(status)
	}
	if status := c.register(p); status != 401 {
		t.Errorf("the second key: %d", status)
	}
	c.want(p, 401, "Invalid session")
	if logs := p.logs(); strings.Contains(logs, c.offer) || strings.Contains(logs, thief.identifier) {
		t.Error("the log has a challenge or an identifier")
	}
}
