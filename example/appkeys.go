package main

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-guard/guard/apikey"
)

// keyRoutes mounts the API keys of the user, which are those of /apikey. To make one needs
// more than a session: no factor is asked of a key.
func (a *app) keyRoutes(settings) error {
	keys := screen[[]listedKey]{a, "keys", a.liveKeys}
	issue, revoke := a.sudo(keys.try(a.makeKey)), a.mine(a.revokeKey)
	a.route("/app/keys", a.mine(keys.show), func(w http.ResponseWriter, r *http.Request) {
		if r.PostForm.Has("id") {
			revoke(w, r)
			return
		}
		issue(w, r)
	})
	return nil
}

func (a *app) liveKeys(r *http.Request, u User) ([]listedKey, error) {
	return liveKeys(r.Context(), a.ring, u)
}

// makeKey shows the new key in its answer alone.
func (a *app) makeKey(_ http.ResponseWriter, r *http.Request, u User) (result, error) {
	name := strings.TrimSpace(r.PostForm.Get("name"))
	if name == "" || len(name) > 100 {
		return result{}, mistakes{"name": "Enter a name of at most 100 letters, by which you will recognize the key."}
	}
	key, rec, err := a.ring.Issue(r.Context(), apikey.Grant{Subject: u.ID, Name: name, ExpiresAt: time.Now().AddDate(0, 0, 90)})
	if err != nil {
		return result{}, err
	}
	a.mails.notify(u, newKeyMail)
	return result{status: http.StatusCreated, page: "key", data: struct {
		listedKey
		Text string
	}{listedKey{*rec}, key.Reveal()}}, nil
}

func (a *app) revokeKey(_ http.ResponseWriter, r *http.Request, u User) (result, error) {
	id := r.PostForm.Get("id")
	keys, err := a.liveKeys(r, u)
	if err == nil && slices.ContainsFunc(keys, func(k listedKey) bool { return k.ID == id }) { // else it is another's
		_, err = a.ring.Revoke(r.Context(), id)
	}
	return result{to: "/app/keys?notice=revoked"}, err
}
