package main_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-guard/guard/internal/testing/harness"
)

func TestSettings(t *testing.T) {
	good := "JWT_SECRET_KEY=" + secret
	for _, tt := range []struct {
		name string
		env  []string
		args []string
		want string // in the one line
	}{
		{"no key", nil, nil, "JWT_SECRET_KEY environment variable not set"},
		{"empty key", []string{"JWT_SECRET_KEY="}, nil, "JWT_SECRET_KEY environment variable not set"},
		{"short key", []string{"JWT_SECRET_KEY=" + secret[:31]}, nil, "32 bytes"},
		{"short key in dev", []string{"JWT_SECRET_KEY=short"}, []string{"-dev"}, "32 bytes"},
		{"address without port", []string{good}, []string{"-addr", "localhost"}, "-addr"},
		{"address with a bad port", []string{good}, []string{"-addr", "127.0.0.1:99999"}, "-addr"},
		{"bad ADDR", []string{good, "ADDR=nonsense"}, nil, "ADDR"},
		{"bad proxies", []string{good, "TRUSTED_PROXIES=10.0.0.0/8,nonsense"}, nil, `TRUSTED_PROXIES: "nonsense"`},
		{"bad prefix", []string{good, "TRUSTED_PROXIES=10.0.0.0/33"}, nil, "TRUSTED_PROXIES"},
		{"everybody a proxy", []string{good, "TRUSTED_PROXIES=10.0.0.1, 0.0.0.0/0"}, nil, `TRUSTED_PROXIES: "0.0.0.0/0"`},
		{"everybody a proxy, mapped", []string{good, "TRUSTED_PROXIES=::ffff:0.0.0.0/96"}, nil, "TRUSTED_PROXIES"},
		{"empty proxy", []string{good, "TRUSTED_PROXIES=,"}, nil, "TRUSTED_PROXIES"},
		{"unknown flag", []string{good}, []string{"-nonsense"}, "-nonsense"},
		{"an argument", []string{good}, []string{"serve"}, `"serve"`},
		{"Redis", []string{good, "REDIS_URL=http://127.0.0.1:6379"}, nil, "REDIS_URL"},
		{"no Redis", []string{good, "REDIS_URL=redis://:hush@127.0.0.1:1"}, nil, "REDIS_URL"},
		{"no database", []string{good, "DATABASE_URL=postgres://u:hush@127.0.0.1:1/x"}, nil, "DATABASE_URL"},
		{"no database's directory", []string{good, "DATABASE_URL=sqlite:/nowhere/x.db"}, nil, "DATABASE_URL"},
		{"another database", []string{good, "DATABASE_URL=oracle://x"}, nil, "none of postgres, mysql and sqlite"},
		{"limits elsewhere", []string{good, "RATE_LIMITS=redis"}, nil, `RATE_LIMITS: "redis"`},
		{"limits in no database", []string{good, "RATE_LIMITS=database"}, nil, "RATE_LIMITS: DATABASE_URL is not set"},
		{"an audience alone", []string{good, "OIDC_AUDIENCE=api"}, nil, "OIDC_ISSUER is not set"},
		{"an issuer alone", []string{good, "OIDC_ISSUER=https://issuer.example"}, nil, "OIDC_AUDIENCE is not set"},
		{"an issuer by http", []string{good, "OIDC_ISSUER=http://issuer.example", "OIDC_AUDIENCE=api"}, nil, "OIDC_ISSUER: "},
		{"a refetch alone", []string{good, "OIDC_REFETCH=1s"}, nil, "OIDC_REFETCH is set, but neither OIDC_ISSUER nor OAUTH_ISSUER is"},
		{"a provider without a client", []string{good, "OAUTH_ISSUER=https://issuer.example"}, nil, "OAUTH_CLIENT_ID is not set"},
		{"a client without a provider", []string{good, "OAUTH_CLIENT_ID=x"}, nil, "OAUTH_ISSUER is not set"},
		{"a client's secret alone", []string{good, "OAUTH_CLIENT_SECRET=hush"}, nil, "OAUTH_ISSUER is not set"},
		{"both kinds of provider", []string{good, "OAUTH_ISSUER=https://issuer.example", "OAUTH_CLIENT_ID=x", "OAUTH_TOKEN_URL=https://issuer.example/token"}, nil, "a provider has one kind"},
		{"endpoints in part", []string{good, "OAUTH_CLIENT_ID=x", "OAUTH_AUTHORIZE_URL=https://x.example/a", "OAUTH_TOKEN_URL=https://x.example/t"}, nil, "OAUTH_USERINFO_URL: one is not set"},
		{"endpoints without a client", []string{good, "OAUTH_AUTHORIZE_URL=https://x.example/a", "OAUTH_TOKEN_URL=https://x.example/t", "OAUTH_USERINFO_URL=https://x.example/u"}, nil, "OAUTH_CLIENT_ID is not set"},
		{"a provider by http", []string{good, "OAUTH_ISSUER=http://issuer.example", "OAUTH_CLIENT_ID=x"}, []string{"-dev"}, "OAUTH_ISSUER, PUBLIC_URL: "},
		{"an endpoint by http", []string{good, "OAUTH_CLIENT_ID=x", "OAUTH_AUTHORIZE_URL=https://x.example/a", "OAUTH_TOKEN_URL=http://x.example/t", "OAUTH_USERINFO_URL=https://x.example/u"}, []string{"-dev"}, "Endpoints.Token"},
		{"a public URL by http", []string{good, "OAUTH_ISSUER=https://issuer.example", "OAUTH_CLIENT_ID=x", "PUBLIC_URL=http://app.example"}, []string{"-dev"}, `"http://app.example/oauth/callback" is not https`},
		{"http elsewhere without -dev", []string{good, "OAUTH_ISSUER=https://issuer.example", "OAUTH_CLIENT_ID=x", "SEAL_KEY=" + sealKey(1), "PUBLIC_URL=http://app.example"}, nil, "is not https"},
		{"another response mode", []string{good, "OAUTH_ISSUER=https://issuer.example", "OAUTH_CLIENT_ID=x", "OAUTH_RESPONSE_MODE=fragment"}, nil, "neither query nor form_post"},
		{"form_post by http", []string{good, "OAUTH_ISSUER=https://issuer.example", "OAUTH_CLIENT_ID=x", "OAUTH_RESPONSE_MODE=form_post"}, []string{"-dev"}, "FormPost"},
		{"a public URL with a path", []string{good, "PUBLIC_URL=https://app.example/app"}, nil, "PUBLIC_URL is not an origin"},
		{"a public URL with a slash", []string{good, "PUBLIC_URL=https://app.example/"}, nil, "PUBLIC_URL is not an origin"},
		{"a public URL with a query", []string{good, "PUBLIC_URL=https://app.example?x"}, nil, "PUBLIC_URL is not an origin"},
		{"a public URL with a fragment", []string{good, "PUBLIC_URL=https://app.example#x"}, nil, "PUBLIC_URL is not an origin"},
		{"a public URL with a password", []string{good, "PUBLIC_URL=https://u:hush@app.example"}, nil, "PUBLIC_URL is not an origin"},
		{"a public URL of no host", []string{good, "PUBLIC_URL=https://:443"}, nil, "PUBLIC_URL is not an origin"},
		{"a public URL of another scheme", []string{good, "PUBLIC_URL=ftp://app.example"}, nil, "PUBLIC_URL is not an origin"},
		{"a public host", []string{good, "PUBLIC_URL=app.example"}, nil, "PUBLIC_URL is not an origin"},
		{"mail by https", []string{good, "MAIL_URL=https://mail.example:25"}, nil, "MAIL_URL is not smtp://HOST:PORT"},
		{"mail without a port", []string{good, "MAIL_URL=smtp://mail.example"}, nil, "MAIL_URL is not smtp://HOST:PORT"},
		{"mail with a password", []string{good, "MAIL_URL=smtp://u:hush@mail.example:25"}, []string{"-dev"}, "MAIL_URL is not smtp://HOST:PORT"},
		{"mail with a path", []string{good, "MAIL_URL=smtp://mail.example:25/"}, nil, "MAIL_URL is not smtp://HOST:PORT"},
		{"a sealing key of zeros", []string{good, "SEAL_KEY=" + sealKey(1) + "," + strings.Repeat("A", 43) + "="}, nil, "SEAL_KEY: key 2 has zeros only"},
		{"a sealing key that is short", []string{good, "SEAL_KEY=aHVzaGh1c2g="}, nil, "SEAL_KEY: key 1 is not base64 of 32 bytes"},
		{"a sealing key that is no base64", []string{good, "SEAL_KEY=hush"}, nil, "SEAL_KEY: key 1"},
		{"a second sealing key that is empty", []string{good, "SEAL_KEY=" + sealKey(1) + ","}, nil, "SEAL_KEY: key 2"},
		{"a sealing key that is short in dev", []string{good, "SEAL_KEY=hush"}, []string{"-dev"}, "SEAL_KEY: key 1"},
		{"a certificate alone", []string{good, "TLS_CERT=cert.pem"}, nil, "TLS_CERT and TLS_KEY: one is not set"},
		{"a certificate's key alone", []string{good, "TLS_KEY=key.pem"}, []string{"-dev"}, "TLS_CERT and TLS_KEY: one is not set"},
		{"no certificate", []string{good, "TLS_CERT=/nowhere/cert.pem", "TLS_KEY=/nowhere/key.pem"}, nil, "TLS_CERT, TLS_KEY: "},
		{"no certificate in the file", []string{good, "TLS_CERT=go.mod", "TLS_KEY=go.mod"}, nil, "TLS_CERT, TLS_KEY: "},
		{"a device's period by http", []string{good, "DEVICE_EVERY=5m"}, nil, "DEVICE_EVERY is set, but TLS_CERT is not"},
		{"a device's period that is no duration", []string{good, "DEVICE_EVERY=5", "TLS_CERT=go.mod", "TLS_KEY=go.mod"}, nil, `DEVICE_EVERY: "5"`},
		{"no duration", []string{good, "OIDC_ISSUER=https://issuer.example", "OIDC_AUDIENCE=api", "OIDC_REFETCH=10"}, nil, "OIDC_REFETCH"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(binary, append([]string{"-addr", "127.0.0.1:0"}, tt.args...)...)
			cmd.Env = append([]string{}, tt.env...)
			if strings.HasPrefix(strings.Join(tt.env, " "), good+" ADDR=") {
				cmd.Args = cmd.Args[:1]
			}
			timeout := time.AfterFunc(harness.Patience, func() { _ = cmd.Process.Kill() })
			defer timeout.Stop()
			out, _ := cmd.CombinedOutput()
			if code := cmd.ProcessState.ExitCode(); code != 1 {
				t.Errorf("exit code %d, want 1", code)
			}
			if text := string(out); strings.Count(text, "\n") != 1 || !strings.Contains(text, tt.want) {
				t.Errorf("output %q, want one line with %q", text, tt.want)
			}
			for _, hidden := range []string{secret, "hush", "aHVzaGh1c2g=", sealKey(1)} {
				if strings.Contains(string(out), hidden) {
					t.Errorf("%q is shown", hidden)
				}
			}
		})
	}
}

