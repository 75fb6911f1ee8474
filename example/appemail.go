package main

import "net/http"

func (a *app) emailRoutes(set settings) (err error) {
	const change, undo = "/app/email/link", "/app/email/undo"
	a.addresses, err = a.addressLinks(set, change, undo, a.reset, a.ring)
	email := a.plain("email")
	a.route("/app/email", a.sudo(email.show), a.sudo(email.try(a.askEmail)))
	a.link(linkPage{path: change, form: "email-link", links: a.addresses.change, use: func(_ http.ResponseWriter, r *http.Request, in linked) (string, error) {
		return "/app/?notice=email", a.addresses.redeemChange(r.Context(), in)
	}})
	a.link(linkPage{path: undo, form: "email-undo", links: a.addresses.undo, use: func(_ http.ResponseWriter, r *http.Request, in linked) (string, error) {
		return "/app/login?notice=undone", a.addresses.redeemUndo(r.Context(), in)
	}})
	return err
}

func (a *app) askEmail(_ http.ResponseWriter, r *http.Request, u User) (result, error) {
	if email, _ := sentEmail(r); email == u.Email {
		return result{}, mistakes{"email": "That is your address already."}
	}
	if err := a.addresses.changes.try(r.Context(), u.ID, nil); err != nil {
		return result{}, err
	}
	return a.askForMail(r, "email", a.addresses.letterTo(u))
}
