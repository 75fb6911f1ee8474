package oauth

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/strictjson"
)

// GitHub is github.com, for an OAuth app or a GitHub App, which is plain OAuth 2.0. The
// identity's Issuer is "https://github.com", and its Subject the user's id, which stays
// where the login changes. Claims are those of the user endpoint, such as "login" and
// "name".
//
// With the scope "user:email", which is requested unless Options.Scopes is set, Email is
// the primary address of the user's list, if that is verified. Without it, and for a
// GitHub App without the permission to read addresses, Email is the public address of
// the profile and is not verified.
//
// Tokens of OAuth apps do not expire. Those of GitHub Apps do, and [Login.Refresh]
// refreshes them.
func GitHub() Provider { return gitHub{} }

type gitHub struct{}

// server has what https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps
// documents.
func (gitHub) server(*Options) (*server, error) {
	return &server{
		issuer: "https://github.com",
		iss:    "https://github.com/login/oauth", // https://docs.github.com/en/apps/github-authentication-discovery-endpoints
		scopes: []string{"user:email"},           // https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/scopes-for-oauth-apps
		emails: "https://api.github.com/user/emails?per_page=100",
		fixed: &metadata{
			authorize: "https://github.com/login/oauth/authorize",
			token:     "https://github.com/login/oauth/access_token",
			userInfo:  "https://api.github.com/user", // https://docs.github.com/en/rest/users/users
		},
	}, nil
}

// scopeText returns the scope of an answer with spaces in between, for which GitHub
// writes commas.
func (s *server) scopeText(scope string) string {
	if s.emails != "" {
		return strings.ReplaceAll(scope, ",", " ")
	}
	return scope
}

// gitHubEmail sets the primary address, if it is verified. The address of the user
// endpoint, which who has, is what the person shows in public.
func (l *Login[C]) gitHubEmail(ctx context.Context, g *grant, who *Identity[C]) error {
	who.EmailVerified = false
	if !slices.Contains(l.opts.Scopes, "user:email") && !slices.Contains(l.opts.Scopes, "user") {
		return nil
	}
	a, err := l.get(ctx, l.server.emails, g)
	switch {
	case err != nil:
		return err
	case a.status == http.StatusForbidden, a.status == http.StatusNotFound: // the token lacks the scope or permission
		return nil
	case a.status != http.StatusOK:
		return guard.Unavailable(errUserInfoStatus)
	case a.err != nil:
		return guard.Unavailable(a.err)
	}
	// https://docs.github.com/en/rest/users/emails#list-email-addresses-for-the-authenticated-user
	var list struct {
		Addresses []struct {
			Email    string `json:"email"`
			Primary  bool   `json:"primary"`
			Verified bool   `json:"verified"`
		}
	}
	if strictjson.Unmarshal(slices.Concat([]byte(`{"Addresses":`), a.body, []byte("}")), &list) != nil {
		return guard.Unavailable(errAnswerUnreadable)
	}
	primaries := 0
	for _, each := range list.Addresses {
		if !each.Primary {
			continue
		}
		if primaries++; primaries > 1 { // which one is the person's is unknown
			return guard.Unavailable(errAnswerUnreadable)
		}
		if each.Verified && each.Email != "" {
			who.Email, who.EmailVerified = each.Email, true
		}
	}
	return nil
}
