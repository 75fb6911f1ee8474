package session_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/session"
)

const every = 5 * time.Minute

// deviceManager binds sessions; opts may be nil.
func deviceManager(t testing.TB, opts *session.Options) *profiles {
	t.Helper()
	var o session.Options
	if opts != nil {
		o = *opts
	}
	o.ExperimentalDevice = session.DeviceOptions{Path: "/device", Every: every}
	return manager(t, &o)
}

// A holder is a browser with its cookies and the key of a device.
type holder struct {
	testing.TB
	m          *profiles
	private    *ecdsa.PrivateKey
	cookies    map[string]string
	offer      string // the challenge of the registration
	challenge  string // of the refresh
	identifier string
}

func newHolder(t testing.TB, m *profiles) *holder {
	return &holder{TB: t, m: m, private: newDeviceKey(t), cookies: map[string]string{}}
}

func newDeviceKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return private
}

// copied is a thief's copy of the cookie jar, with a key of its own.
func (b *holder) copied() *holder {
	c := newHolder(b.TB, b.m)
	for name, value := range b.cookies {
		c.cookies[name] = value
	}
	return c
}

func (b *holder) request(method, path string, header ...string) *http.Request {
	r := request(method, header...)
	r.URL.Path = path
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	return r
}

// keep takes over the cookies of a response, and the fields of the draft.
func (b *holder) keep(w *httptest.ResponseRecorder) {
	b.Helper()
	for _, c := range cookies(w) {
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
			continue
		}
		if !c.Secure || !c.HttpOnly || c.Path != "/" || c.SameSite != http.SameSiteLaxMode && c.SameSite != http.SameSiteStrictMode || c.Domain != "" {
			b.Errorf("the cookie %v", c)
		}
		b.cookies[c.Name] = c.Value
	}
	if offer := w.Header().Get("Secure-Session-Registration"); offer != "" {
		rest, ok := strings.CutPrefix(offer, `(ES256);path="/device";challenge="`)
		if b.offer, _ = strings.CutSuffix(rest, `"`); !ok || strings.Contains(b.offer, `"`) {
			b.Errorf("the offer %s", offer)
		}
	}
	if line := w.Header().Get("Secure-Session-Challenge"); line != "" {
		challenge, id, ok := strings.Cut(line, `";id="`)
		if !ok || challenge[0] != '"' || id != b.identifier+`"` {
			b.Errorf("the challenge %s of %s", line, b.identifier)
		}
		b.challenge = challenge[1:]
	}
}

func (b *holder) signIn(subject string) *holder {
	b.Helper()
	w := recorder()
	if _, err := b.m.Create(w, b.request("POST", "/login"), subject, profile{}); err != nil {
		b.Fatal(err)
	}
	b.keep(w)
	return b
}

func encode(v any) string {
	text, ok := v.(string)
	if !ok {
		b, _ := json.Marshal(v)
		text = string(b)
	}
	return base64.RawURLEncoding.EncodeToString([]byte(text))
}

func jwkOf(private *ecdsa.PrivateKey) map[string]any {
	point, _ := private.PublicKey.Bytes()
	return map[string]any{"kty": "EC", "crv": "P-256",
		"x": base64.RawURLEncoding.EncodeToString(point[1:33]), "y": base64.RawURLEncoding.EncodeToString(point[33:])}
}

// sign returns a JWT in ES256.
func sign(private *ecdsa.PrivateKey, header, payload any) string {
	text := encode(header) + "." + encode(payload)
	digest := sha256.Sum256([]byte(text))
	r, s, _ := ecdsa.Sign(rand.Reader, private, digest[:])
	var b [64]byte
	r.FillBytes(b[:32])
	s.FillBytes(b[32:])
	return text + "." + base64.RawURLEncoding.EncodeToString(b[:])
}

type object = map[string]any

// proofOf is the JWT of a registration.
func (b *holder) proofOf(challenge string) string {
	return sign(b.private, object{"alg": "ES256", "typ": "dbsc+jwt", "jwk": jwkOf(b.private)}, object{"jti": challenge})
}

// answerTo is the JWT of a refresh.
func (b *holder) answerTo(challenge string) string {
	return sign(b.private, object{"alg": "ES256", "typ": "dbsc+jwt"}, object{"jti": challenge})
}

