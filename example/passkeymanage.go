package main

import (
	"context"
	"net/http"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/signin/passkey"
)

// A listedPasskey is a passkey as its owner sees it.
type listedPasskey struct {
	ID       string     `json:"id"`
	Name     string     `json:"name"`
	Synced   bool       `json:"synced"` // or may be one day
	Created  time.Time  `json:"created"`
	LastUsed *time.Time `json:"last_used"`
}

func listed(c passkey.Credential) listedPasskey {
	l := listedPasskey{ID: c.ID, Name: c.Name, Synced: c.BackupEligible, Created: c.Created}
	if !c.LastUsed.IsZero() {
		l.LastUsed = &c.LastUsed
	}
	return l
}

func (a accounts) passkeyRegisterOptions(w http.ResponseWriter, r *http.Request, u User) {
	if err := a.keys.RegisterOptions(w, r, passkey.Account{Subject: u.ID, Name: u.Email}); err != nil {
		guard.Refuse(w, r, err)
	}
}

// passkeyRegister adds a passkey. The first factor of an account ends its other sessions, which
// began without one, and comes with recovery codes: a lost passkey locks no one out, and a
// link by mail alone gets no one around it.
func (a accounts) passkeyRegister(w http.ResponseWriter, r *http.Request, u User) {
	step, err := a.secondStep(r.Context(), u)
	var c *passkey.Credential
	if err == nil {
		c, err = a.keys.Register(w, r, u.ID)
	}
	if err == nil {
		err = a.checkAlive(r.Context(), u, c)
	}
	var codes []string
	if err == nil {
		a.mails.notify(u, "Your account has a new passkey.")
		codes, err = a.firstFactor(r, u, step == "")
	}
	if err != nil {
		guard.Refuse(w, r, err)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	reply(w, http.StatusOK, struct {
		listedPasskey
		RecoveryCodes []string `json:"recovery_codes,omitempty"`
	}{listed(*c), codes})
}

// checkAlive removes a passkey whose registration was under way when its session was ended.
func (a accounts) checkAlive(ctx context.Context, u User, c *passkey.Credential) error {
	s, ok := guard.CredentialFrom[*session.Session[Device]](ctx)
	if !ok {
		return guard.NotFound("") // never: the route requires one
	}
	_, err := a.sessions.Reload(ctx, s)
	if err != nil {
		_ = a.keys.Remove(context.WithoutCancel(ctx), u.ID, c.ID) // reported
	}
	return err
}

// firstFactor does what the first factor of an account brings with it. An account that has no
// recovery codes gets some in any case.
func (a accounts) firstFactor(r *http.Request, u User, first bool) (codes []string, err error) {
	if first {
		if _, err := a.sessions.DestroyAll(r.Context(), u.ID, a.sessionID(r)); err != nil {
			return nil, err
		}
	}
	status, err := a.second.Status(r.Context(), u.ID)
	if err != nil || !first && status.RecoveryCodes > 0 {
		return nil, err
	}
	return a.second.NewRecoveryCodes(r.Context(), u.ID)
}

// passkeyList lists the passkeys, and what the page has the browser accept: it hides others.
func (a accounts) passkeyList(w http.ResponseWriter, r *http.Request, u User) {
	list, err := a.keys.List(r.Context(), u.ID)
	var accepted passkey.Accepted
	if err == nil {
		accepted, err = a.keys.Accepted(r.Context(), u.ID)
	}
	if err != nil {
		guard.Refuse(w, r, err)
		return
	}
	all := []listedPasskey{}
	for _, c := range list {
		all = append(all, listed(c))
	}
	w.Header().Set("Cache-Control", "no-store")
	reply(w, http.StatusOK, object{"credentials": all, "accepted": accepted})
}

func (a accounts) passkeyRename(w http.ResponseWriter, r *http.Request, u User) {
	var in struct {
		Name string `json:"name"`
	}
	err := readObject(r, &in)
	if err == nil {
		err = a.keys.Rename(r.Context(), u.ID, r.PathValue("id"), in.Name)
	}
	if err != nil {
		guard.Refuse(w, r, err)
		return
	}
	reply(w, http.StatusOK, object{"message": "Passkey renamed"})
}

// passkeyRemove removes a passkey, and ends all other sessions: one may have begun with it.
func (a accounts) passkeyRemove(w http.ResponseWriter, r *http.Request, u User) {
	err := a.keys.Remove(r.Context(), u.ID, r.PathValue("id"))
	if err == nil {
		a.mails.notify(u, "A passkey of your account was removed.")
		_, err = a.sessions.DestroyAll(r.Context(), u.ID, a.sessionID(r))
	}
	if err != nil {
		guard.Refuse(w, r, err)
		return
	}
	reply(w, http.StatusOK, object{"message": "Passkey removed"})
}
