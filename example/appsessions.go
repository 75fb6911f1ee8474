package main

import (
	"net/http"

	"github.com/go-guard/guard"
)

func (a *app) homeRoutes(settings) error {
	home, sessions := screen[factors]{a, "home", a.factorsOf}, screen[[]listedSession]{a, "sessions", a.listSessions}
	a.route("/app/{$}", func(w http.ResponseWriter, r *http.Request) {
		show := a.plain("welcome").show
		if _, ok := guard.PrincipalFrom[User](r.Context()); ok {
			show = home.show
		}
		a.answer(show)(w, r)
	}, nil)
	a.route("/app/sessions", a.mine(sessions.show), a.mine(a.endSessions))
	return nil
}

// endSessions ends one session or, without its id, all others.
func (a *app) endSessions(_ http.ResponseWriter, r *http.Request, u User) (result, error) {
	name, found, err := "others-ended", true, error(nil)
	if r.PostForm.Has("id") {
		name = "ended"
		found, err = a.sessions.DestroyID(r.Context(), u.ID, r.PostForm.Get("id"))
	} else {
		_, err = a.sessions.DestroyAll(r.Context(), u.ID, a.sessionID(r))
	}
	if !found {
		name = "gone"
	}
	return result{to: "/app/sessions?notice=" + name}, err
}
