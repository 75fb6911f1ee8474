package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/format"
	"github.com/go-guard/guard/ratelimit"
	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/signin/totp"
)

// newSecondFactors returns the second factors of the accounts, or nil without SEAL_KEY.
func newSecondFactors(set settings, users *Directory) (*totp.Factors, error) {
	if len(set.seal) == 0 {
		return nil, nil
	}
	keys := set.sealKeys("second factors")
	return totp.New("Guard example", keys[0], users, set.clientIP(), &totp.Options{
		OldKeys:       keys[1:],
		Steps:         set.stores.Once,
		RecoveryAlone: true, // of an account that has passkeys
		Attempts: ratelimit.LoginOptions{
			Store: set.stores.Limits, Secret: set.derive("codes"), Timeout: time.Second, OnFailure: ratelimit.FailClosed(),
		},
	})
}

const (
	totpStep   = "totp" // of session.Pending
	halfSignIn = 5 * time.Minute
)

// secondStep returns the step that a sign-in of u still needs, or "". It must be called
// after u's epoch was read: a factor that is added later raises that.
func (a accounts) secondStep(ctx context.Context, u User) (step string, err error) {
	if a.second == nil {
		record, _, err := a.users.Load(ctx, u.ID)
		if err == nil && record != "" { // of a process that has the key
			return "", errors.New("the account has a second factor, and SEAL_KEY is not set")
		}
		if err != nil {
			return "", unavailable(err)
		}
		_, err = a.hasPasskeys(ctx, u.ID) // an error, if it has
		return "", err
	}
	status, err := a.second.Status(ctx, u.ID)
	if err != nil {
		return "", err
	}
	if status.Enabled {
		return totpStep, nil // a passkey completes it, too
	}
	has, err := a.hasPasskeys(ctx, u.ID)
	if err != nil || !has {
		return "", err
	}
	return passkeyStep, nil
}

// totpSection shows a second factor: codes of an authenticator app.
func totpSection(mux *http.ServeMux, set settings, a accounts, log *slog.Logger) error {
	if a.second == nil {
		log.Warn("SEAL_KEY is not set: /totp is not mounted")
		return nil
	}
	user := guard.BySubject(a.sessions, a.users.ByID)
	browsers := guard.Chain(guard.OnError(format.HTML("/session/", guard.JSON)), a.sameOrigin)
	inForm := guard.OnError(format.Browser(a.refusedCode, guard.JSON))
	signedIn := guard.Chain(browsers, user.Wrap)
	recently := guard.Chain(browsers, guard.Optional(user), a.recently())

	mux.Handle("POST /totp/login", browsers(http.HandlerFunc(a.passwordStep)))
	mux.Handle("GET /totp/{$}", browsers(http.HandlerFunc(a.showCodeForm)))
	mux.Handle("POST /totp/verify", guard.Chain(browsers, inForm, guard.Require(a.sessions.Step(totpStep), a.sessions.Step(passkeyStep)))(guard.HandlerFunc(a.verify)))
	mux.Handle("POST /totp/enroll", recently(guard.HandlerFunc(a.enroll)))
	mux.Handle("POST /totp/confirm", recently(guard.HandlerFunc(a.confirm)))
	mux.Handle("POST /totp/disable", signedIn(guard.HandlerFunc(a.disable)))
	return nil
}

// passwordStep checks the password, and says whether a code is needed.
func (a accounts) passwordStep(w http.ResponseWriter, r *http.Request) {
	u, err := checkLogin(r, a.logins)
	next := ""
	if err == nil {
		next, err = a.create(w, r, u, "pwd")
	}
	if err != nil {
		guard.Refuse(w, r, err)
		return
	}
	answer(w, next)
}

// verify is the second step: a code, or a recovery code in its place.
func (a accounts) verify(w http.ResponseWriter, r *http.Request, half *session.Session[Device]) {
	form := isForm(r)
	code, err := readCode(r, form)
	if err == nil {
		err = a.complete(w, r, half, code)
	}
	if err != nil {
		guard.Refuse(w, r, err)
		return
	}
	if form && wantsPage(r) {
		goOn(w, r, "", format.Next(r, "/session/"))
		return
	}
	answer(w, "")
}

