// Tests that drive the built program over TCP, as its users do.
package main_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/internal/testing/race"
)

// secret is what every server of these tests signs with.
const secret = "0123456789abcdef0123456789abcdef"

var binary string

func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "oathtool" { // in place of Debian's: oathtool --totp -b SECRET
		fmt.Println(codeAt(os.Args[len(os.Args)-1], 0))
		return
	}
	os.Exit(testMain(m))
}

func testMain(m *testing.M) int {
	dir, err := os.MkdirTemp("", "guard-example")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "example")
	if err := build(binary, ".", "-tags", "sql"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// build compiles the program of a folder, with the race detector if the tests have
// it.
func build(path, folder string, flags ...string) error {
	args := append([]string{"build", "-o", path}, flags...)
	if race.Enabled {
		args = append(args, "-race")
	}
	if out, err := exec.Command("go", append(args, folder)...).CombinedOutput(); err != nil {
		return fmt.Errorf("go build %s: %w\n%s", folder, err, out)
	}
	return nil
}

// A process is a run of the example.
type process struct {
	url    string
	shares bool // a store of another process
	cmd    *exec.Cmd
	exited chan error
	mu     sync.Mutex
	stderr bytes.Buffer
}

func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stderr.Write(b)
}

func (p *process) logs() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stderr.String()
}

// launch starts the program with this environment and these arguments alone.
func launch(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(binary, args...), exited: make(chan error, 1)}
	p.cmd.Env = append(env, "HOME="+os.Getenv("HOME"))
	p.cmd.Stderr = p
	p.shares = strings.Contains(strings.Join(env, "\n"), "_URL=redis:") || strings.Contains(strings.Join(env, "\n"), "DATABASE_URL=")
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	first := make(chan string, 1)
	go func() {
		lines := bufio.NewReader(stdout)
		line, _ := lines.ReadString('\n')
		first <- line
		_, _ = io.Copy(io.Discard, lines)
		p.exited <- p.cmd.Wait()
	}()
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	select {
	case line := <-first:
		p.url, _ = strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	case <-time.After(harness.Patience):
		t.Fatalf("the example does not say where it listens\n%s", p.logs())
	}
	return p
}

// start runs a server for one test, in the mode that the guide's table is of.
func start(t *testing.T, env ...string) *process {
	t.Helper()
	p := launch(t, append(env, "JWT_SECRET_KEY="+secret), "-dev", "-addr", "127.0.0.1:0")
	if !strings.HasPrefix(p.url, "http://127.0.0.1:") {
		t.Fatalf("listening on %q\n%s", p.url, p.logs())
	}
	t.Cleanup(func() {
		logs := p.logs()
		for _, leak := range []string{"\"secret\"", secret, "key_12345", "valid_token_123"} {
			if strings.Contains(logs, leak) {
				t.Errorf("the log holds %q:\n%s", leak, logs)
			}
		}
		if panics.MatchString(logs) {
			t.Errorf("the log holds a panic:\n%s", logs)
		}
	})
	return p
}

func (p *process) stop(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	p.ends(t)
}

// ends waits for the end after SIGTERM, which is no failure.
func (p *process) ends(t *testing.T) {
	t.Helper()
	select {
	case err := <-p.exited:
		if err != nil {
			t.Errorf("after SIGTERM: %v\n%s", err, p.logs())
		}
	case <-time.After(harness.Patience):
		t.Error("still running after SIGTERM")
	}
}

// A call is a request.
type call struct {
	do     string   // "GET /jwt/profile"
	header []string // "X-API-Key: key_12345"
	body   string
	from   int    // sent from 127.0.0.from; 0 is 1
	host   string // in place of the address
}

type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) String() string { return fmt.Sprintf("%d %s\n%v", a.status, a.body, a.header) }

var clients sync.Map // by source address

func clientFrom(n int) *http.Client {
	n = max(n, 1)
	c, _ := clients.LoadOrStore(n, &http.Client{
		Timeout:       harness.Patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(n))}}
			return d.DialContext(ctx, network, addr)
		}},
	})
	return c.(*http.Client)
}

// storeTimeout is how long the program waits for a shared store, at least.
const storeTimeout = 250 * time.Millisecond

// send sends c and checks what holds for every answer. Where a shared store stalls, the
// program is right to answer 503 after a timeout: then c is sent again. A 503 that comes
// sooner has another cause.
func (p *process) send(t *testing.T, c call) (a answer) {
	t.Helper()
	return p.sendEach(t, func() call { return c })
}

// sendEach is send of what can be sent one time, such as a proof: again with another.
func (p *process) sendEach(t *testing.T, next func() call) (a answer) {
	t.Helper()
	for range 5 {
		began := time.Now()
		if a = p.sendOnce(t, next()); a.status != 503 || !p.shares || time.Since(began) < storeTimeout {
			break
		}
	}
	return a
}

