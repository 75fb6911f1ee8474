package main

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/apikey"
	"github.com/go-guard/guard/format"
	"github.com/go-guard/guard/owner"
)

// keyPages has the handlers of the pages on which users manage their own API keys.
type keyPages struct {
	ring  *apikey.Ring
	mails *mailer
	key   *owner.Resource[User, *apikey.Record] // of the path
}

// keyPagesSection shows a dashboard of API keys for users who are signed in with a
// session. Another user's key is 404, as a missing one is. A key outlives the session, and
// no factor is asked of it: to make or change one needs a recent sign-in, as a change of the
// factors does.
func keyPagesSection(mux *http.ServeMux, ring *apikey.Ring, a accounts, signedIn guard.Middleware) {
	k := keyPages{ring, a.mails, guard.Must(owner.New(func(r *http.Request, _ User) (*apikey.Record, bool, error) {
		return ring.Load(r.Context(), r.PathValue("id"))
	}, &owner.Options{HideAll: true}))}
	mine := guard.Chain(signedIn, k.key.Require(func(u User, rec *apikey.Record) bool { return owner.Same(u.ID, rec.Subject) }))
	again := guard.Chain(guard.OnError(format.HTML("/session/?next=/apikey/", guard.JSON)), a.recently())

	mux.Handle("GET /apikey/{$}", signedIn(guard.HandlerFunc(k.list)))
	mux.Handle("POST /apikey/{$}", guard.Chain(signedIn, again)(guard.HandlerFunc(k.issue)))
	mux.Handle("GET /apikey/keys/{id}", mine(guard.HandlerFunc(k.one)))
	mux.Handle("POST /apikey/keys/{id}", guard.Chain(mine, again)(guard.HandlerFunc(k.update)))
	mux.Handle("POST /apikey/keys/{id}/rotate", guard.Chain(mine, again)(guard.HandlerFunc(k.rotate)))
	mux.Handle("POST /apikey/keys/{id}/revoke", mine(guard.HandlerFunc(k.revoke)))
}

// newKeyMail goes to the owner of the account: a key needs no second factor.
const newKeyMail = "Your account has a new API key."

// keyNotices are the messages about the last action that the pages can show.
var keyNotices = map[string]string{
	"saved":      "The changes are saved.",
	"revoked":    "The key is revoked: no request with it is accepted.",
	"ended":      "Nothing was changed: the key has ended meanwhile.",
	"other-user": "Nothing was changed: another user has signed in here meanwhile.",
}

func (k keyPages) list(w http.ResponseWriter, r *http.Request, u User) {
	form := newKeyForm("", "", lastDay(time.Now().AddDate(0, 0, 90)), "")
	k.showList(w, r, http.StatusOK, keyPage{User: u, Form: form})
}

// issue answers with the new key itself: in a URL or a cookie it would be kept.
func (k keyPages) issue(w http.ResponseWriter, r *http.Request, u User) {
	if !fromPageOf(w, r, u, "/apikey/") {
		return
	}
	p := keyPage{User: u}
	var change func(*apikey.Grant)
	p.Form, change = readKeyForm(r)
	if p.Form.Invalid() {
		k.showList(w, r, http.StatusUnprocessableEntity, p)
		return
	}
	grant := apikey.Grant{Subject: u.ID}
	change(&grant)
	key, _, err := k.ring.Issue(r.Context(), grant)
	switch refusal, refused := errors.AsType[*guard.Error](err); {
	case err == nil:
		k.mails.notify(u, newKeyMail)
		k.showList(w, r, http.StatusCreated, keyPage{User: u, NewKey: key.Reveal()})
	case p.Form.mark(err):
		k.showList(w, r, refusal.Status, p)
	case refused && errors.Is(err, apikey.ErrTooMany):
		p.Refused = refusal.Message + "."
		k.showList(w, r, refusal.Status, p)
	default:
		guard.Refuse(w, r, err)
	}
}

func (k keyPages) one(w http.ResponseWriter, r *http.Request, u User) {
	rec := k.key.From(r.Context())
	showKeys(w, r, http.StatusOK, keyPage{User: u, Key: &listedKey{*rec}, Form: formOf(rec)})
}

func (k keyPages) update(w http.ResponseWriter, r *http.Request, u User) {
	if !fromPageOf(w, r, u, "/apikey/") {
		return
	}
	p := keyPage{User: u, Key: &listedKey{*k.key.From(r.Context())}}
	var change func(*apikey.Grant)
	p.Form, change = readKeyForm(r)
	if p.Form.Invalid() {
		showKeys(w, r, http.StatusUnprocessableEntity, p)
		return
	}
	switch rec, found, err := k.ring.Update(r.Context(), p.Key.ID, func(g *apikey.Grant) error { change(g); return nil }); {
	case p.Form.mark(err):
		showKeys(w, r, http.StatusUnprocessableEntity, p)
	case err != nil:
		guard.Refuse(w, r, err)
	case !found:
		notice(w, r, "/apikey/", "ended")
	default:
		notice(w, r, "/apikey/keys/"+rec.ID, "saved")
	}
}