// send sends a request to the device's path.
func (b *holder) send(r *http.Request) *httptest.ResponseRecorder {
	b.Helper()
	w := recorder()
	b.m.Device().ServeHTTP(w, r)
	if got := w.Header().Get("Cache-Control"); got != "no-store" {
		b.Errorf("%d: Cache-Control %q", w.Code, got)
	}
	return w
}

// register binds the session to the key, without a cookie, as behind a sign-in that
// began at another site.
func (b *holder) register() *httptest.ResponseRecorder {
	b.Helper()
	r := request("POST", "Secure-Session-Response: "+b.proofOf(b.offer))
	w := b.send(r)
	if w.Code == 200 {
		var v struct {
			ID         string `json:"session_identifier"`
			RefreshURL string `json:"refresh_url"`
			Scope      struct {
				IncludeSite *bool `json:"include_site"`
			} `json:"scope"`
			Credentials []struct{ Type, Name, Attributes string } `json:"credentials"`
			Initiators  []string                                  `json:"allowed_refresh_initiators"`
		}
		err := json.Unmarshal(w.Body.Bytes(), &v)
		if err != nil || v.ID == "" || v.RefreshURL != "/device" || v.Scope.IncludeSite == nil || *v.Scope.IncludeSite || len(v.Credentials) != 1 ||
			v.Credentials[0].Type != "cookie" || v.Credentials[0].Name != boundName || len(v.Initiators) != 1 || v.Initiators[0] != "*" ||
			!strings.HasPrefix(v.Credentials[0].Attributes, "Path=/; Secure; HttpOnly; SameSite=") || w.Header().Get("Content-Type") != "application/json" {
			b.Errorf("the instructions %s (%v)", w.Body, err)
		}
		b.identifier = v.ID
		b.keep(w)
	}
	return w
}

const (
	longName  = "__Host-session"
	boundName = "__Host-session-device"
)

// refresh gets a bound cookie, as a browser does that has none.
func (b *holder) refresh() int {
	b.Helper()
	w := b.send(request("POST", "Sec-Secure-Session-Id: "+b.identifier))
	b.keep(w)
	if w.Code != 403 {
		return w.Code
	}
	w = b.answer(b.challenge)
	b.keep(w)
	return w.Code
}

// answer sends a signed challenge.
func (b *holder) answer(challenge string) *httptest.ResponseRecorder {
	b.Helper()
	return b.send(request("POST", "Sec-Secure-Session-Id: "+b.identifier, "Secure-Session-Response: "+b.answerTo(challenge)))
}

// get sends a GET through Wrap and returns the answer's status, and its body where it
// is refused.
func (b *holder) get() string {
	b.Helper()
	w, reached := serve(b, b.m.Wrap, b.request("GET", "/"))
	if reached != (w.Code == 200) {
		b.Errorf("%d, reached: %t", w.Code, reached)
	}
	b.keep(w)
	if reached {
		return fmt.Sprint(w.Code)
	}
	return w.Body.String()
}

func (b *holder) want(want string) {
	b.Helper()
	if got := b.get(); got != want {
		b.Errorf("GET is answered %s, want %s", got, want)
	}
}

var notBound = e401("Session is bound to another device")

// bound returns a browser whose session is bound, after the time in which it needs no
// bound cookie. It is for a bubble of synctest.
func bound(t testing.TB, m *profiles, subject string) *holder {
	t.Helper()
	b := newHolder(t, m).signIn(subject)
	if w := b.register(); w.Code != 200 {
		t.Fatalf("registration: %d %s", w.Code, w.Body)
	}
	time.Sleep(11 * time.Second)
	return b
}

// deviceDecisions returns what h reports to Observe.
func deviceDecisions(h http.Handler, r *http.Request) (w *httptest.ResponseRecorder, decisions []guard.Decision) {
	w = recorder()
	guard.Observe(func(_ *http.Request, d guard.Decision) { decisions = append(decisions, d) })(h).ServeHTTP(w, r)
	return w, decisions
}

// A counting store counts its calls.
type counting struct {
	session.DeviceStore
	calls atomic.Int64
}
