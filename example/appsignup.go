package main

import "net/http"

func (a *app) signUpRoutes(set settings) (err error) {
	a.signUps, err = a.signUpLinks(set, "/app/signup")
	a.link(linkPage{
		path: "/app/signup", ask: "signup", form: "signup-link", purpose: "verify", links: a.signUps.verify, letter: a.signUps.letter,
		use: func(w http.ResponseWriter, r *http.Request, in linked) (string, error) {
			u, err := a.signUps.redeem(r.Context(), in, r.PostForm.Get("password"))
			if err == nil { // a store may give a new subject another epoch than 0
				u.Epoch, err = a.sessions.Epoch(r.Context(), u.ID)
			}
			if err == nil {
				_, err = a.create(w, r, u, "pwd")
			}
			return "/app/?notice=welcome", err
		},
	})
	return err
}
