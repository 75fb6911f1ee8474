package main

import (
	"net/http"

	"github.com/go-guard/guard"
)

// passkeyRoutes mounts the page of passkeys. It needs JavaScript: what it does is that of
// /passkey.
func (a *app) passkeyRoutes(settings) error {
	if a.keys != nil {
		a.route("/app/passkeys", a.sudo(a.showPasskeys), nil)
	}
	return nil
}

func (a *app) showPasskeys(w http.ResponseWriter, r *http.Request, u User) {
	list, err := a.keys.List(r.Context(), u.ID)
	if err != nil {
		guard.Refuse(w, r, err)
		return
	}
	p := passkeysPage{Suggested: device(r.UserAgent())}
	for _, c := range list {
		p.Keys = append(p.Keys, listed(c))
	}
	a.page(w, r, http.StatusOK, "passkeys", p)
}
