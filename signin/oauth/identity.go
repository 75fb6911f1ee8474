package oauth

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/strictjson"
	"github.com/go-guard/guard/jwtauth"
)

// An Identity is a person at a provider. Issuer and Subject together are its key, and
// neither is empty: a Subject alone, or an e-mail address, is not. Printing it shows no
// token.
type Identity[C any] struct {
	Issuer, Subject string
	// Email may be empty. Only if EmailVerified is true does the provider say that it is
	// the person's; anyone may have written any other. An account that has the same address
	// is still another account.
	Email         string
	EmailVerified bool
	// Claims are those of the ID token and of the userinfo. A member that both have is the ID
	// token's as a whole.
	Claims C

	// FirstName and LastName are in the answer to a person's first sign-in with Apple that
	// has the scope "name", and empty in any other. The browser could have changed them:
	// they may be shown, and decide nothing.
	FirstName, LastName string

	// SessionID is the provider's session (sid), if it names it. AuthTime is when the
	// person signed in there, zero if that is unknown; ACR and AMR say how.
	SessionID string
	AuthTime  time.Time
	ACR       string
	AMR       []string
	// IDToken is the token as it was received, for a logout at the provider, of at most 64
	// KiB. A session that stores it needs a session.Options.MaxData that is large enough; or
	// else store none, and the provider may ask the person before it signs out. It is nil
	// with Endpoints.
	IDToken guard.Secret
	// Tokens are zero unless Options.KeepTokens is set.
	Tokens Tokens

	// LinkTo is the account that [Login.Link] was for, which gets this identity. It is
	// empty for an ordinary sign-in.
	LinkTo string

	// Next is where the browser goes after the function of Complete, which may change it: a
	// path of this site, empty if the sign-in has none. Any other value leads to "/".
	Next string
}

// Ref names the provider's session, for session.Ref and refresh.StartOptions.Ref: a digest
// of Issuer and SessionID, in 43 characters. [LogoutToken.Ref] is the same text. It is
// empty where the provider does not name the session.
func (who *Identity[C]) Ref() string { return refOf(who.Issuer, who.SessionID) }

// An email is the claims about an address (OpenID Connect Core, section 5.1).
type email struct {
	Email    string          `json:"email"`
	Verified json.RawMessage `json:"email_verified"`
}

// verified reports whether the address is verified. Some providers write a string.
func (e *email) verified() bool {
	return e.Email != "" && (string(e.Verified) == "true" || string(e.Verified) == `"true"`)
}

// identify returns who a grant is for.
func (l *Login[C]) identify(ctx context.Context, m *metadata, p *pending, g *grant) (*Identity[C], error) {
	who := &Identity[C]{Issuer: l.server.issuer, LinkTo: string(p.LinkTo), Next: p.Next}
	if l.opts.KeepTokens {
		who.Tokens = g.tokens(l.opts.Now(), l.opts.Scopes, l.server)
	}
	if !l.server.openID {
		return who, l.fromUser(ctx, m, g, who)
	}
	t, payload, err := l.verifyIDToken(ctx, m, p, g)
	if err != nil {
		return nil, err
	}
	if l.opts.UserInfo {
		if err := l.fromUserInfo(ctx, m, g, t.Sub(), payload, who); err != nil {
			return nil, err
		}
	}
	if err := l.fromIDToken(t, payload, g, who); err != nil {
		return nil, err
	}
	if f := l.server.emailVerified; f != nil {
		who.EmailVerified = t.Claims.Email != "" && f(payload)
	}
	return who, nil
}

// fromIDToken sets what an ID token says, which counts before the userinfo.
func (l *Login[C]) fromIDToken(t *jwtauth.Token[idClaims], payload []byte, g *grant, who *Identity[C]) error {
	who.Issuer = t.Issuer
	who.Subject, who.SessionID, who.IDToken = t.Sub(), t.SessionID, guard.Secret(g.IDToken)
	who.ACR, who.AMR = t.Claims.ACR, texts(t.Claims.AMR)
	if t.Claims.AuthTime != nil {
		who.AuthTime = unix(*t.Claims.AuthTime)
	}
	if e := (email{t.Claims.Email, t.Claims.Verified}); e.Email != "" { // never the address of one and the mark of the other
		who.Email, who.EmailVerified = e.Email, e.verified()
	}
	return l.decode(payload, &who.Claims)
}

