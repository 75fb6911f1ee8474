package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/smtp"
	"net/url"
	"strings"
	"sync"
	"time"
)

// A message is a mail to the owner of an account: a sentence, and a URL or none.
type message struct{ to, subject, text, url string }

// A mailer sends mail in the background, so that no answer takes longer for an address
// that has an account. A nil mailer sends none.
type mailer struct {
	server string // host:port of SMTP; if empty, each mail is a line of out
	from   string
	out    io.Writer
	log    *slog.Logger

	waiting chan struct{} // one for each mail that is not sent yet
	sending chan struct{} // one for each connection
	done    sync.WaitGroup
	mu      sync.Mutex // of out
}

const (
	maxWaiting = 1000
	maxSending = 4
	perMail    = 30 * time.Second
)

// errMails is a failure: the server of mails is too slow.
var errMails = errors.New("too many mails are waiting")

// readMailURL reads "smtp://HOST:PORT". Its error does not repeat the value, which may
// hold a password.
func readMailURL(value string) (server string, err error) {
	if value == "" {
		return "", nil
	}
	u, err := url.Parse(value)
	if err != nil || u.Scheme != "smtp" || u.Hostname() == "" || u.Port() == "" || "smtp://"+u.Host != value {
		return "", errors.New("MAIL_URL is not smtp://HOST:PORT")
	}
	return u.Host, nil
}

// newMailer returns nil if there is no MAIL_URL, except with -dev.
func newMailer(set settings, out io.Writer, log *slog.Logger) *mailer {
	if set.mailServer == "" && !set.dev {
		return nil
	}
	host := "localhost"
	if u, err := url.Parse(set.publicURL); err == nil {
		host = cmp.Or(u.Hostname(), host)
	}
	return &mailer{
		server: set.mailServer, from: "no-reply@" + host, out: out, log: log,
		waiting: make(chan struct{}, maxWaiting), sending: make(chan struct{}, maxSending),
	}
}

// later runs a function in the background, which returns the mail to send, or none.
func (m *mailer) later(f func(ctx context.Context) (m message, ok bool, err error)) error {
	select {
	case m.waiting <- struct{}{}:
	default:
		return errMails
	}
	m.done.Go(func() {
		defer func() { <-m.waiting }()
		m.sending <- struct{}{}
		defer func() { <-m.sending }()
		ctx, cancel := context.WithTimeout(context.Background(), perMail) // of no request: that has ended
		defer cancel()
		mail, ok, err := f(ctx)
		if err == nil && ok {
			err = m.send(ctx, mail)
		}
		if err != nil {
			m.log.Error("a mail was not sent", "error", err)
		}
	})
	return nil
}

// notify mails the owner of an account what happened to it. A failure is logged: what
// happened has happened.
func (m *mailer) notify(u User, text string) {
	if m == nil {
		return
	}
	err := m.later(func(context.Context) (message, bool, error) {
		return message{to: u.Email, subject: "Your account", text: text}, true, nil
	})
	if err != nil {
		m.log.Error("a mail was not sent", "error", err)
	}
}

// prints reports whether each mail is a line of out.
func (m *mailer) prints() bool { return m != nil && m.server == "" }

// wait returns when all mails are sent.
func (m *mailer) wait() {
	if m != nil {
		m.done.Wait()
	}
}

func (m *mailer) send(ctx context.Context, mail message) error {
	if m.server == "" {
		m.mu.Lock()
		defer m.mu.Unlock()
		_, err := fmt.Fprintf(m.out, "mail to %s: %s\n", mail.to, cmp.Or(mail.url, mail.text))
		return err
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", m.server)
	if err != nil {
		return err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return err
		}
	}
	host, _, _ := net.SplitHostPort(m.server)
	return m.deliver(conn, host, mail)
}

// deliver speaks SMTP (RFC 5321), with TLS where the server has it.
func (m *mailer) deliver(conn net.Conn, host string, mail message) error {
	client, err := smtp.NewClient(conn, host)
	if err != nil {
		return err
	}
	defer client.Close()
	if ok, _ := client.Extension("STARTTLS"); ok {
		if err := client.StartTLS(&tls.Config{ServerName: host}); err != nil {
			return err
		}
	}
	if err := client.Mail(m.from); err != nil {
		return err
	}
	if err := client.Rcpt(mail.to); err != nil { // refuses line breaks
		return err
	}
	body, err := client.Data()
	if err != nil {
		return err
	}
	if _, err := io.WriteString(body, m.format(mail)); err != nil {
		return err
	}
	if err := body.Close(); err != nil {
		return err
	}
	return client.Quit()
}

// format returns the message (RFC 5322).
func (m *mailer) format(mail message) string {
	_, domain, _ := strings.Cut(m.from, "@")
	lines := []string{
		"From: " + m.from,
		"To: <" + mail.to + ">",
		"Subject: " + mail.subject,
		"Date: " + time.Now().Format(time.RFC1123Z),
		"Message-ID: <" + rand.Text() + "@" + domain + ">",
		"Auto-Submitted: auto-generated", // RFC 3834: no one answers it
		"MIME-Version: 1.0",
		"Content-Type: text/plain; charset=utf-8",
		"",
		mail.text,
	}
	if mail.url != "" {
		lines = append(lines, "", mail.url)
	}
	return strings.Join(lines, "\r\n") + "\r\n"
}
