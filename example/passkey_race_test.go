package main

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/signin/passkey"
	"github.com/go-guard/guard/signin/passkey/passkeytest"
)

// A meanwhile is a Store that runs a function once, right after a call of one of its methods.
type meanwhile struct {
	passkey.Store
	after string
	run   func()
}

func (m *meanwhile) called(method string) {
	if run := m.run; method == m.after && run != nil {
		m.run = nil
		run()
	}
}

func (m *meanwhile) Add(ctx context.Context, c passkey.Credential) (bool, error) {
	added, err := m.Store.Add(ctx, c)
	m.called("Add")
	return added, err
}

func (m *meanwhile) Use(ctx context.Context, id string, u passkey.Use) (bool, error) {
	accepted, err := m.Store.Use(ctx, id, u)
	if accepted {
		m.called("Use")
	}
	return accepted, err
}

func (m *meanwhile) List(ctx context.Context, subject string) ([]passkey.Credential, error) {
	list, err := m.Store.List(ctx, subject)
	m.called("List")
	return list, err
}

// withStore returns a handler whose passkeys are in a meanwhile, and what returns its mails.
func withStore(t *testing.T) (h http.Handler, store *meanwhile, mails func() string) {
	t.Helper()
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	set := settings{dev: true, secret: []byte(strings.Repeat("s", 32)), seal: []guard.Secret{[]byte(strings.Repeat("k", 32))}, publicURL: passkeyOrigin}
	store = &meanwhile{Store: guard.Must(passkey.NewMemory(nil))}
	set.stores.Passkeys = store
	var out bytes.Buffer
	set.mails = newMailer(set, &out, log)
	h, err := newHandler(t.Context(), set, log)
	if err != nil {
		t.Fatal(err)
	}
	return h, store, func() string { set.mails.wait(); return out.String() }
}

// TestPasskeyRemovedMeanwhile: a sign-in that is under way does not survive the removal of its
// passkey, whenever that happens.
func TestPasskeyRemovedMeanwhile(t *testing.T) {
	for _, after := range []string{"Use", "List"} {
		h, store, _ := withStore(t)
		device := passkeytest.NewAuthenticator(passkeyOrigin)
		body, cookies := respond(t, h, "register", cookieOf(send(h, "POST /totp/login", alice)), device)
		registered := send(h, "POST /passkey/register", body, "Cookie", cookies)
		expect(t, "register", registered, 200, "")
		owner := signedInBy(t, h, device)
		for _, half := range []bool{false, true} {
			cookie := ""
			if half {
				cookie = cookieOf(send(h, "POST /totp/login", alice))
			}
			body, cookies = respond(t, h, "login", cookie, device)
			store.after, store.run = after, func() {
				expect(t, "remove", send(h, "DELETE /passkey/credentials/"+field(t, registered, "id"), "", "Cookie", owner), 200, "")
			}
			login := send(h, "POST /passkey/login", body, "Cookie", cookies)
			expect(t, "after "+after, login, 401, "")
			if sessionOf(login) != "" && sessionOf(login) != "session=" {
				t.Errorf("a session: %q", login.Header())
			}
			if store.run != nil {
				t.Errorf("%s was not called", after)
			}
			body, cookies = respond(t, h, "register", owner, device) // for the other one
			registered = send(h, "POST /passkey/register", body, "Cookie", cookies)
			expect(t, "register again", registered, 200, "")
			owner = signedInBy(t, h, device)
		}
	}
}

// TestPasskeyRegisteredMeanwhile: a registration that is under way when its session is ended is
// undone, and no mail says otherwise.
func TestPasskeyRegisteredMeanwhile(t *testing.T) {
	h, store, mails := withStore(t)
	thief := cookieOf(send(h, "POST /totp/login", alice))
	device := passkeytest.NewAuthenticator(passkeyOrigin)
	body, cookies := respond(t, h, "register", thief, device)
	expect(t, "asked", send(h, "POST /link/reset", `{"email":"alice@example.com"}`), 202, "")
	token := tokenIn(strings.TrimSpace(mails()))
	store.after, store.run = "Add", func() {
		expect(t, "reset", send(h, "POST /link/reset", `{"token":"`+token+`","password":"battery staple"}`), 200, "")
	}
	expect(t, "register", send(h, "POST /passkey/register", body, "Cookie", cookies), 401, "")
	if list, err := store.List(t.Context(), "1"); err != nil || len(list) != 0 {
		t.Errorf("%v, %v", list, err)
	}
	if strings.Contains(mails(), "new passkey") {
		t.Error(mails())
	}
	expect(t, "a password is enough", send(h, "POST /totp/login", strings.Replace(alice, `"secret"`, `"battery staple"`, 1)), 200, `{"message":"Logged in successfully"}`)
}
