package main_test

import (
	"bufio"
	"encoding/json"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// A received mail is what smtp.mjs read: the envelope, and the parsed message.
type received struct {
	Sender             string
	Recipients, Fields []string
	From, To           string
	Subject, Text      string
}

// TestMailOfAServer: npm's smtp-server accepts what is sent, and its parser reads it.
func TestMailOfAServer(t *testing.T) {
	t.Parallel()
	installed(t)
	server := exec.Command("node", "smtp.mjs")
	server.Dir, server.Stderr = "testdata/node", os.Stderr
	in, err := server.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close() // ends it
		_ = server.Wait()
	})
	lines := bufio.NewScanner(out)
	next := func() string {
		t.Helper()
		if !lines.Scan() {
			t.Fatalf("the server ended: %v", lines.Err())
		}
		return lines.Text()
	}
	p := start(t, "MAIL_URL=smtp://127.0.0.1:"+next(), "PUBLIC_URL=https://app.example")
	for _, tt := range []struct {
		name        string
		do          call
		to, subject string
		link        string
	}{
		{"a reset", call{do: "POST /link/reset", body: `{"email":"alice@example.com"}`}, "alice@example.com", "Choose a new password", "https://app.example/link/reset?token="},
		{"a sign-in", call{do: "POST /link/login", body: `{"email":"bob@example.com"}`}, "bob@example.com", "Sign in", "https://app.example/link/login?token="},
		{"a sign-up", form("POST /app/signup", url.Values{"email": {"o'brien+tag@sub.example.com"}}), "o'brien+tag@sub.example.com", "Confirm your address", "https://app.example/app/signup?token="},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if a := p.send(t, tt.do); a.status >= 400 {
				t.Fatalf("%v", a)
			}
			var mail received
			if err := json.Unmarshal([]byte(next()), &mail); err != nil {
				t.Fatal(err)
			}
			if mail.Sender != "no-reply@app.example" || mail.From != mail.Sender || mail.To != tt.to || mail.Subject != tt.subject || !slices.Equal(mail.Recipients, []string{tt.to}) {
				t.Errorf("%+v", mail)
			}
			last := mail.Text[strings.LastIndex(strings.TrimSpace(mail.Text), "\n")+1:]
			if !strings.HasPrefix(last, tt.link) {
				t.Errorf("the link: %q", last)
			}
			for _, name := range []string{"auto-submitted", "date", "message-id", "mime-version"} {
				if !slices.Contains(mail.Fields, name) {
					t.Errorf("no field %s: %q", name, mail.Fields)
				}
			}
		})
	}
}
