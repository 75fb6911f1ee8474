package interop_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/interop"
	"github.com/go-guard/guard/jwtauth"
)

const (
	albARN = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/web/0123456789abcdef"
	albKey = "01234567-89ab-cdef-0123-456789abcdef"
)

// signALB returns data as a load balancer writes it.
func signALB(key *ecdsa.PrivateKey, header, payload string) string {
	text := base64.URLEncoding.EncodeToString([]byte(header)) + "." + base64.URLEncoding.EncodeToString([]byte(payload))
	digest := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
	if err != nil {
		panic(err)
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return text + "." + base64.URLEncoding.EncodeToString(signature)
}

// serveALBKeys serves the public half of key under one ID, and fails on request.
func serveALBKeys(t *testing.T, key *ecdsa.PrivateKey) (keys *interop.ALBKeys, fail func()) {
	t.Helper()
	der := guard.Must(x509.MarshalPKIXPublicKey(&key.PublicKey))
	down := false
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case down:
			w.WriteHeader(http.StatusBadGateway)
		case r.URL.Path != "/"+albKey:
			w.WriteHeader(http.StatusForbidden)
		default:
			w.Write(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
		}
	}))
	t.Cleanup(s.Close)
	return &interop.ALBKeys{URL: s.URL + "/", Client: s.Client()}, func() { down = true }
}

func TestALB(t *testing.T) {
	key := guard.Must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	later := time.Now().Add(time.Minute).Unix()
	header := fmt.Sprintf(`{"alg":"ES256","kid":%q,"signer":%q,"exp":%d} `, albKey, albARN, later)
	const payload = `{"sub":"1","email":"alice@example.com"} `
	good := signALB(key, header, payload)
	edit := func(from, to string) string { return signALB(key, strings.Replace(header, from, to, 1), payload) }
	other := guard.Must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	for _, tt := range []struct {
		name   string
		data   []string
		status int
	}{
		{"good", []string{good}, 200},
		{"none", nil, 401},
		{"twice", []string{good, good}, 400},
		{"too long", []string{strings.Repeat("a", 16<<10+1)}, 400},
		{"without padding", []string{strings.ReplaceAll(good, "=", "")}, 401},
		{"two segments", []string{good[:strings.LastIndexByte(good, '.')]}, 401},
		{"another load balancer", []string{edit("123456789012", "999999999999")}, 401},
		{"alg none", []string{edit("ES256", "none")}, 401},
		{"another signature", []string{signALB(other, header, payload)}, 401},
		{"expired", []string{edit(fmt.Sprint(later), fmt.Sprint(time.Now().Unix()))}, 401},
		{"without exp", []string{edit(`"exp"`, `"x"`)}, 401},
		{"a path as kid", []string{edit(albKey, "../"+albKey)}, 401},
		{"an unknown kid", []string{edit(albKey, strings.ReplaceAll(albKey, "0", "1"))}, 401},
		{"without sub", []string{signALB(key, header, `{"email":"alice@example.com"}`)}, 401},
		{"null", []string{signALB(key, header, `null`)}, 401},
	} {
		t.Run(tt.name, func(t *testing.T) {
			keys, _ := serveALBKeys(t, key)
			if got, body := askALB(keys, tt.data); got != tt.status || (got == 200) != (body == "1 alice@example.com") {
				t.Errorf("status %d, body %s", got, body)
			}
		})
	}
	t.Run("outage", func(t *testing.T) {
		keys, fail := serveALBKeys(t, key)
		fail()
		for range 2 { // the second fetches nothing
			if got, _ := askALB(keys, []string{good}); got != 503 {
				t.Errorf("status %d", got)
			}
		}
	})
	t.Run("from another site", func(t *testing.T) {
		keys, _ := serveALBKeys(t, key)
		unsafe := httptest.NewRequest("POST", "/", nil)
		socket := httptest.NewRequest("GET", "/", nil)
		socket.Header.Set("Upgrade", "websocket")
		for _, r := range []*http.Request{unsafe, socket} {
			r.Header["X-Amzn-Oidc-Data"], r.Header["Sec-Fetch-Site"] = []string{good}, []string{"cross-site"}
			_, err := (&interop.ALB{ARN: albARN, Keys: keys}).Authenticate(r)
			if e, ok := errors.AsType[*guard.Error](err); !ok || e.Status != 403 {
				t.Errorf("%s: %v", r.Method, err)
			}
		}
	})
	t.Run("a kept key", func(t *testing.T) {
		keys, fail := serveALBKeys(t, key)
		askALB(keys, []string{good})
		fail()
		if got, body := askALB(keys, []string{good}); got != 200 {
			t.Errorf("status %d: %s", got, body)
		}
	})
	t.Run("jwtauth", func(t *testing.T) {
		v := guard.Must(jwtauth.NewVerifier[struct{}](jwtauth.ECDSA("ES256", &key.PublicKey), nil))
		_, err := v.Verify(t.Context(), good)
		if e, ok := errors.AsType[*guard.Error](err); !ok || e.Status != 401 {
			t.Errorf("%v", err)
		}
	})
}

func askALB(keys *interop.ALBKeys, data []string) (status int, body string) {
	h := guard.Require(&interop.ALB{ARN: albARN, Keys: keys})(guard.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, u *interop.ALBUser) {
		fmt.Fprint(w, u.Sub(), " ", u.Email)
	}))
	r := httptest.NewRequest("GET", "/", nil)
	r.Header["X-Amzn-Oidc-Data"] = data
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// TestDocsALB: docs/moving.md shows alb.go as it is compiled and tested here.
func TestDocsALB(t *testing.T) {
	_, code, _ := strings.Cut(read(t, "alb.go"), "\n// ALB authenticates")
	code, _, found := strings.Cut(code, "\n// ALBKeys fetches")
	if page := read(t, "../docs/moving.md"); !found || !strings.Contains(page, code) {
		t.Error("docs/moving.md differs from interop/alb.go")
	}
}
