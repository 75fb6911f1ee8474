package interop

import (
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/go-guard/guard"
)

// An ALBUser is a user whom an AWS Application Load Balancer signed in.
type ALBUser struct {
	Subject string `json:"sub"`
	Email   string `json:"email"`
}

// Sub implements guard.Subject.
func (u *ALBUser) Sub() string { return u.Subject }

// ALB authenticates by the X-Amzn-Oidc-Data field, which a load balancer writes. It
// resembles a JWT, but its base64 is padded, and its header has what others have in
// the payload.
type ALB struct {
	ARN  string   // of the load balancer: those of all customers of AWS have keys there
	Keys *ALBKeys // of its region
}

// Scheme implements guard.Authenticator.
func (a *ALB) Scheme() guard.Scheme {
	return guard.Scheme{Challenge: "ALB", Vary: []string{"X-Amzn-Oidc-Data"}, Missing: "Sign in by the load balancer"}
}

// Authenticate implements guard.Authenticator.
func (a *ALB) Authenticate(r *http.Request) (*ALBUser, error) {
	values := r.Header.Values("X-Amzn-Oidc-Data")
	switch {
	case len(values) == 0:
		return nil, guard.ErrNoCredentials
	case len(values) > 1 || len(values[0]) > 16<<10:
		return nil, &guard.Error{Status: http.StatusBadRequest, Code: "invalid_request"}
	case isCrossOrigin(r):
		return nil, &guard.Error{Status: http.StatusForbidden, Code: "cross_origin"}
	}
	u, cause, err := a.verify(r.Context(), values[0])
	return guard.Resolve(u, cause == nil, err, &guard.Error{
		Status: http.StatusUnauthorized, Code: "token_invalid", Message: "Invalid token", Err: cause,
	})
}

// isCrossOrigin reports whether a page of another origin makes an unsafe request or
// opens a WebSocket: browsers send the load balancer's cookie unasked.
func isCrossOrigin(r *http.Request) bool {
	c := *r
	if r.Header.Get("Upgrade") != "" {
		c.Method = http.MethodPost
	}
	return new(http.CrossOriginProtection).Check(&c) != nil
}

// verify returns the user, or as cause why the data is refused, or our own failure. The
// signature is that of the text with its padding: without it, the text is another.
func (a *ALB) verify(ctx context.Context, data string) (u *ALBUser, cause, err error) {
	parts := strings.Split(data, ".")
	if len(parts) != 3 {
		return nil, errors.New("alb: not three segments"), nil
	}
	var h struct {
		Alg, Kid, Signer string
		Exp              int64
	}
	signature, bad := base64.URLEncoding.Strict().DecodeString(parts[2])
	if bad = errors.Join(bad, decode(parts[0], &h), decode(parts[1], &u)); bad != nil || len(signature) != 64 {
		return nil, errors.Join(errors.New("alb: malformed"), bad), nil
	}
	if h.Alg != "ES256" || h.Signer != a.ARN || u == nil || u.Subject == "" {
		return nil, errors.New("alb: of another algorithm or load balancer, or without sub"), nil
	}
	key, found, err := a.Keys.Get(ctx, h.Kid)
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	switch {
	case err != nil:
		return nil, nil, err
	case !found || !ecdsa.Verify(key, digest[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])):
		return nil, errors.New("alb: the signature does not verify"), nil
	case time.Now().Unix() >= h.Exp:
		return nil, errors.New("alb: exp is past"), nil
	}
	return u, nil, nil
}

func decode(segment string, v any) error {
	text, err := base64.URLEncoding.Strict().DecodeString(segment)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, v)
}

// ALBKeys fetches the keys of the load balancers of a region, one a second at most, and
// keeps those it found, of which there are few.
type ALBKeys struct {
	URL    string // https://public-keys.auth.elb.eu-west-1.amazonaws.com/
	Client *http.Client

	mu   sync.Mutex
	keys map[string]*ecdsa.PublicKey
	last time.Time
}

var keyID = regexp.MustCompile(`^[0-9a-f-]{36}$`) // it becomes a part of the URL

// Get returns the key of that ID. An unknown one is not an error: found is false.
func (k *ALBKeys) Get(ctx context.Context, id string) (key *ecdsa.PublicKey, found bool, err error) {
	if !keyID.MatchString(id) {
		return nil, false, nil
	}
	key, wait := k.cached(id)
	switch {
	case key != nil:
		return key, true, nil
	case wait:
		return nil, false, guard.Unavailable(errors.New("alb: another key was fetched a moment ago"))
	}
	key, err = k.fetch(ctx, id)
	if err != nil || key == nil {
		return nil, false, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.keys == nil {
		k.keys = map[string]*ecdsa.PublicKey{}
	}
	k.keys[id] = key
	return key, true, nil
}

// cached returns the key of that ID if there is one, or else whether a fetch must wait.
func (k *ALBKeys) cached(id string) (key *ecdsa.PublicKey, wait bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	key, now := k.keys[id], time.Now()
	if wait = now.Sub(k.last) < time.Second; key == nil && !wait {
		k.last = now
	}
	return key, wait
}

// fetch returns nil for a key that AWS does not have.
func (k *ALBKeys) fetch(ctx context.Context, id string) (*ecdsa.PublicKey, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, k.URL+id, nil)
	if err != nil {
		return nil, err
	}
	resp, err := k.Client.Do(r)
	if err != nil {
		return nil, guard.Unavailable(err)
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusNotFound, http.StatusForbidden:
		return nil, nil
	case http.StatusOK:
	default:
		return nil, guard.Unavailable(fmt.Errorf("alb: keys: status %d", resp.StatusCode))
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	if err != nil {
		return nil, guard.Unavailable(err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("alb: keys: not PEM")
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if public, ok := key.(*ecdsa.PublicKey); ok {
		return public, nil
	}
	return nil, errors.Join(errors.New("alb: keys: not an ECDSA key"), err)
}