// TestDatabaseNeedsTheTag: a program without the build tag sql answers DATABASE_URL
// with the command to use, and never with stores in memory.
func TestDatabaseNeedsTheTag(t *testing.T) {
	t.Parallel()
	for folder, run := range map[string]struct {
		args []string
		want string
	}{
		".":        {[]string{"-dev", "-addr", "127.0.0.1:0"}, "go run -tags sql ./example\n"},
		"./apikey": {[]string{"list", "-subject", "1"}, "go run -tags sql ./example/apikey\n"},
	} {
		t.Run(folder, func(t *testing.T) {
			t.Parallel()
			program := filepath.Join(t.TempDir(), "program")
			if err := build(program, folder); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(program, run.args...)
			cmd.Env = []string{"JWT_SECRET_KEY=" + secret, "DATABASE_URL=postgres://u:hush@127.0.0.1:1/x"}
			timeout := time.AfterFunc(harness.Patience, func() { _ = cmd.Process.Kill() })
			defer timeout.Stop()
			out, _ := cmd.CombinedOutput()
			if code := cmd.ProcessState.ExitCode(); code != 1 {
				t.Errorf("exit code %d, want 1", code)
			}
			text := string(out)
			if strings.Count(text, "\n") != 1 || !strings.Contains(text, "DATABASE_URL") || !strings.HasSuffix(text, run.want) {
				t.Errorf("output %q, want one line about DATABASE_URL that ends in %q", text, run.want)
			}
			if strings.Contains(text, "hush") {
				t.Error("the password is shown")
			}
		})
	}
}