// rotate answers with the new key, as issue does. Repeated, as by a reload, it replaces
// the new key, and the previous one stays valid as long.
func (k keyPages) rotate(w http.ResponseWriter, r *http.Request, u User) {
	if !fromPageOf(w, r, u, "/apikey/") {
		return
	}
	var overlap time.Duration
	if r.PostForm.Get("overlap") != "" {
		overlap = 24 * time.Hour
	}
	id := r.PathValue("id")
	key, found, err := k.ring.Rotate(r.Context(), id, overlap)
	if err == nil && found {
		k.mails.notify(u, newKeyMail)
		var rec *apikey.Record
		if rec, found, err = k.ring.Load(r.Context(), id); err == nil && found {
			showKeys(w, r, http.StatusOK, keyPage{User: u, NewKey: key.Reveal(), Key: &listedKey{*rec}, Form: formOf(rec)})
			return
		}
	}
	if err != nil {
		guard.Refuse(w, r, err)
		return
	}
	notice(w, r, "/apikey/", "ended")
}

func (k keyPages) revoke(w http.ResponseWriter, r *http.Request, u User) {
	if !fromPageOf(w, r, u, "/apikey/") {
		return
	}
	if _, err := k.ring.Revoke(r.Context(), r.PathValue("id")); err != nil {
		guard.Refuse(w, r, err)
		return
	}
	notice(w, r, "/apikey/", "revoked")
}

// A keyForm is the form of a key. Its fields have the names of package apikey.
type keyForm []keyField

// A keyField is an input. A browser sends "" for a date or a number that is not one,
// and "" is no limit: it checks dates before it sends them, and numbers are sent as text.
type keyField struct{ Name, Label, Type, Hint, Value, Error string }

func newKeyForm(name, scopes, lastDay, uses string) keyForm {
	return keyForm{
		{Name: "name", Label: "Name", Type: "text", Value: name},
		{Name: "scopes", Label: "Scopes", Type: "text", Value: scopes, Hint: "Separated by spaces, such as posts:read. Empty: no limit."},
		{Name: "expires_at", Label: "Last day", Type: "date", Value: lastDay, Hint: "In UTC. Empty: the key does not expire."},
		{Name: "max_uses", Label: "Requests", Type: "text", Value: uses, Hint: "How many the key is valid for. Empty: no limit."},
	}
}

// Describedby are the ids of the elements that describe the field.
func (f keyField) Describedby() string {
	var ids []string
	if f.Error != "" {
		ids = append(ids, f.Name+"-error")
	}
	if f.Hint != "" {
		ids = append(ids, f.Name+"-hint")
	}
	return strings.Join(ids, " ")
}

// formOf returns the form with what a key is now.
func formOf(rec *apikey.Record) keyForm {
	uses := ""
	if rec.MaxUses > 0 {
		uses = strconv.FormatInt(rec.MaxUses, 10)
	}
	return newKeyForm(rec.Name, strings.Join(rec.Scopes, " "), lastDay(rec.ExpiresAt), uses)
}

// readKeyForm returns the form as a browser sent it, and what it changes. The form has
// the mistakes that package apikey cannot see.
func readKeyForm(r *http.Request) (keyForm, func(*apikey.Grant)) {
	sent := func(field string) string { return strings.TrimSpace(r.PostForm.Get(field)) }
	form := newKeyForm(sent("name"), sent("scopes"), sent("expires_at"), sent("max_uses"))
	name, day, uses := &form[0], &form[2], &form[3]

	if name.Value == "" {
		name.Error = "Enter a name, by which you will recognize the key."
	}
	var expires time.Time
	if day.Value != "" {
		date, err := time.Parse(time.DateOnly, day.Value)
		if err != nil {
			day.Error = "Enter a day such as 2027-01-31."
		}
		expires = date.AddDate(0, 0, 1) // the end of the day
	}
	var maxUses int64
	if uses.Value != "" {
		n, err := strconv.ParseInt(uses.Value, 10, 64)
		if err != nil || n < 1 { // 0 would be no limit
			uses.Error = "Enter a whole number from 1."
		}
		maxUses = n
	}
	scopes := strings.Fields(sent("scopes"))
	if len(scopes) == 0 {
		scopes = nil // no limit; Update does not accept it from a key that has one
	}
	return form, func(g *apikey.Grant) {
		g.Name, g.Scopes, g.MaxUses = name.Value, scopes, maxUses
		if lastDay(g.ExpiresAt) != day.Value { // a key that ends at noon still does after a new name
			g.ExpiresAt = expires
		}
	}
}

// Invalid reports whether a field has a mistake.
func (f keyForm) Invalid() bool {
	return slices.ContainsFunc(f, func(field keyField) bool { return field.Error != "" })
}

// mark writes the mistakes that package apikey found beside their fields. It reports
// whether the form has them.
func (f keyForm) mark(err error) bool {
	mistakes, _ := errors.AsType[apikey.FieldErrors](err)
	for _, m := range mistakes {
		name, _, element := strings.Cut(m.Field, "[") // as in scopes[2]
		for i := range f {
			if f[i].Name != name {
				continue
			}
			subject := "This"
			if element {
				subject = "One of these"
			}
			f[i].Error = subject + " " + m.Problem + "."
		}
	}
	return f.Invalid()
}

// lastDay is the day on which a key that expires at t is valid for the last time.
func lastDay(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Add(-time.Millisecond).UTC().Format(time.DateOnly)
}
