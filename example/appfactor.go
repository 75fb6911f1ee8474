package main

import (
	"html/template"
	"net/http"

	"github.com/go-guard/guard/signin/totp"
)

func (a *app) factorRoutes(settings) error {
	factor := screen[factors]{a, "factor", a.factorsOf}
	a.route("/app/factor", a.sudo(factor.show), nil)
	for path, f := range map[string]action{
		"enroll": a.showEnrollment, "confirm": a.plain("enroll").try(a.confirmEnrollment),
		"recovery": a.newCodes, "remove": factor.try(a.remove),
	} {
		a.route("/app/factor/"+path, http.RedirectHandler("/app/factor", http.StatusSeeOther).ServeHTTP, a.sudo(f)) // a page that was reloaded
	}
	return nil
}

// factors is the data of a page about the second factors of an account.
type factors struct {
	totp.Status
	Keys bool // it has passkeys
}

func (a *app) factorsOf(r *http.Request, u User) (f factors, err error) {
	if f.Status, err = a.second.Status(r.Context(), u.ID); err == nil {
		f.Keys, err = a.hasPasskeys(r.Context(), u.ID)
	}
	return f, err
}

// showEnrollment shows a secret, in this answer alone.
func (a *app) showEnrollment(_ http.ResponseWriter, r *http.Request, u User) (result, error) {
	e, err := a.second.Enroll(r.Context(), u.ID, u.Email)
	if err != nil {
		return result{}, err
	}
	return result{page: "enroll", data: struct {
		QR     template.HTML
		URI    template.URL
		Secret string
	}{template.HTML(e.SVG()), template.URL(e.URI()), e.Secret()}}, nil
}

func (a *app) confirmEnrollment(w http.ResponseWriter, r *http.Request, u User) (result, error) {
	codes, err := a.confirmFactor(r, u, r.PostForm.Get("code"))
	if err == nil {
		err = a.addFactor(w, r, u)
	}
	return result{page: "recovery", data: codes}, err
}

func (a *app) newCodes(_ http.ResponseWriter, r *http.Request, u User) (result, error) {
	codes, err := a.second.NewRecoveryCodes(r.Context(), u.ID)
	if err == nil {
		a.mails.notify(u, "Your account has new recovery codes.")
	}
	return result{page: "recovery", data: codes}, err
}

func (a *app) remove(_ http.ResponseWriter, r *http.Request, u User) (result, error) {
	codes, err := a.removeFactor(r, u, r.PostForm.Get("code"))
	if codes != nil { // of an account that has passkeys
		return result{page: "recovery", data: codes}, err
	}
	return result{to: "/app/factor?notice=factor-gone"}, err
}
