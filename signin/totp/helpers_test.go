package totp_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/clientip"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/signin/totp"
)

var key = guard.Secret("0123456789abcdef0123456789abcdef")

// An app is an application under test.
type app struct {
	*totp.Factors
	t         *testing.T
	clock     *harness.Clock
	store     totp.Store
	mu        sync.Mutex
	decisions []guard.Decision
	addresses int
}

func newApp(t *testing.T, opts totp.Options) *app {
	t.Helper()
	a := &app{t: t, clock: harness.NewClock(), store: guard.Must(totp.NewMemory(nil))}
	if opts.Now == nil {
		opts.Now = a.clock.Now
	}
	a.Factors = guard.Must(totp.New("Acme", key, a.store, clientip.Direct(), &opts))
	return a
}

// A result is how a request was answered.
type result struct {
	status   int
	code     string
	err      error
	reached  bool
	verified totp.Verified
	codes    []string
	header   http.Header
	body     string
}

// do calls f in a handler, from a new address.
func (a *app) do(f func(r *http.Request, out *result) error) (out result) {
	var refused guard.Error
	h := guard.OnError(func(w http.ResponseWriter, r *http.Request, e *guard.Error) { refused = *e; guard.JSON(w, r, e) })
	o := guard.Observe(func(_ *http.Request, d guard.Decision) {
		a.mu.Lock()
		a.decisions = append(a.decisions, d)
		a.mu.Unlock()
	})
	w := httptest.NewRecorder()
	r := httptest.NewRequest("POST", "/", nil)
	a.mu.Lock()
	a.addresses++
	r.RemoteAddr = fmt.Sprintf("10.%d.%d.%d:1", a.addresses>>16&255, a.addresses>>8&255, a.addresses&255)
	a.mu.Unlock()
	guard.Chain(o, h)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if out.err = f(r, &out); out.err != nil {
			guard.Refuse(w, r, out.err)
			return
		}
		out.reached = true
	})).ServeHTTP(w, r)
	out.status, out.code, out.header, out.body = w.Code, refused.Code, w.Header(), w.Body.String()
	return out
}

func (a *app) verify(subject, code string) result {
	return a.do(func(r *http.Request, out *result) (err error) {
		out.verified, err = a.Verify(r, subject, code)
		return err
	})
}

func (a *app) confirm(subject, code string) result {
	return a.do(func(r *http.Request, out *result) (err error) {
		out.codes, err = a.Confirm(r, subject, code)
		return err
	})
}

func (a *app) disable(subject, code string) result {
	return a.do(func(r *http.Request, _ *result) error { return a.Disable(r, subject, code) })
}

// want fails unless a request was answered so. The last decision has the subject and, for
// a refusal, the reason.
func (a *app) want(got result, status int, reason string) {
	a.t.Helper()
	if got.status != status || got.reached != (status == 200) {
		a.t.Errorf("status %d, reached %t: %v; want %d", got.status, got.reached, got.err, status)
	}
	d := a.last()
	if d.Status != status && status != 200 || d.Subject == "" || reason != "" && d.Reason != reason {
		a.t.Errorf("decision %+v, want status %d and %q", d, status, reason)
	}
	if status == 401 && (got.code != "code_invalid" || got.body != `{"error":"Unauthorized","message":"Invalid code"}` || got.header.Get("WWW-Authenticate") == "") {
		a.t.Errorf("code %q, %s, %v", got.code, got.body, got.header)
	}
}

func (a *app) last() guard.Decision {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.decisions) == 0 {
		return guard.Decision{}
	}
	return a.decisions[len(a.decisions)-1]
}

// A phone computes codes by itself.
type phone struct {
	secret string
	clock  *harness.Clock
}

// code returns the code of a step, relative to the current one.
func (p phone) code(step int64) string {
	secret, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(p.secret)
	if err != nil {
		panic(err)
	}
	mac := hmac.New(sha1.New, secret)
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(p.clock.Now().Unix()/30+step)))
	sum := mac.Sum(nil)
	v := binary.BigEndian.Uint32(sum[sum[19]&15:]) & 0x7fffffff
	return fmt.Sprintf("%06d", v%1_000_000)
}

// wrong returns a code of no step around now.
func (p phone) wrong() string {
	for n := 0; ; n++ {
		c := fmt.Sprintf("%06d", n)
		if c != p.code(-1) && c != p.code(0) && c != p.code(1) {
			return c
		}
	}
}

// distinct reports whether the codes around the next minutes differ. Of two random ones
// one in 10^6 is the other, and a test would take a wrong code for a right one.
func (p phone) distinct() bool {
	seen := map[string]bool{}
	for step := range int64(40) {
		seen[p.code(step-5)] = true
	}
	return len(seen) == 40
}

// enrolled returns an account's phone and recovery codes. The confirming step is an old one.
func (a *app) enrolled(subject string) (phone, []string) {
	a.t.Helper()
	p := phone{clock: a.clock}
	for p.secret == "" || !p.distinct() {
		p.secret = guard.Must(a.Enroll(context.Background(), subject, subject+"@example.com")).Secret()
	}
	got := a.confirm(subject, p.code(0))
	a.want(got, 200, "")
	a.clock.Advance(5 * time.Minute)
	return p, got.codes
}
