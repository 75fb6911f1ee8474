package main_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-guard/guard/internal/testing/harness"
)

// A mailbox has what an smtpSink got.
type mailbox struct {
	mu    sync.Mutex
	mails []string
}

func newMailbox(mails <-chan string) *mailbox {
	b := &mailbox{}
	go func() {
		for mail := range mails {
			b.mu.Lock()
			b.mails = append(b.mails, mail)
			b.mu.Unlock()
		}
	}()
	return b
}

var mailedURL = regexp.MustCompile(`(?m)^(https?://\S+)\r$`)

// all are the mails to an address.
func (b *mailbox) all(to string) (mails []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, mail := range b.mails {
		if strings.Contains(mail, "RCPT TO:<"+to+">") {
			mails = append(mails, mail)
		}
	}
	return mails
}

// links are the URLs with this path in the mails to an address.
func (b *mailbox) links(to, path string) (links []string) {
	for _, mail := range b.all(to) {
		for _, m := range mailedURL.FindAllStringSubmatch(mail, -1) {
			if strings.Contains(m[1], path+"?token=") {
				links = append(links, m[1])
			}
		}
	}
	return links
}

// ServeHTTP waits for a link, and answers with the newest.
func (b *mailbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for deadline := time.Now().Add(harness.Patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if links := b.links(r.FormValue("to"), r.FormValue("path")); len(links) > 0 {
			_, _ = io.WriteString(w, links[len(links)-1])
			return
		}
	}
	http.NotFound(w, r)
}

// TestAppInBrowser drives a real browser through the pages of /app: see app.mjs.
func TestAppInBrowser(t *testing.T) {
	t.Parallel()
	browserNeeded(t)
	server, mails := smtpSink(t)
	p := start(t, server)
	box := httptest.NewServer(newMailbox(mails))
	t.Cleanup(box.Close)
	drive(t, "app.mjs", map[string]string{"url": strings.Replace(p.url, "127.0.0.1", "localhost", 1), "mails": box.URL})
	p.stop(t)
	for _, leak := range []string{"token=", "correct horse"} {
		if strings.Contains(p.logs(), leak) {
			t.Errorf("the log has %q", leak)
		}
	}
}
