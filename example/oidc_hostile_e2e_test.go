package main_test

import (
	"bufio"
	"encoding/json"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/internal/testing/hostiletoken"
)

// TestHostileTokensOfAnIssuer: the tokens of package jwtauth's test, over TCP,
// with the keys by discovery; and what the log says of each.
func TestHostileTokensOfAnIssuer(t *testing.T) {
	t.Parallel()
	k, err := hostiletoken.NewKeys()
	if err != nil {
		t.Fatal(err)
	}
	jwks, err := k.JWKS()
	if err != nil {
		t.Fatal(err)
	}
	as := newIssuer(t)
	as.jwks.Store(json.RawMessage(jwks))
	list, err := hostiletoken.Table(k, as.URL, "api", time.Now().Unix())
	if err != nil {
		t.Fatal(err)
	}
	p := start(t, "OIDC_ISSUER="+as.URL, "OIDC_AUDIENCE=api")
	good := row{status: 200, body: `{"subject":"1","issuer":"` + as.URL + `","scopes":[]}`, header: []string{"WWW-Authenticate:"}}
	names := map[string]bool{}
	var logged []hostiletoken.Token // one line each, in this order
	refused := 0
	for _, tt := range list {
		if names[tt.Name] {
			t.Fatalf("%q stands twice", tt.Name)
		}
		names[tt.Name] = true
		if tt.Raw() {
			switch status := p.sendRaw(t, tt.Token); status {
			case 401:
				logged = append(logged, tt)
			case 400: // by net/http, before any handler
			default:
				t.Errorf("%s: status %d", tt.Name, status)
			}
			continue
		}
		logged = append(logged, tt)
		want := good
		if !tt.Control() {
			refused++
			want = row{status: 401, body: e(401, tt.Message), header: []string{`WWW-Authenticate: Bearer error="invalid_token"`}}
		}
		want.name, want.call = tt.Name, call{do: "GET /oidc/profile", header: bearer(tt.Token)}
		p.rows(t, []row{want})
	}
	if refused < 80 {
		t.Errorf("only %d tokens are refused", refused)
	}
	p.stop(t) // then the log is whole
	lines := regexp.MustCompile(`(?m)^.*path=/oidc/profile.*$`).FindAllString(p.logs(), -1)
	if len(lines) != len(logged) {
		t.Fatalf("%d lines in the log, want %d\n%s", len(lines), len(logged), p.logs())
	}
	for i, tt := range logged {
		_, reason, _ := strings.Cut(lines[i], " reason=")
		if text, err := strconv.Unquote(reason); err == nil {
			reason = text
		}
		if reason != tt.Reason {
			t.Errorf("%s: the log says %q, want %q", tt.Name, reason, tt.Reason)
		}
	}
}

// sendRaw sends a token that net/http's client does not.
func (p *process) sendRaw(t *testing.T, token string) int {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(harness.Patience))
	if _, err := conn.Write([]byte("GET /oidc/profile HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + token + "\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	return res.StatusCode
}
