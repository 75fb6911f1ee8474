package main

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strings"

	"github.com/go-guard/guard"
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
		InsecureCookie: set.dev,
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
