package main

import "net/http"

// passkeyRoutes mounts the page of passkeys, whose script is that of /passkey.
func (a *app) passkeyRoutes(settings) error {
	if a.keys != nil {
		a.route("/app/passkeys", a.sudo(screen[passkeysPage]{a, "passkeys", a.listPasskeys}.show), nil)
	}
	return nil
}

func (a *app) listPasskeys(r *http.Request, u User) (passkeysPage, error) {
	p := passkeysPage{Suggested: device(r.UserAgent())}
	list, err := a.keys.List(r.Context(), u.ID)
	for _, c := range list {
		p.Keys = append(p.Keys, listed(c))
	}
	return p, err
}
