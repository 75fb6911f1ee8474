package main

import (
	"context"
	"html/template"
	"net/http"
	"slices"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/signin/totp"
)

func (a *app) factorRoutes(settings) error {
	back := http.RedirectHandler("/app/factor", http.StatusSeeOther).ServeHTTP // of a page that was reloaded
	a.route("/app/factor", a.sudo(a.showFactors("factor")), nil)
	a.route("/app/factor/enroll", back, a.sudo(a.showEnrollment))
	a.route("/app/factor/confirm", back, a.sudo(a.confirmEnrollment))
	a.route("/app/factor/recovery", back, a.sudo(a.newCodes))
	a.route("/app/factor/remove", back, a.sudo(a.remove))
	return nil
}

// factors is the data of a page about the second factors of an account.
type factors struct {
	totp.Status
	Keys bool // it has passkeys
}

func (a *app) factorsOf(ctx context.Context, id string) (f factors, err error) {
	if f.Status, err = a.second.Status(ctx, id); err == nil {
		f.Keys, err = a.hasPasskeys(ctx, id)
	}
	return f, err
}

// showFactors shows a page about the second factors.
func (a *app) showFactors(page string) func(http.ResponseWriter, *http.Request, User) {
	return func(w http.ResponseWriter, r *http.Request, u User) {
		f, err := a.factorsOf(r.Context(), u.ID)
		if err != nil {
			guard.Refuse(w, r, err)
			return
		}
		a.page(w, r, http.StatusOK, page, f)
	}
}

// showEnrollment shows a secret, in this answer alone.
func (a *app) showEnrollment(w http.ResponseWriter, r *http.Request, u User) {
	e, err := a.second.Enroll(r.Context(), u.ID, u.Email)
	if err != nil {
		guard.Refuse(w, r, err)
		return
	}
	a.page(w, r, http.StatusOK, "enroll", struct {
		QR     template.HTML
		URI    template.URL
		Secret string
	}{template.HTML(e.SVG()), template.URL(e.URI()), e.Secret()})
}

func (a *app) confirmEnrollment(w http.ResponseWriter, r *http.Request, u User) {
	codes, err := a.confirmFactor(r, u, r.PostForm.Get("code"))
	if err == nil {
		err = a.addFactor(w, r, u)
	}
	if err != nil {
		a.mistake(w, r, "enroll", nil, err)
		return
	}
	a.page(w, r, http.StatusOK, "recovery", codes)
}

// addFactor replaces the session by one that has the factor, too: its code was right. The
// epoch is read before the session is found alive: when all are ended, this one is, too.
func (a *app) addFactor(w http.ResponseWriter, r *http.Request, u User) error {
	s, _ := a.session(r.Context())
	epoch, err := a.sessions.Epoch(r.Context(), u.ID)
	if err == nil {
		s, err = a.sessions.Reload(r.Context(), s)
	}
	if err != nil {
		return err
	}
	factors := s.AMR()
	if !slices.Contains(factors, codeFactor) {
		factors = append(factors, codeFactor)
	}
	_, err = a.sessions.Create(w, r, u.ID, s.Data(), session.AtEpoch(epoch), session.Factors(factors...), session.Ref(s.Ref()))
	return err
}

func (a *app) newCodes(w http.ResponseWriter, r *http.Request, u User) {
	codes, err := a.second.NewRecoveryCodes(r.Context(), u.ID)
	if err != nil {
		guard.Refuse(w, r, err)
		return
	}
	a.mails.notify(u, "Your account has new recovery codes.")
	a.page(w, r, http.StatusOK, "recovery", codes)
}

func (a *app) remove(w http.ResponseWriter, r *http.Request, u User) {
	f, err := a.factorsOf(r.Context(), u.ID)
	var codes []string
	if err == nil {
		codes, err = a.removeFactor(r, u, r.PostForm.Get("code"))
	}
	if err != nil {
		a.mistake(w, r, "factor", f, err)
		return
	}
	if codes != nil { // of an account that has passkeys
		a.page(w, r, http.StatusOK, "recovery", codes)
		return
	}
	notice(w, r, "/app/factor", "factor-gone")
}
