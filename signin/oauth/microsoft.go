package oauth

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/go-guard/guard/internal/openid"
	"github.com/go-guard/guard/internal/strictjson"
	"github.com/go-guard/guard/jwtauth"
)

// Microsoft is Entra ID and Microsoft accounts. tenant is the ID of a tenant, a GUID, or
// "organizations" for work and school accounts of every tenant, "consumers" for personal
// accounts, or "common" for both.
//
// The identity's Issuer is that of the person's tenant: subjects of two tenants differ,
// and an application of several tenants can admit some by the tid of Claims. Microsoft's
// e-mail addresses are those that a tenant's administrator writes. EmailVerified is true
// only if the ID token has xms_edov, an optional claim of the registration which says
// that the tenant owns the address's domain.
//
// A refresh token needs the scope "offline_access".
func Microsoft(tenant string) Provider { return microsoft(tenant) }

type microsoft string

const (
	microsoftAt       = "https://login.microsoftonline.com/"
	microsoftTemplate = "{tenantid}"
	// The tenant of personal accounts.
	microsoftPersonal = "9188040d-6c67-4c5b-b112-36a304b66dad"
)

// microsoftIssuer is the issuer of a tenant.
func microsoftIssuer(tenant string) string { return microsoftAt + tenant + "/v2.0" }

// server has what
// https://learn.microsoft.com/en-us/entra/identity-platform/v2-protocols-oidc and
// https://learn.microsoft.com/en-us/entra/identity-platform/access-tokens#validate-the-issuer
// document.
func (tenant microsoft) server(o *Options) (*server, error) {
	at := strings.ToLower(string(tenant))
	s := &server{openID: true, emailVerified: isMicrosoftEmail}
	var names []string // of the issuer, in the metadata
	switch {
	case at == "common", at == "organizations":
		s.issuer = microsoftIssuer(microsoftTemplate)
		names = []string{s.issuer}
	case at == "consumers":
		s.issuer = microsoftIssuer(microsoftPersonal)
		names = []string{s.issuer, microsoftIssuer(microsoftTemplate)}
	case isGUID(at):
		s.issuer = microsoftIssuer(at)
		names = []string{s.issuer}
	default: // a domain's metadata has the GUID as its issuer, which is not known here
		return s, fmt.Errorf(`oauth: Microsoft(%q): a tenant is its ID (a GUID), "organizations", "consumers" or "common"`, string(tenant))
	}
	keys := openid.DiscoverAt(microsoftIssuer(at), names, o.remote())
	s.keys = keys.(jwtauth.KeySource)
	s.isTenant = func(issuer string) bool {
		id, found := strings.CutPrefix(issuer, microsoftAt)
		id, found2 := strings.CutSuffix(id, "/v2.0")
		switch {
		case !found || !found2 || !isGUID(id):
			return false
		case at == "common":
			return true
		case at == "organizations":
			return id != microsoftPersonal
		}
		return issuer == s.issuer
	}
	s.tenantOf = func(token string) (issuer string, source jwtauth.KeySource, err error) {
		_, payload := segments(token)
		var c struct {
			Issuer string `json:"iss"`
			Tenant string `json:"tid"`
		}
		if strictjson.Unmarshal(payload, &c) != nil || c.Issuer != microsoftIssuer(c.Tenant) || !s.isTenant(c.Issuer) {
			return "", nil, errTenant
		}
		return c.Issuer, openid.KeysFor(keys, func(issuer string) bool {
			return issuer == c.Issuer || issuer == microsoftIssuer(microsoftTemplate)
		}).(jwtauth.KeySource), nil
	}
	return s, nil
}

// isMicrosoftEmail reports whether the address of an ID token is verified
// (https://learn.microsoft.com/en-us/entra/identity-platform/optional-claims-reference).
// xms_edov is documented as a boolean, and some tokens have "1".
func isMicrosoftEmail(payload []byte) bool {
	var c struct {
		Verified json.RawMessage `json:"xms_edov"`
	}
	if strictjson.Unmarshal(payload, &c) != nil {
		return false
	}
	switch string(c.Verified) {
	case "true", `"true"`, "1", `"1"`:
		return true
	}
	return false
}

// isGUID reports whether s is a GUID in lower case, with its hyphens.
func isGUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i, c := range []byte(s) {
		switch hyphen := i == 8 || i == 13 || i == 18 || i == 23; {
		case hyphen && c != '-':
			return false
		case !hyphen && (c < '0' || c > '9') && (c < 'a' || c > 'f'):
			return false
		}
	}
	return true
}
