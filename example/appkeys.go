package main

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/apikey"
)

// keyRoutes mounts the API keys of the user, which are those of /apikey. To make one needs
// more than a session: no factor is asked of a key.
func (a *app) keyRoutes(settings) error {
	issue, revoke := a.sudo(a.makeKey), a.mine(a.revokeKey)
	a.route("/app/keys", a.mine(a.showKeys), func(w http.ResponseWriter, r *http.Request) {
		if r.PostForm.Has("id") {
			revoke(w, r)
			return
		}
		issue(w, r)
	})
	return nil
}

// liveKeys returns the keys of u that have not ended.
func (a *app) liveKeys(r *http.Request, u User) (keys []listedKey, err error) {
	list, err := a.ring.List(r.Context(), u.ID)
	for _, rec := range list {
		if !rec.Ended(time.Now()) {
			keys = append(keys, listedKey{rec})
		}
	}
	return keys, err
}

func (a *app) showKeys(w http.ResponseWriter, r *http.Request, u User) {
	keys, err := a.liveKeys(r, u)
	if err != nil {
		guard.Refuse(w, r, err)
		return
	}
	a.page(w, r, http.StatusOK, "keys", keys)
}

// makeKey shows the new key in its answer alone.
func (a *app) makeKey(w http.ResponseWriter, r *http.Request, u User) {
	keys, err := a.liveKeys(r, u)
	if err != nil {
		guard.Refuse(w, r, err)
		return
	}
	name := strings.TrimSpace(r.PostForm.Get("name"))
	if name == "" || len(name) > 100 {
		a.invalid(w, r, "keys", keys, map[string]string{"name": "Enter a name of at most 100 letters, by which you will recognize the key."})
		return
	}
	key, rec, err := a.ring.Issue(r.Context(), apikey.Grant{Subject: u.ID, Name: name, ExpiresAt: time.Now().AddDate(0, 0, 90)})
	if err != nil {
		a.mistake(w, r, "keys", keys, err)
		return
	}
	a.mails.notify(u, newKeyMail)
	a.page(w, r, http.StatusCreated, "key", struct {
		listedKey
		Text string
	}{listedKey{*rec}, key.Reveal()})
}

func (a *app) revokeKey(w http.ResponseWriter, r *http.Request, u User) {
	id := r.PostForm.Get("id")
	keys, err := a.liveKeys(r, u)
	if err == nil && slices.ContainsFunc(keys, func(k listedKey) bool { return k.ID == id }) { // else it is another's
		_, err = a.ring.Revoke(r.Context(), id)
	}
	if err != nil {
		guard.Refuse(w, r, err)
		return
	}
	notice(w, r, "/app/keys", "revoked")
}
