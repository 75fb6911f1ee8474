package main

import (
	"context"
	_ "embed"
	"html/template"
	"net/http"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/apikey"
)

var (
	//go:embed keys.html
	keysHTML string

	keysTemplate = template.Must(template.New("keys").Parse(keysHTML))
)

// A keyPage is the data of keys.html: the list of a user's keys, or one of them.
type keyPage struct {
	User    User
	Notice  string
	NewKey  string // a whole key, which no other page shows
	Keys    []listedKey
	Key     *listedKey // nil on the list
	Form    keyForm
	Refused string // why no key was issued, if no field is wrong
	Style   template.CSS
}

type listedKey struct{ apikey.Record }

// Title is the page's title. It begins with a refusal, for screen readers.
func (p keyPage) Title() string {
	title := "API keys"
	if p.Key != nil {
		title = p.Key.Title()
	}
	if p.Refused != "" || p.Form.Invalid() {
		return "Error: " + title
	}
	return title
}

// Title is the key's name. One that was not issued on the page may have none.
func (k listedKey) Title() string {
	if k.Name == "" {
		return "Unnamed key"
	}
	return k.Name
}

// End names why the key has ended, "" for one that has not.
func (k listedKey) End() string {
	switch {
	case !k.Ended(time.Now()):
		return ""
	case !k.RevokedAt.IsZero():
		return "Revoked"
	case k.MaxUses > 0 && k.Uses >= k.MaxUses:
		return "Used up"
	default:
		return "Expired"
	}
}

// LastUse is the time since the last use, in words.
func (k listedKey) LastUse() string {
	if k.LastUsedAt.IsZero() {
		return "never used"
	}
	return "last used " + ago(k.LastUsedAt)
}

// Expiry is the end of the key, in words.
func (k listedKey) Expiry() string {
	if k.ExpiresAt.IsZero() {
		return "does not expire"
	}
	return "valid until " + k.ExpiresAt.UTC().Format("2 January 2006, 15:04") + " UTC"
}

// UsesLeft is how many more requests the key authenticates, if it has a limit.
func (k listedKey) UsesLeft() int64 { return max(0, k.MaxUses-k.Uses) }

// liveKeys returns the keys of u that have not ended.
func liveKeys(ctx context.Context, ring *apikey.Ring, u User) (keys []listedKey, err error) {
	list, err := ring.List(ctx, u.ID)
	for _, rec := range list {
		if !rec.Ended(time.Now()) {
			keys = append(keys, listedKey{rec})
		}
	}
	return keys, err
}

// showList answers with the list of the user's keys and the form for another.
func (k keyPages) showList(w http.ResponseWriter, r *http.Request, status int, p keyPage) {
	list, err := k.ring.List(r.Context(), p.User.ID)
	if err != nil {
		guard.Refuse(w, r, err)
		return
	}
	for _, rec := range list {
		p.Keys = append(p.Keys, listedKey{rec})
	}
	showKeys(w, r, status, p)
}

func showKeys(w http.ResponseWriter, r *http.Request, status int, p keyPage) {
	p.Notice, p.Style = keyNotices[r.URL.Query().Get("notice")], template.CSS(pageCSS)
	showPage(w, status, pagePolicy, keysTemplate, p)
}
