package interop_test

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"github.com/go-guard/guard/signin/passkey/passkeytest"
)

// TestPasskeysPage runs the program of docs/passkeys.md without a browser.
func TestPasskeysPage(t *testing.T) {
	s := buildPage(t, "../docs/passkeys.md")
	s.start(t, 0, "127.0.0.1:8080")
	base := s.env["PUBLIC_URL"]
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar}
	post := func(path, contentType, body string) (status int, answer, at string) {
		t.Helper()
		res, err := client.Post(base+path, contentType, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(b), res.Request.URL.RequestURI()
	}
	form := url.Values{"email": {"alice@example.com"}, "password": {"correct horse"}}.Encode()
	if status, answer, at := post("/login", "application/x-www-form-urlencoded", form); status != 200 || at != "/" || !strings.Contains(answer, "[pwd]") {
		t.Fatalf("login: %d %s %s", status, at, answer)
	}
	device := passkeytest.NewAuthenticator("http://localhost:8080")
	_, options, _ := post("/passkey/register/options", "application/json", "")
	credential, err := device.Create([]byte(options))
	if err != nil {
		t.Fatal(err, options)
	}
	if status, answer, _ := post("/passkey/register", "application/json", string(credential)); status != 200 {
		t.Fatalf("register: %d %s", status, answer)
	}
	if _, _, at := post("/logout", "application/json", ""); at != "/login" {
		t.Errorf("logout: %s", at)
	}
	_, options, _ = post("/passkey/login/options", "application/json", "")
	if credential, err = device.Get([]byte(options)); err != nil {
		t.Fatal(err)
	}
	if status, answer, at := post("/passkey/login", "application/json", string(credential)); status != 200 || at != "/" || !strings.Contains(answer, "[hwk]") || !strings.Contains(answer, "Passkey") {
		t.Errorf("login: %d %s %s", status, at, answer)
	}
	for next, want := range map[string]string{"/?shown=1": "/?shown=1", "//evil.example.com": "/", "javascript:alert(1)": "/"} {
		_, options, _ = post("/passkey/login/options", "application/json", "")
		if credential, err = device.Get([]byte(options)); err != nil {
			t.Fatal(err)
		}
		if status, _, at := post("/passkey/login?next="+url.QueryEscape(next), "application/json", string(credential)); status != 200 || at != want {
			t.Errorf("login with next %s: %d %s", next, status, at)
		}
	}
	if status, answer, _ := post("/passkey/login", "application/json", string(credential)); status != 401 {
		t.Errorf("replay: %d %s", status, answer)
	}
}
