package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/session"
)

// devices measures sessions that are bound to a device (DBSC), in a clock that stands
// still: the same registration and refresh are answered again and again.
func devices(settings) (comparison, error) {
	now := time.Now()
	store := &repeatedDevice{DeviceStore: guard.Must(session.NewMemory(nil))}
	m, err := session.New[profile](&session.Options{
		Store: store, Now: func() time.Time { return now }, ExperimentalDevice: session.DeviceOptions{Path: "/device"},
	})
	if err != nil {
		return comparison{}, err
	}
	h := m.Wrap(guard.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, s *session.Session[profile]) {
		check(s.Data() == alice, "guard's session")
		w.WriteHeader(200)
	}))
	plain := newDevice(m)
	bound := newDevice(m)
	registration := bound.request(bound.proof(bound.offer, true))
	bound.register(registration)
	refresh := bound.request(bound.proof(bound.challenge(), false), "Sec-Secure-Session-Id", bound.identifier)
	verify := bareDevice(refresh.Header.Get("Secure-Session-Response"), &bound.key.PublicKey)
	return comparison{
		benchmarks: []benchmark{
			{getPlain, ours, serving(h, plain.get(), 200)},
			{getBound, ours, serving(h, bound.get(), 200)},
			{register, ours, serving(m.Device(), registration, 200)},
			{refreshes, ours, serving(m.Device(), refresh, 200)},
			{bareSignature, peer, verify},
		},
		facts: []Fact{
			{callsOfRegistration, float64(store.count(m.Device(), registration)), ""},
			{callsOfRefresh, float64(store.count(m.Device(), refresh)), ""},
		},
		bars: []bar{
			ratio(getBound, getPlain, 1.3),
			allocsDifference(getBound, getPlain, 1),
			difference(register, bareSignature, 40_000),
			difference(refreshes, bareSignature, 40_000),
			factAtMost(callsOfRegistration, 1),
			factAtMost(callsOfRefresh, 1),
		},
	}, nil
}

const (
	getPlain      = "guard: GET, session not bound"
	getBound      = "guard: GET, bound session"
	register      = "guard: registration of a device"
	refreshes     = "guard: refresh of a device"
	bareSignature = "golang-jwt: verify ES256"

	callsOfRegistration = "calls of the store by a registration"
	callsOfRefresh      = "calls of the store by a refresh"
)

// A repeatedDevice accepts one challenge again, and counts its calls.
type repeatedDevice struct {
	session.DeviceStore
	calls int
}

func (d *repeatedDevice) count(h http.Handler, r *http.Request) int {
	before := d.calls
	h.ServeHTTP(httptest.NewRecorder(), r)
	return d.calls - before
}

func (d *repeatedDevice) SetDevice(ctx context.Context, tag [8]byte, id session.ID, old, device string) (session.Record, bool, error) {
	d.calls++
	return d.DeviceStore.SetDevice(ctx, tag, id, old, device)
}

func (d *repeatedDevice) AdvanceDevice(ctx context.Context, tag [8]byte, id session.ID, key string, step int64) (session.Record, bool, bool, error) {
	d.calls++
	rec, _, found, err := d.DeviceStore.AdvanceDevice(ctx, tag, id, key, step)
	return rec, true, found, err
}

func (d *repeatedDevice) Load(ctx context.Context, key session.Key) (session.Record, bool, error) {
	d.calls++
	return d.DeviceStore.Load(ctx, key)
}

// A deviceClient is a browser that is signed in.
type deviceClient struct {
	m                 *session.Manager[profile]
	key               *ecdsa.PrivateKey
	cookies           []*http.Cookie
	offer, identifier string
}

func newDevice(m *session.Manager[profile]) *deviceClient {
	w := httptest.NewRecorder()
	guard.Must(m.Create(w, httptest.NewRequest("POST", "https://example.com/login", nil), subject, alice))
	_, offer, _ := strings.Cut(w.Header().Get("Secure-Session-Registration"), `challenge="`)
	return &deviceClient{m: m, key: guard.Must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)), cookies: w.Result().Cookies(), offer: strings.TrimSuffix(offer, `"`)}
}

func (d *deviceClient) get() *http.Request {
	r := request("/")
	for _, c := range d.cookies {
		r.AddCookie(c)
	}
	return r
}

// request returns a registration, or a refresh with an identifier in header.
func (d *deviceClient) request(proof string, header ...string) *http.Request {
	r := request("/device", append(header, "Secure-Session-Response", proof)...)
	r.Method = http.MethodPost
	return r
}

func (d *deviceClient) proof(challenge string, registers bool) string {
	header := map[string]any{"alg": "ES256", "typ": "dbsc+jwt"}
	if registers {
		point := guard.Must(d.key.PublicKey.Bytes())
		header["jwk"] = map[string]string{"kty": "EC", "crv": "P-256",
			"x": base64.RawURLEncoding.EncodeToString(point[1:33]), "y": base64.RawURLEncoding.EncodeToString(point[33:])}
	}
	part := func(v any) string { return base64.RawURLEncoding.EncodeToString(guard.Must(json.Marshal(v))) }
	text := part(header) + "." + part(map[string]string{"jti": challenge})
	return text + "." + base64.RawURLEncoding.EncodeToString(guard.Must(jwt.SigningMethodES256.Sign(text, d.key)))
}

func (d *deviceClient) register(r *http.Request) {
	w := httptest.NewRecorder()
	d.m.Device().ServeHTTP(w, r)
	var v struct {
		ID string `json:"session_identifier"`
	}
	check(w.Code == 200 && json.Unmarshal(w.Body.Bytes(), &v) == nil, "registration of a device")
	d.identifier, d.cookies = v.ID, append(d.cookies, w.Result().Cookies()...)
}

func (d *deviceClient) challenge() string {
	r := request("/device", "Sec-Secure-Session-Id", d.identifier)
	r.Method = http.MethodPost
	w := httptest.NewRecorder()
	d.m.Device().ServeHTTP(w, r)
	challenge, _, ok := strings.Cut(strings.TrimPrefix(w.Header().Get("Secure-Session-Challenge"), `"`), `"`)
	check(w.Code == 403 && ok, "challenge of a device")
	return challenge
}

// bareDevice verifies the signature of a JWT and nothing else.
func bareDevice(token string, key *ecdsa.PublicKey) func(n int) {
	i := strings.LastIndexByte(token, '.')
	signature := guard.Must(base64.RawURLEncoding.DecodeString(token[i+1:]))
	text := token[:i]
	return func(n int) {
		for range n {
			check(jwt.SigningMethodES256.Verify(text, signature, key) == nil, "ES256")
		}
	}
}