// texts returns an array of strings, nil for anything else.
func texts(text json.RawMessage) (list []string) {
	if json.Unmarshal(text, &list) != nil {
		return nil
	}
	return list
}

// get sends a request with the access token.
func (l *Login[C]) get(ctx context.Context, endpoint string, g *grant) (answer, error) {
	return l.call(ctx, http.MethodGet, endpoint, http.Header{"Authorization": {"Bearer " + g.AccessToken}}, "")
}

// userInfo fetches what the provider says about the person that the access token is of.
func (l *Login[C]) userInfo(ctx context.Context, m *metadata, g *grant) ([]byte, error) {
	a, err := l.get(ctx, m.userInfo, g)
	switch {
	case err != nil:
		return nil, err
	case a.status != http.StatusOK:
		return nil, guard.Unavailable(errUserInfoStatus)
	case a.err != nil:
		return nil, guard.Unavailable(a.err)
	}
	return a.body, nil
}

// fromUserInfo sets what the userinfo says (OpenID Connect Core, section 5.3.2): it must
// be that of the ID token's subject. idToken is the payload of that token.
func (l *Login[C]) fromUserInfo(ctx context.Context, m *metadata, g *grant, subject string, idToken []byte, who *Identity[C]) error {
	text, err := l.userInfo(ctx, m, g)
	if err != nil {
		return err
	}
	var user struct {
		Subject string `json:"sub"`
		email
	}
	if strictjson.Unmarshal(text, &user) != nil {
		return guard.Unavailable(errAnswerUnreadable)
	}
	if user.Subject != subject {
		return failed(errUserInfoSubject)
	}
	who.Email, who.EmailVerified = user.Email, user.verified()
	if text, err = l.without(text, idToken); err != nil {
		return err
	}
	return l.decode(text, &who.Claims)
}

// without returns the userinfo without the members that the ID token has. encoding/json
// would mix the two values where they are objects or lists: an element of the ID token's
// list would keep the fields of the userinfo's that it lacks.
func (l *Login[C]) without(userInfo, idToken []byte) ([]byte, error) {
	var members, counting map[string]json.RawMessage
	if l.shape.Unmarshal(userInfo, &members) != nil || json.Unmarshal(idToken, &counting) != nil {
		return nil, failed(errClaims)
	}
	for name := range counting {
		delete(members, name)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // an UnmarshalJSON of C reads the values as the provider wrote them
	err := e.Encode(members)
	return b.Bytes(), err
}

// fromUser sets what the user endpoint of plain OAuth 2.0 says.
func (l *Login[C]) fromUser(ctx context.Context, m *metadata, g *grant, who *Identity[C]) error {
	text, err := l.userInfo(ctx, m, g)
	if err != nil {
		return err
	}
	var user struct {
		ID json.RawMessage `json:"id"`
		email
	}
	if strictjson.Unmarshal(text, &user) != nil {
		return guard.Unavailable(errAnswerUnreadable)
	}
	if who.Subject = subjectOf(user.ID); !isSubject(who.Subject) {
		return failed(errNoID)
	}
	who.Email, who.EmailVerified = user.Email, user.verified()
	if l.server.emails != "" {
		if err := l.gitHubEmail(ctx, g, who); err != nil {
			return err
		}
	}
	return l.decode(text, &who.Claims)
}

// subjectOf returns an id that is a string, or the digits of one that is an integer:
// as a float64 it would be another one beyond 2^53.
func subjectOf(id json.RawMessage) (subject string) {
	if len(id) > 0 && strings.Trim(string(id), "0123456789") == "" {
		return string(id)
	}
	if json.Unmarshal(id, &subject) != nil {
		return ""
	}
	return subject
}
