package main_test

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard/internal/testing/harness"
)

// smtpSink accepts mail (RFC 5321), and returns what it got: the envelope and the text.
func smtpSink(t *testing.T) (url string, mails <-chan string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	got := make(chan string, 100)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go receive(conn, got)
		}
	}()
	return "MAIL_URL=smtp://" + listener.Addr().String(), got
}

func receive(conn net.Conn, mails chan<- string) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	var mail strings.Builder
	fmt.Fprint(conn, "220 sink\r\n")
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		switch verb := strings.ToUpper(strings.Fields(line + " .")[0]); verb {
		case "QUIT":
			fmt.Fprint(conn, "221 bye\r\n")
			return
		case "DATA":
			fmt.Fprint(conn, "354 go on\r\n")
			for line != ".\r\n" {
				if line, err = in.ReadString('\n'); err != nil {
					return
				}
				mail.WriteString(line)
			}
			mails <- mail.String()
		case "MAIL", "RCPT":
			mail.WriteString(line)
		}
		fmt.Fprint(conn, "250 ok\r\n")
	}
}

// TestMail: mails go to the server of MAIL_URL, and not to the log.
func TestMail(t *testing.T) {
	t.Parallel()
	server, mails := smtpSink(t)
	p := start(t, server, "PUBLIC_URL=https://app.example")
	row{status: 202, body: onItsWay}.check(t, newPerson().post(t, p, "/link/reset", map[string]string{"email": "alice@example.com"}))
	next := func() string {
		select {
		case mail := <-mails:
			return mail
		case <-time.After(harness.Patience):
			t.Fatalf("no mail: %s", p.logs())
			return ""
		}
	}
	mail := next()
	for _, want := range []string{
		"MAIL FROM:<no-reply@app.example>", "RCPT TO:<alice@example.com>", "\r\nFrom: no-reply@app.example\r\nTo: <alice@example.com>\r\nSubject: Choose a new password\r\nDate: ",
		"\r\nMessage-ID: <", "\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n", "\r\n\r\nhttps://app.example/link/reset?token=",
	} {
		if !strings.Contains(mail, want) {
			t.Errorf("the mail lacks %q:\n%s", want, mail)
		}
	}
	_, token, _ := strings.Cut(mail, "token=")
	token, _, _ = strings.Cut(token, "\r\n")
	row{status: 200, body: changed}.check(t, p.send(t, reset(token, "battery staple")))
	if mail := next(); !strings.Contains(mail, "RCPT TO:<alice@example.com>") || !strings.Contains(mail, "Your password was changed.") {
		t.Errorf("the mail about the change: %s", mail)
	}
	if strings.Contains(p.logs(), token) || strings.Contains(p.logs(), "mail to") {
		t.Errorf("the log has the mail: %s", p.logs())
	}
}

// TestMailIsDown: a server of mails that is down changes no answer, and is logged.
func TestMailIsDown(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := listener.Addr().String()
	listener.Close()
	p := start(t, "MAIL_URL=smtp://"+addr)
	for _, email := range []string{"alice@example.com", "mallory@example.com"} {
		row{status: 202, body: onItsWay}.check(t, newPerson().post(t, p, "/link/reset", map[string]string{"email": email}))
	}
	p.stop(t)
	if n := strings.Count(p.logs(), "a mail was not sent"); n != 1 || strings.Contains(p.logs(), "token=") {
		t.Errorf("%d lines about it: %s", n, p.logs())
	}
}
