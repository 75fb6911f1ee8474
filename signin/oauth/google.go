package oauth

import "net/url"

// Google is https://accounts.google.com, for accounts of Google and of Workspace.
//
// Google is the authority for an address only if it ends with "@gmail.com", or if the
// claim "hd" is present, which is the domain of a Workspace: EmailVerified is true for
// others too, whose owner may have changed since. To admit the members of one Workspace,
// compare the hd of Claims: the parameter hd of a request only preselects accounts.
//
// With Options.KeepTokens, a refresh token is requested. Google gives one when the person
// consents for the first time, or again with the Prompt "consent".
func Google() Provider { return google{} }

type google struct{}

// server has what https://developers.google.com/identity/openid-connect/openid-connect
// documents. ID tokens whose iss lacks https, as old ones did, are refused.
func (google) server(o *Options) (*server, error) {
	s, err := discovered("https://accounts.google.com").server(o)
	s.offline = url.Values{"access_type": {"offline"}}
	return s, err
}