// complete completes a half sign-in by a code.
func (a accounts) complete(w http.ResponseWriter, r *http.Request, half *session.Session[Device], code string) error {
	used, err := a.second.Verify(r, half.Sub(), code)
	if err != nil {
		a.warn(r.Context(), half.Sub(), err)
		return err
	}
	factor := codeFactor
	if used.Recovery {
		factor = recoveryFactor
		a.mailOwner(r.Context(), half.Sub(), fmt.Sprintf("A recovery code was used to sign in. You have %d left.", used.RecoveryCodes))
	}
	// It spends the half sign-in, whose epoch it has.
	_, err = a.sessions.Create(w, r, half.Sub(), Device{device(r.UserAgent())}, session.Factors(factor))
	return err
}

// enroll makes a secret for an authenticator. Until it is confirmed nothing asks for it.
func (a accounts) enroll(w http.ResponseWriter, r *http.Request, u User) {
	e, err := a.second.Enroll(r.Context(), u.ID, u.Email)
	if err != nil {
		guard.Refuse(w, r, err)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	reply(w, http.StatusOK, struct {
		Secret string `json:"secret"`
		URI    string `json:"uri"`
	}{e.Secret(), e.URI()})
}

func (a accounts) confirm(w http.ResponseWriter, r *http.Request, u User) {
	code, err := readCode(r, isForm(r))
	var codes []string
	if err == nil {
		codes, err = a.confirmFactor(r, u, code)
	}
	if err != nil {
		guard.Refuse(w, r, err)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	reply(w, http.StatusOK, object{"recovery_codes": codes})
}

// confirmFactor ends an enrollment, and all other sessions: they began without the factor.
func (a accounts) confirmFactor(r *http.Request, u User, code string) (recoveryCodes []string, err error) {
	recoveryCodes, err = a.second.Confirm(r, u.ID, code)
	if err != nil {
		a.warn(r.Context(), u.ID, err)
		return nil, err
	}
	a.mails.notify(u, "Your account has a new second factor.")
	_, err = a.sessions.DestroyAll(r.Context(), u.ID, a.sessionID(r))
	return recoveryCodes, err
}

func (a accounts) disable(w http.ResponseWriter, r *http.Request, u User) {
	code, err := readCode(r, isForm(r))
	var codes []string
	if err == nil {
		codes, err = a.removeFactor(r, u, code)
	}
	if err != nil {
		guard.Refuse(w, r, err)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	reply(w, http.StatusOK, struct {
		Message       string   `json:"message"`
		RecoveryCodes []string `json:"recovery_codes,omitempty"`
	}{"Second factor removed", codes})
}

// removeFactor removes the factor by one of its codes, and ends all other sessions. Passkeys
// stay, and come with recovery codes of their own.
func (a accounts) removeFactor(r *http.Request, u User, code string) (recoveryCodes []string, err error) {
	if err := a.second.Disable(r, u.ID, code); err != nil {
		a.warn(r.Context(), u.ID, err)
		return nil, err
	}
	text := "Your account has no second factor anymore."
	passkeys, err := a.hasPasskeys(r.Context(), u.ID)
	if passkeys {
		text = "Your account asks for no codes anymore: its passkeys are the second factor."
	}
	a.mails.notify(u, text)
	_, ended := a.sessions.DestroyAll(r.Context(), u.ID, a.sessionID(r))
	if err = errors.Join(err, ended); err != nil || !passkeys {
		return nil, err
	}
	return a.second.NewRecoveryCodes(r.Context(), u.ID)
}

// warn mails the owner of an account whose factor err has locked.
func (a accounts) warn(ctx context.Context, id string, err error) {
	if errors.Is(err, totp.ErrLocked) {
		a.mailOwner(ctx, id, "Someone knows your password, and entered 100 wrong codes. Reset the password, or use a recovery code.")
	}
}

// mailOwner mails the owner of an account.
func (a accounts) mailOwner(ctx context.Context, id, text string) {
	if a.mails == nil {
		return
	}
	u, found, err := a.users.ByID(ctx, id)
	if err != nil {
		a.mails.log.Error("a mail was not sent", "error", err)
	}
	if found {
		a.mails.notify(u, text)
	}
}
