package oauth

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-guard/guard/internal/openid"
	"github.com/go-guard/guard/internal/strictjson"
	"github.com/go-guard/guard/jwtauth"
)

// Apple is Sign in with Apple, for a Services ID, which is Client.ID, of the team with
// this ID. Client.Key is the team's key, with its key ID:
//
//	jwtauth.ECDSA("ES256", p8).WithID("ABC123DEFG")
//
// It signs the client secret anew for each request, so that none expires.
//
// With the scopes "email", which is requested unless Options.Scopes is set, and "name",
// Apple posts its answer, as with Options.FormPost: the callback is a POST. Apple gives
// the name in a person's first sign-in only: see Identity.FirstName. An address may be one
// that Apple forwards (the claim "is_private_email").
func Apple(teamID string) Provider { return apple(teamID) }

type apple string

const (
	appleIssuer = "https://appleid.apple.com"
	// A client secret may be valid for six months. This is longer than a request takes.
	appleSecretLifetime = 5 * time.Minute
)

// server has what
// https://developer.apple.com/documentation/signinwithapplerestapi documents. Apple's
// metadata is not read: in June 2025 it named another issuer than the ID tokens.
func (team apple) server(o *Options) (*server, error) {
	s := &server{
		issuer: appleIssuer, openID: true, keys: jwtauth.RemoteKeys(appleIssuer+"/auth/keys", o.remote()),
		appleTeam: string(team), declined: "user_cancelled_authorize",
		fixed: &metadata{authorize: appleIssuer + "/auth/authorize", token: appleIssuer + "/auth/token", algorithms: []string{"RS256"}},
	}
	var errs []error
	if team == "" || strings.Trim(string(team), "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		errs = append(errs, fmt.Errorf("oauth: Apple(%q): a team ID is capital letters and digits", string(team)))
	}
	if o.UserInfo {
		errs = append(errs, errors.New("oauth: UserInfo: Apple has no userinfo endpoint"))
	}
	return s, errors.Join(errs...)
}

// checkApple returns why a Client is none of Apple's.
func checkApple(c Client, hasKey bool) error {
	if hasKey {
		if alg, id := openid.KeyName(c.Key); alg == "ES256" && id != "" && len(c.Secret) == 0 && c.Auth == "" {
			return nil
		}
	}
	return errors.New(`oauth: Client: Apple needs a Key jwtauth.ECDSA("ES256", …).WithID(its key ID), and neither Secret nor Auth`)
}

// appleSecret returns a client secret
// (https://developer.apple.com/documentation/accountorganizationaldatasharing/creating-a-client-secret).
func (c *client) appleSecret() (string, error) {
	now := c.now().Unix()
	payload, err := json.Marshal(struct {
		Iss string `json:"iss"`
		Sub string `json:"sub"`
		Aud string `json:"aud"`
		Iat int64  `json:"iat"`
		Exp int64  `json:"exp"`
	}{c.appleTeam, c.id, appleIssuer, now, now + int64(appleSecretLifetime/time.Second)})
	if err != nil {
		return "", err
	}
	return openid.Sign(c.key, payload)
}

// appleName returns the name in the parameter user of Apple's answer
// (https://developer.apple.com/documentation/signinwithapple/configuring-your-webpage-for-sign-in-with-apple).
// It has no signature: nothing else in it is read, and above all no e-mail address.
func appleName(user string) (first, last string) {
	var c struct {
		Name struct {
			First string `json:"firstName"`
			Last  string `json:"lastName"`
		} `json:"name"`
	}
	if strictjson.Unmarshal([]byte(user), &c) != nil {
		return "", ""
	}
	if isSubject(c.Name.First) {
		first = c.Name.First
	}
	if isSubject(c.Name.Last) {
		last = c.Name.Last
	}
	return first, last
}
