package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/signin/passkey"
	"github.com/go-guard/guard/signin/passkey/passkeytest"
)

const (
	passkeyID     = "example.com"
	passkeyOrigin = "https://app.example.com"
)

// Take takes another key each time: see forgetful.
func (f *forgetful) Take(ctx context.Context, key [32]byte, until time.Time) (bool, error) {
	if f.stored++; f.stored%50_000 == 0 {
		*f = forgetful{newForgetful().Memory, f.stored}
	}
	for i := range 8 {
		key[i] ^= byte(f.stored >> (8 * i))
	}
	return f.Memory.Take(ctx, key, until)
}

// A passkeyLogin is a response of an authenticator without a counter, so that it is the same
// sign-in again and again, and what verifies it.
type passkeyLogin struct {
	party     *passkey.RelyingParty
	c         *passkey.Credential
	cookies   []*http.Cookie
	challenge string
	body      []byte
	key       *ecdsa.PrivateKey
}

func newPasskeyLogin() *passkeyLogin {
	now := time.Now()
	l := &passkeyLogin{party: guard.Must(passkey.New(passkeyID, []string{passkeyOrigin}, secret, guard.Must(passkey.NewMemory(nil)), &passkey.Options{
		Once: newForgetful(), Now: func() time.Time { return now },
	}))}
	device := passkeytest.NewAuthenticator(passkeyOrigin)
	device.Tamper = func(s *passkeytest.Statement) { l.key = s.PrivateKey }
	w := httptest.NewRecorder()
	check(l.party.RegisterOptions(w, l.request(nil), passkey.Account{Subject: "1", Name: "alice@example.com"}) == nil, "passkey: RegisterOptions")
	l.cookies = w.Result().Cookies()
	l.c = guard.Must(l.party.Register(httptest.NewRecorder(), l.request(guard.Must(device.Create(w.Body.Bytes()))), "1"))
	w = httptest.NewRecorder()
	check(l.party.LoginOptions(w, l.request(nil)) == nil, "passkey: LoginOptions")
	l.cookies = w.Result().Cookies()
	var options struct{ Challenge string }
	check(json.Unmarshal(w.Body.Bytes(), &options) == nil, "passkey: the options")
	l.challenge, l.body = options.Challenge, guard.Must(device.Get(w.Body.Bytes()))
	return l
}

func (l *passkeyLogin) request(body []byte) *http.Request {
	r := httptest.NewRequest("POST", passkeyOrigin+"/passkey/login", bytes.NewReader(body))
	for _, c := range l.cookies {
		r.AddCookie(c)
	}
	return r
}

// login calls Login with a body.
func (l *passkeyLogin) login(body []byte, works bool) func(n int) {
	r, w := l.request(nil), &discard{header: http.Header{}}
	return func(n int) {
		for range n {
			r.Body = io.NopCloser(bytes.NewReader(body))
			_, err := l.party.Login(w, r)
			check((err == nil) == works, "passkey: Login")
			clear(w.header)
		}
	}
}

// parts returns what is signed and the signature.
func (l *passkeyLogin) parts() (authData, clientData, signature []byte) {
	var m struct {
		Response struct{ AuthenticatorData, ClientDataJSON, Signature string }
	}
	check(json.Unmarshal(l.body, &m) == nil, "passkey: the response")
	decode := func(s string) []byte { return guard.Must(base64.RawURLEncoding.DecodeString(s)) }
	return decode(m.Response.AuthenticatorData), decode(m.Response.ClientDataJSON), decode(m.Response.Signature)
}

// bare verifies the signature of the response.
func (l *passkeyLogin) bare() func(n int) {
	authData, clientData, signature := l.parts()
	return func(n int) {
		for range n {
			hash := sha256.Sum256(clientData)
			digest := sha256.Sum256(slices.Concat(authData, hash[:]))
			check(ecdsa.VerifyASN1(&l.key.PublicKey, digest[:], signature), "passkey: the bare signature")
		}
	}
}

// forged is the body with another signature, which is well-formed.
func (l *passkeyLogin) forged() []byte {
	_, _, signature := l.parts()
	other := slices.Clone(signature)
	other[len(other)-1] ^= 1
	encode := base64.RawURLEncoding.EncodeToString
	return bytes.Replace(l.body, []byte(encode(signature)), []byte(encode(other)), 1)
}

// webAuthnUser is the peer's account.
type webAuthnUser struct {
	id          []byte
	credentials []webauthn.Credential
}

func (u *webAuthnUser) WebAuthnID() []byte                         { return u.id }
func (u *webAuthnUser) WebAuthnName() string                       { return "alice@example.com" }
func (u *webAuthnUser) WebAuthnDisplayName() string                { return "alice@example.com" }
func (u *webAuthnUser) WebAuthnCredentials() []webauthn.Credential { return u.credentials }

// peer is the login with go-webauthn: its caller keeps the challenge, and has the
// counter to look at and to store.
func (l *passkeyLogin) peer() func(n int) {
	decode := func(s string) []byte { return guard.Must(base64.RawURLEncoding.DecodeString(s)) }
	user := &webAuthnUser{decode(l.c.UserHandle), []webauthn.Credential{{ID: decode(l.c.ID), PublicKey: decode(l.c.PublicKey)}}}
	rp := guard.Must(webauthn.New(&webauthn.Config{RPID: passkeyID, RPDisplayName: "Acme", RPOrigins: []string{passkeyOrigin}}))
	pending := webauthn.SessionData{Challenge: l.challenge, RelyingPartyID: passkeyID, UserVerification: protocol.VerificationRequired}
	r := l.request(nil)
	return func(n int) {
		for range n {
			r.Body = io.NopCloser(bytes.NewReader(l.body))
			_, c, err := rp.FinishPasskeyLogin(func(_, _ []byte) (webauthn.User, error) { return user, nil }, pending, r)
			check(err == nil && !c.Authenticator.CloneWarning, "go-webauthn: FinishPasskeyLogin")
		}
	}
}

// passkeys compares a sign-in with the signature that no implementation can do without.
func passkeys(settings) (comparison, error) {
	l := newPasskeyLogin()
	stranger := *l
	stranger.cookies = nil
	w, r := &discard{header: http.Header{}}, l.request(nil)
	return comparison{
		benchmarks: []benchmark{
			{"guard: LoginOptions", ours, func(n int) {
				for range n {
					check(l.party.LoginOptions(w, r) == nil, "passkey: LoginOptions")
					clear(w.header)
				}
			}},
			{"guard: Login", ours, l.login(l.body, true)},
			{"guard: a login with a forged signature", ours, l.login(l.forged(), false)},
			{"guard: a login without the cookie", ours, stranger.login(l.body, false)},
			{"guard: a login of a megabyte", ours, l.login(bytes.Repeat([]byte("["), 1<<20), false)},
			{"go-webauthn by hand: login", peer, l.peer()},
			{"bare ES256 signature", lowerBound, l.bare()},
		},
		bars: []bar{
			difference("guard: Login", "bare ES256 signature", 60_000),
			ratio("guard: Login", "go-webauthn by hand: login", 1.5),
			difference("guard: a login with a forged signature", "bare ES256 signature", 60_000),
			ratio("guard: a login without the cookie", "bare ES256 signature", 1),
			ratio("guard: a login of a megabyte", "bare ES256 signature", 2),
		},
	}, nil
}