func TestDevWithoutKey(t *testing.T) {
	t.Parallel()
	p := launch(t, nil, "-dev", "-addr", "127.0.0.1:0")
	if !strings.Contains(p.logs(), "JWT_SECRET_KEY") {
		t.Errorf("nothing about the random key on stderr: %s", p.logs())
	}
	token := p.login(t, "/jwt/login", alice).Access
	row{status: 200}.check(t, p.send(t, call{do: "GET /jwt/profile", header: bearer(token)}))
	other := launch(t, nil, "-dev", "-addr", "127.0.0.1:0")
	row{status: 401, body: e(401, "Invalid token")}.check(t, other.send(t, call{do: "GET /jwt/profile", header: bearer(token)}))
}

func TestAddrFromEnvironment(t *testing.T) {
	t.Parallel()
	p := launch(t, []string{"ADDR=127.0.0.1:0", "JWT_SECRET_KEY=" + secret})
	row{status: 401}.check(t, p.send(t, call{do: "GET /jwt/profile"}))
}

// TestStop: a request that is under way when SIGTERM comes is answered.
func TestStop(t *testing.T) {
	t.Parallel()
	p := start(t)
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /jwt/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", len(alice))
	in := bufio.NewReader(conn)
	if line, err := in.ReadString('\n'); err != nil || !strings.Contains(line, "100") { // the handler reads
		t.Fatal(line, err)
	}
	_, _ = in.ReadString('\n')
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for { // until it listens no more
		c, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
		if err != nil {
			break
		}
		c.Close()
	}
	fmt.Fprint(conn, alice)
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != 200 {
		t.Errorf("status %d", res.StatusCode)
	}
	p.ends(t)
}

func TestRequestLog(t *testing.T) {
	t.Parallel()
	p := start(t)
	p.send(t, call{do: "GET /jwt/profile?token=hidden", header: bearer("garbage")})
	p.send(t, call{do: "GET /apikey/protected", header: []string{"X-API-Key: key_67890"}})
	p.stop(t)
	logs := p.logs()
	for _, want := range []string{"/jwt/profile", "401", "/apikey/protected", "200"} {
		if !strings.Contains(logs, want) {
			t.Errorf("the log lacks %q:\n%s", want, logs)
		}
	}
	for _, leak := range []string{"hidden", "garbage", "key_67890"} {
		if strings.Contains(logs, leak) {
			t.Errorf("the log holds %q:\n%s", leak, logs)
		}
	}
}
