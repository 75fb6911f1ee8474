package passkey

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/protocol"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/field"
	"github.com/go-guard/guard/internal/sealed"
	"github.com/go-guard/guard/internal/wiring"
	"github.com/go-guard/guard/once"
)

// Options holds what has a safe default.
type Options struct {
	// OldKeys open cookies that were sealed before the key was replaced. Five minutes
	// later none is needed.
	OldKeys []guard.Secret
	// Once spends each challenge a single time, over all processes that share it. If nil,
	// it is a once.Memory of this process: with several, a response that is replayed at
	// another one within five minutes, with the browser's cookie, is accepted again.
	Once once.Store
	// Name is the name of the application, which browsers may show: 1 to 64 bytes of text.
	// If empty, it is the relying party's ID.
	Name string
	// MaxPerAccount is how many passkeys an account may have. If 0, 20; at most 50.
	// Registrations in parallel may exceed it.
	MaxPerAccount int
	// CookieName is the name of the cookies after the prefix __Host-, and before the part
	// of each challenge. If empty, "passkey". A browser has at most 8 of them, and the
	// oldest ends for another.
	CookieName string
	// InsecureCookie is for plain http on localhost with Safari, which returns no Secure
	// cookie there: the cookies have neither the prefix nor Secure, so that others on the
	// network and on subdomains can read and set them.
	InsecureCookie bool
	// Now is the clock. If nil, it is time.Now.
	Now func() time.Time
}

// A RelyingParty registers passkeys and signs in with them. It is safe for use by several
// goroutines. Use [New].
type RelyingParty struct {
	id         string
	origins    []string
	store      Store
	opts       Options // without OldKeys
	box        sealed.Box
	cookie     http.Cookie
	sameOrigin *http.CrossOriginProtection
}

const (
	maxCookieName = 64
	maxText       = 64 // bytes of what authenticators show: they may cut longer text (WebAuthn, section 6.4.1)
)

// New returns a relying party. id is its ID: the host of the site, or a parent domain of it
// whose pages may all use its passkeys, and "localhost" for trials. It cannot change: each
// passkey belongs to it.
//
// origins are those whose pages may use passkeys, such as "https://app.example.com"; for an
// app of Android, "android:apk-key-hash:" and the hash. One that is not within id needs
// [RelyingParty.RelatedOrigins]. Plain http is for localhost.
//
// key, of 32 random bytes or more and the same in all processes, seals the cookies of
// challenges. opts may be nil. New reports every mistake.
func New(id string, origins []string, key guard.Secret, store Store, opts *Options) (*RelyingParty, error) {
	p := &RelyingParty{id: id, store: store}
	if opts != nil {
		p.opts = *opts
	}
	o := &p.opts
	var errs []error
	mistake := func(format string, args ...any) { errs = append(errs, fmt.Errorf("passkey: "+format, args...)) }
	if advice := adviceOnID(id); advice != "" {
		mistake("the ID %q %s", id, advice)
	}
	if wiring.IsNil(store) {
		mistake("the Store is nil")
	}
	all := append([]guard.Secret{key}, o.OldKeys...)
	var err error
	if p.box, err = sealed.New("guard signin/passkey: challenge", all...); err != nil {
		mistake("the key and OldKeys: %w", err)
	}
	o.OldKeys = nil
	errs = append(errs, p.setOrigins(origins), o.complete(id))
	if !o.InsecureCookie {
		o.CookieName = "__Host-" + o.CookieName
	}
	p.cookie = http.Cookie{Path: "/", MaxAge: int(lifetime / time.Second), HttpOnly: true, Secure: !o.InsecureCookie, SameSite: http.SameSiteStrictMode}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return p, nil
}

// adviceOnID returns what is wrong with a relying party's ID, "" if nothing is (WebAuthn,
// section 5.1.2: a domain string, lower-case as browsers compare it).
func adviceOnID(id string) string {
	switch {
	case id != "" && id != "localhost" && !strings.ContainsAny(id, ".:/"):
		return `is a domain of one label, which browsers accept as "localhost" alone`
	case protocol.ValidateRPID(id) != nil || strings.ContainsAny(id, ":/@ *") || strings.HasPrefix(id, ".") || strings.HasSuffix(id, "."):
		return `is no domain: write it as "app.example.com", without scheme and port`
	case id != strings.ToLower(id):
		return fmt.Sprintf("is not in lower case: write %q", strings.ToLower(id))
	}
	return ""
}

func (p *RelyingParty) setOrigins(origins []string) error {
	var errs []error
	if len(origins) == 0 {
		errs = append(errs, errors.New(`passkey: there is no origin: write "https://" and the host of the pages`))
	}
	var web []string
	for _, origin := range origins {
		if protocol.IsKnownOpaqueOrigin(origin) && !strings.HasPrefix(origin, "file:") {
			p.origins = append(p.origins, origin)
			continue
		}
		web = append(web, origin)
		host, plain := strings.CutPrefix(origin, "http://")
		host, _, _ = strings.Cut(host, ":")
		switch {
		case !plain && !strings.HasPrefix(origin, "https://"):
			errs = append(errs, fmt.Errorf("passkey: the origin %q is neither https nor that of an app", origin))
		case plain && host != "localhost" && !strings.HasSuffix(host, ".localhost"):
			errs = append(errs, fmt.Errorf("passkey: the origin %q is plain http, where browsers have no passkeys: use https, or localhost", origin))
		}
	}
	var mistakes []error
	p.sameOrigin, mistakes = field.Origins("passkey", web)
	p.origins = append(p.origins, web...)
	return errors.Join(append(errs, mistakes...)...)
}

// complete sets defaults. The error lists mistakes.
func (o *Options) complete(id string) error {
	var errs []error
	mistake := func(format string, args ...any) { errs = append(errs, fmt.Errorf("passkey: "+format, args...)) }
	if o.Now == nil {
		o.Now = time.Now
	}
	errs = append(errs, wiring.TypedNil("passkey", "Once", o.Once))
	if o.Once == nil {
		memory, err := once.NewMemory(&once.MemoryOptions{Now: o.Now})
		o.Once, errs = memory, append(errs, err)
	}
	if o.Name == "" {
		o.Name = id
	} else if !isText(o.Name) {
		mistake("Name %q is not 1 to %d bytes of text", o.Name, maxText)
	}
	if o.MaxPerAccount == 0 {
		o.MaxPerAccount = 20
	}
	if o.MaxPerAccount < 0 || o.MaxPerAccount > 50 {
		mistake("MaxPerAccount is %d, want 1 to 50, as browsers are sent all of them", o.MaxPerAccount)
	}
	if o.CookieName == "" {
		o.CookieName = "passkey"
	}
	if !field.IsToken(o.CookieName) || len(o.CookieName) > maxCookieName {
		mistake("CookieName %q is not a token of at most %d bytes", o.CookieName, maxCookieName)
	}
	if field.HasCookiePrefix(o.CookieName) {
		mistake("CookieName %q: the prefix is added", o.CookieName)
	}
	return errors.Join(errs...)
}