// sendOnce is send without a second try.
func (p *process) sendOnce(t *testing.T, c call) answer {
	t.Helper()
	method, path, _ := strings.Cut(c.do, " ")
	var body io.Reader
	if c.body != "" {
		body = strings.NewReader(c.body)
	}
	r, err := http.NewRequest(method, p.url+path, body)
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasPrefix(c.body, "{") {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, h := range c.header {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Add(name, value)
	}
	if c.host != "" {
		r.Host = c.host
	}
	res, err := clientFrom(c.from).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{res.StatusCode, res.Header, string(b)}
	invariants(t, c, a)
	return a
}

// invariants are the guide's promises about answers of any route.
func invariants(t *testing.T, c call, a answer) {
	t.Helper()
	fail := func(text string) {
		t.Helper()
		t.Errorf("%s: %s: %v", c.do, text, a)
	}
	if a.status == 401 && a.header.Get("WWW-Authenticate") == "" {
		fail("a 401 without WWW-Authenticate")
	}
	if after, err := strconv.Atoi(a.header.Get("Retry-After")); a.status == 429 && (err != nil || after < 1) {
		fail("a 429 without a true Retry-After")
	}
	if a.status >= 400 && a.header.Get("Cache-Control") != "no-store" && !strings.HasPrefix(a.header.Get("Content-Type"), "text/plain") {
		fail("a refusal that may be cached")
	}
	if a.status >= 400 && (jwts.MatchString(a.body) || strings.Contains(a.body, "goroutine")) {
		fail("a refusal that tells too much")
	}
	if a.status == 204 && a.body != "" {
		fail("a 204 with a body")
	}
	if strings.HasPrefix(a.body, "{") && a.header.Get("Content-Type") != "application/json" {
		fail("JSON of another type")
	}
	if a.header.Get("Set-Cookie") != "" && a.header.Get("Cache-Control") != "no-store" {
		fail("a cookie in an answer that may be cached")
	}
}

// What no log or refusal holds. A random token may contain "panic" or "eyJ", but no whole
// beginning of a word or of a header, and no payload behind a dot.
var (
	panics = regexp.MustCompile(`\bpanic`)
	jwts   = regexp.MustCompile(`\.eyJ|eyJ(hbGci|0eXAi|raWQi)`) // {"alg", {"typ", {"kid"
)

// A row is a row of the guide's table.
type row struct {
	name   string
	call   call
	status int
	body   string   // exact, or a regular expression after "~"; "" is any
	header []string // "Retry-After: 5", "Vary: ~Authorization"; "Set-Cookie:" is none
}

func (p *process) rows(t *testing.T, rows []row) {
	for _, tt := range rows {
		t.Run(tt.name, func(t *testing.T) {
			t.Helper()
			tt.check(t, p.send(t, tt.call))
		})
	}
}

func (tt row) check(t *testing.T, a answer) {
	t.Helper()
	if a.status != tt.status {
		t.Errorf("%s: status %d, want %d: %v", tt.call.do, a.status, tt.status, a)
	}
	if tt.body != "" && !matches(a.body, tt.body) {
		t.Errorf("%s: body %s, want %s", tt.call.do, a.body, tt.body)
	}
	for _, h := range tt.header {
		name, want, _ := strings.Cut(h, ":")
		if got := strings.Join(a.header.Values(name), " | "); !matches(got, strings.TrimSpace(want)) {
			t.Errorf("%s: %s is %q, want %q", tt.call.do, name, got, want)
		}
	}
}

func matches(got, want string) bool {
	if re, ok := strings.CutPrefix(want, "~"); ok {
		return regexp.MustCompile(re).MatchString(got)
	}
	return got == want
}

// e is the body E401(M), E403(M) and so on of the guide; M may be any.
func e(status int, message string) string {
	if message == "" {
		return `~^\{"error":"` + http.StatusText(status) + `","message":"[^"]+"\}$`
	}
	b, _ := json.Marshal(message)
	return fmt.Sprintf(`{"error":"%s","message":%s}`, http.StatusText(status), strings.ReplaceAll(string(b), `\u0026`, "&"))
}

func bearer(token string) []string { return []string{"Authorization: Bearer " + token} }

// sign is a token of our own making: HMAC-SHA256 under the header given.
func sign(key, header string, claims map[string]any) string {
	b, _ := json.Marshal(claims)
	enc := base64.RawURLEncoding
	input := enc.EncodeToString([]byte(header)) + "." + enc.EncodeToString(b)
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(input))
	return input + "." + enc.EncodeToString(mac.Sum(nil))
}

const hs256 = `{"alg":"HS256","typ":"JWT"}`

// claims are those of a good token of the prefix with this issuer, changed;
// a nil takes a claim away.
func claims(issuer string, change map[string]any) map[string]any {
	now := time.Now().Unix()
	c := map[string]any{
		"sub": "1", "email": "alice@example.com", "role": "admin", "type": "access",
		"iss": issuer, "iat": now, "exp": now + 600,
	}
	for k, v := range change {
		if c[k] = v; v == nil {
			delete(c, k)
		}
	}
	return c
}

func payload(t *testing.T, token string) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("%q is no JWT", token)
	}
	b, err := base64.RawURLEncoding.DecodeString(parts[1])
	var c map[string]any
	if err == nil {
		err = json.Unmarshal(b, &c)
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func credentials(email, password string) string {
	b, _ := json.Marshal(map[string]string{"email": email, "password": password})
	return string(b)
}

var (
	alice = credentials("alice@example.com", "secret")
	bob   = credentials("bob@example.com", "secret")
	carol = credentials("carol@example.com", "secret")
)

// tokens is what a login or a refresh answers.
type tokens struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
	Type    string `json:"token_type"`
	Expires int    `json:"expires_in"`
}

func (p *process) login(t *testing.T, path, body string) tokens {
	t.Helper()
	return p.tokens(t, call{do: "POST " + path, body: body})
}

func (p *process) tokens(t *testing.T, c call) (tk tokens) {
	t.Helper()
	a := p.send(t, c)
	if a.status != 200 {
		t.Fatalf("%s: %v", c.do, a)
	}
	if err := json.Unmarshal([]byte(a.body), &tk); err != nil {
		t.Fatal(err)
	}
	if tk.Type != "bearer" || tk.Access == "" || a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("%s: %v", c.do, a)
	}
	return tk
}
