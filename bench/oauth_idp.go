package main

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/go-guard/guard"
)

const (
	idpURL      = "https://accounts.example.com"
	appID       = "app"
	appCallback = "https://app.example.com/callback"
	accessToken = "q3VhbnR1bS1lbnRhbmdsZW1lbnQtYWNjZXNz"
)

// An identityProvider is one in memory, whose tokens are signed before the rows run: no
// row measures a signature or a network.
type identityProvider struct {
	calls     atomic.Int64
	documents map[string]string // by path
}

func newIdentityProvider() *identityProvider {
	p := &identityProvider{documents: map[string]string{}}
	p.answer("/.well-known/openid-configuration", map[string]any{
		"issuer": idpURL, "authorization_endpoint": idpURL + "/authorize", "token_endpoint": idpURL + "/token",
		"jwks_uri": idpURL + "/jwks", "id_token_signing_alg_values_supported": []string{"ES256"},
	})
	public := guard.Must(ecKey.PublicKey.Bytes()) // 4, x, y
	p.answer("/jwks", map[string]any{"keys": []map[string]string{{
		"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": "k1",
		"x": base64.RawURLEncoding.EncodeToString(public[1:33]), "y": base64.RawURLEncoding.EncodeToString(public[33:]),
	}}})
	return p
}

func (p *identityProvider) answer(path string, v any) {
	p.documents[path] = string(guard.Must(json.Marshal(v)))
}

// redeems sets the answer of the token endpoint: the tokens of a sign-in with a nonce.
// It returns the ID token.
func (p *identityProvider) redeems(nonce string) string {
	now := time.Now()
	hash := sha256.Sum256([]byte(accessToken))
	t := jwt.NewWithClaims(jwt.SigningMethodES256, jwt.MapClaims{
		"iss": idpURL, "sub": "248289761001", "aud": appID, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
		"nonce": nonce, "at_hash": base64.RawURLEncoding.EncodeToString(hash[:16]), "sid": "08a5019c-17e1-4977-8f42-65a12843ea02",
		"email": "alice@example.com", "email_verified": true, "name": "Alice",
	})
	t.Header["kid"] = "k1"
	signed := guard.Must(t.SignedString(ecKey))
	p.answer("/token", map[string]any{"access_token": accessToken, "token_type": "Bearer", "expires_in": 3600, "id_token": signed})
	return signed
}

func (p *identityProvider) RoundTrip(r *http.Request) (*http.Response, error) {
	p.calls.Add(1)
	if r.Body != nil {
		if err := r.Body.Close(); err != nil {
			return nil, err
		}
	}
	body, found := p.documents[r.URL.Path]
	if !found {
		return nil, fmt.Errorf("bench: no document %q", r.URL.Path)
	}
	return &http.Response{
		StatusCode: 200, ProtoMajor: 1, ProtoMinor: 1, Request: r, ContentLength: int64(len(body)),
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)),
	}, nil
}

// returning begins a sign-in and returns the request with which the browser comes back,
// for which the provider has tokens.
func (p *identityProvider) returning(begin http.Handler) (callback *http.Request, idToken string) {
	w := httptest.NewRecorder()
	begin.ServeHTTP(w, request("/login?next=/inbox"))
	check(w.Code == 303 || w.Code == 302, "oauth: Begin")
	query := guard.Must(url.Parse(w.Header().Get("Location"))).Query()
	callback = request("/callback?code=SplxlOBeZQQYbYS6WxSbIA&state=" + query.Get("state"))
	for _, c := range w.Result().Cookies() {
		callback.AddCookie(c)
	}
	return callback, p.redeems(query.Get("nonce"))
}
