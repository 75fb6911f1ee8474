package main

import (
	"net/http"

	"github.com/go-guard/guard"
)

func (a *app) homeRoutes(settings) error {
	a.route("/app/{$}", a.home, nil)
	a.route("/app/sessions", a.mine(a.showSessions), a.mine(a.endSessions))
	return nil
}

func (a *app) home(w http.ResponseWriter, r *http.Request) {
	u, ok := guard.PrincipalFrom[User](r.Context())
	if !ok {
		a.page(w, r, http.StatusOK, "welcome", nil)
		return
	}
	a.showFactors("home")(w, r, u)
}

func (a *app) showSessions(w http.ResponseWriter, r *http.Request, u User) {
	list, err := a.listSessions(r, u)
	if err != nil {
		guard.Refuse(w, r, err)
		return
	}
	a.page(w, r, http.StatusOK, "sessions", list)
}

// endSessions ends one session or, without its id, all others.
func (a *app) endSessions(w http.ResponseWriter, r *http.Request, u User) {
	name, found, err := "others-ended", true, error(nil)
	if r.PostForm.Has("id") {
		name = "ended"
		found, err = a.sessions.DestroyID(r.Context(), u.ID, r.PostForm.Get("id"))
	} else {
		_, err = a.sessions.DestroyAll(r.Context(), u.ID, a.sessionID(r))
	}
	if err != nil {
		guard.Refuse(w, r, err)
		return
	}
	if !found {
		name = "gone"
	}
	notice(w, r, "/app/sessions", name)
}
