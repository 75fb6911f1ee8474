package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/format"
	"github.com/go-guard/guard/signin/passkey"
)

// passkeyStep is a step of session.Pending: of accounts that have passkeys alone.
const passkeyStep = "passkey"

// newPasskeys returns the passkeys of the accounts, or nil without SEAL_KEY, or if no passkey
// can belong to the site of PUBLIC_URL.
func newPasskeys(set settings) (*passkey.RelyingParty, error) {
	id, origin, ok := passkeySite(set.publicURL)
	if !ok || len(set.seal) == 0 {
		return nil, nil
	}
	store := set.stores.Passkeys
	if store == nil {
		memory, err := passkey.NewMemory(nil)
		if err != nil {
			return nil, err
		}
		store = memory
	}
	keys := set.sealKeys("passkeys")
	return passkey.New(id, []string{origin}, keys[0], store, &passkey.Options{
		OldKeys:        keys[1:],
		Once:           set.stores.Once,
		Name:           "Guard example",
		InsecureCookie: set.plainCookies(),
	})
}

// passkeySite returns the relying party's ID and the origin of a public URL, as browsers
// write them. ok is false for plain http of another host than localhost, for an address, and
// for a name of one label: browsers have no passkeys there.
func passkeySite(publicURL string) (id, origin string, ok bool) {
	u, err := url.Parse(publicURL)
	if err != nil {
		return "", "", false
	}
	id = strings.ToLower(u.Hostname())
	origin = u.Scheme + "://" + id
	if port := u.Port(); port != "" && port != map[string]string{"http": "80", "https": "443"}[u.Scheme] {
		origin = u.Scheme + "://" + net.JoinHostPort(id, port)
	}
	local := id == "localhost"
	_, notAddress := netip.ParseAddr(id)
	return id, origin, local || u.Scheme == "https" && strings.Contains(id, ".") && notAddress != nil
}

// hasPasskeys reports whether an account has passkeys. Of a process that cannot verify them,
// it is a failure if there are: otherwise the password would be enough.
func (a accounts) hasPasskeys(ctx context.Context, id string) (bool, error) {
	if a.keys != nil {
		list, err := a.keys.List(ctx, id)
		return len(list) > 0, err
	}
	if a.storedKeys == nil {
		return false, nil
	}
	list, err := a.storedKeys.List(ctx, id)
	if err != nil {
		return false, guard.Unavailable(err)
	}
	if len(list) > 0 {
		return false, errors.New("the account has passkeys, and SEAL_KEY is not set, or PUBLIC_URL has no passkeys")
	}
	return false, nil
}

// passkeySection shows passkeys: to sign in with, alone or after the password.
func passkeySection(mux *http.ServeMux, set settings, a accounts, log *slog.Logger) {
	switch {
	case len(set.seal) == 0:
		log.Warn("SEAL_KEY is not set: /passkey is not mounted")
		return
	case a.keys == nil:
		log.Warn("PUBLIC_URL is neither https with a domain nor of localhost: /passkey is not mounted")
		return
	}
	user := guard.BySubject(a.sessions, a.users.ByID)
	half := guard.Optional(a.sessions.Step(totpStep), a.sessions.Step(passkeyStep))
	browsers := guard.Chain(guard.OnError(format.HTML("/passkey/", guard.JSON)), a.sameOrigin)
	recently := guard.Chain(browsers, guard.Optional(user), a.recently())

	mux.Handle("GET /passkey/{$}", guard.Chain(browsers, guard.Optional(user))(a.passkeyPages(a.recently(), half)))
	mux.HandleFunc("GET /passkey/passkey.js", servePasskeyScript)
	mux.Handle("POST /passkey/login/options", browsers(http.HandlerFunc(a.passkeyLoginOptions)))
	mux.Handle("POST /passkey/login", guard.Chain(browsers, guard.OnError(signalUnknown), half)(http.HandlerFunc(a.passkeyLogin)))
	mux.Handle("POST /passkey/register/options", recently(guard.HandlerFunc(a.passkeyRegisterOptions)))
	mux.Handle("POST /passkey/register", recently(guard.HandlerFunc(a.passkeyRegister)))
	mux.Handle("GET /passkey/credentials", recently(guard.HandlerFunc(a.passkeyList)))
	mux.Handle("PATCH /passkey/credentials/{id}", recently(guard.HandlerFunc(a.passkeyRename)))
	mux.Handle("DELETE /passkey/credentials/{id}", recently(guard.HandlerFunc(a.passkeyRemove)))
}
