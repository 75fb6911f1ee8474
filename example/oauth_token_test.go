package main_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"time"

	"github.com/go-guard/guard"
)

// encode is base64url without padding.
func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func jsonOf(v any) []byte { return guard.Must(json.Marshal(v)) }

func jwkOf(k *ecdsa.PrivateKey, id string) object {
	b := guard.Must(k.PublicKey.Bytes())
	return object{"kty": "EC", "crv": "P-256", "kid": id, "alg": "ES256", "use": "sig", "x": encode(b[1:33]), "y": encode(b[33:])}
}

func rsaJWK(id string) object {
	return object{"kty": "RSA", "kid": id, "alg": "RS256", "use": "sig", "n": encode(providerRSA.N.Bytes()), "e": encode(big.NewInt(int64(providerRSA.E)).Bytes())}
}

func es256(k *ecdsa.PrivateKey) func(string) []byte {
	return func(text string) []byte {
		digest := sha256.Sum256([]byte(text))
		r, s, err := ecdsa.Sign(rand.Reader, k, digest[:])
		if err != nil {
			panic(err)
		}
		return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	}
}

func rs256(text string) []byte {
	digest := sha256.Sum256([]byte(text))
	return guard.Must(rsa.SignPKCS1v15(rand.Reader, providerRSA, crypto.SHA256, digest[:]))
}

// token accepts a code a single time, with its client, redirect_uri and verifier.
func (p *provider) token(r *http.Request) (int, object) {
	_ = r.ParseForm()
	code, verifier := r.PostForm.Get("code"), r.PostForm.Get("code_verifier")
	p.hide(code, verifier)
	id, secret, _ := r.BasicAuth()
	if id != clientID || secret != clientSecret {
		return 401, object{"error": "invalid_client"}
	}
	request, ok := p.codes[code]
	delete(p.codes, code)
	challenge := sha256.Sum256([]byte(verifier))
	if !ok || r.PostForm.Get("grant_type") != "authorization_code" || r.PostForm.Get("redirect_uri") != request.Get("redirect_uri") ||
		encode(challenge[:]) != request.Get("code_challenge") {
		return 400, object{"error": "invalid_grant", "error_description": "text of the provider"}
	}
	random := rand.Text()
	access, refresh := "access-"+random, "refresh-"+rand.Text()
	p.hide(random, access, refresh)
	body := object{"access_token": access, "token_type": "Bearer", "expires_in": 300, "refresh_token": refresh}
	if request.Has("nonce") {
		p.sid = "sid-" + rand.Text()
		now, hash := time.Now().Unix(), sha256.Sum256([]byte(access))
		body["id_token"] = p.makeIDToken(object{
			"iss": p.url, "sub": "user-1", "aud": clientID, "exp": now + 300, "iat": now, "nonce": request.Get("nonce"),
			"at_hash": encode(hash[:16]), "sid": p.sid, "email": "dana@example.com", "email_verified": true,
		})
	}
	if p.answer != nil {
		p.answer(body)
	}
	return 200, body
}

// makeIDToken returns an ID token with the hooks' changes.
func (p *provider) makeIDToken(claims object) string {
	if p.claims != nil {
		p.claims(claims)
	}
	header := object{"alg": "ES256", "kid": "ec", "typ": "JWT"}
	if p.header != nil {
		header = p.header
	}
	p.lastID = p.signed(header, claims)
	if p.idToken != nil {
		p.lastID = p.idToken(p.lastID)
		p.hide(p.lastID)
	}
	return p.lastID
}

func (p *provider) signed(header, claims object) string {
	sign := es256(providerKey)
	if header["alg"] == "RS256" {
		sign = rs256
	}
	if p.sign != nil {
		sign = p.sign
	}
	text := encode(jsonOf(header)) + "." + encode(jsonOf(claims))
	token := text + "." + encode(sign(text))
	p.hide(token, encode(jsonOf(claims)))
	return token
}

const logoutEvent = "http://schemas.openid.net/event/backchannel-logout"

// logoutToken returns a logout token of user-1 with other claims, of which a nil removes
// one.
func (p *provider) logoutToken(change object) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	now, jti := time.Now().Unix(), "jti-"+rand.Text()
	claims := object{
		"iss": p.url, "aud": clientID, "iat": now, "exp": now + 120, "jti": jti, "sub": "user-1", "events": object{logoutEvent: object{}},
	}
	for name, value := range change {
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
	}
	header := object{"alg": "ES256", "kid": "ec", "typ": "logout+jwt"}
	if p.logoutHeader != nil {
		header = p.logoutHeader
	}
	p.hide(jti)
	return p.signed(header, claims)
}

// last returns the provider's session of the last sign-in, and its ID token.
func (p *provider) last() (sid, idToken string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sid, p.lastID
}
