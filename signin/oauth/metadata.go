package oauth

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-guard/guard/internal/httpsurl"
	"github.com/go-guard/guard/internal/keyset"
	"github.com/go-guard/guard/internal/strictjson"
)

// metadata is what a sign-in needs of a provider's metadata (RFC 8414, section 2).
type metadata struct {
	text                                   string
	authorize, token, userInfo, pushed     string
	endSession                             string // of RP-Initiated Logout 1.0, section 2.1; empty without one
	mustPush, announcesIssuer, prefersPost bool
	algorithms                             []string // of ID tokens; asymmetric ones
}

// parse reads a document that names the issuer.
func (s *server) parse(text []byte) (*metadata, error) {
	var doc struct {
		Authorize    string   `json:"authorization_endpoint"`
		Token        string   `json:"token_endpoint"`
		UserInfo     string   `json:"userinfo_endpoint"`
		Pushed       string   `json:"pushed_authorization_request_endpoint"`
		EndSession   string   `json:"end_session_endpoint"`
		MustPush     bool     `json:"require_pushed_authorization_requests"`
		Issuer       bool     `json:"authorization_response_iss_parameter_supported"`
		Algorithms   []string `json:"id_token_signing_alg_values_supported"`
		ClientAuth   []string `json:"token_endpoint_auth_methods_supported"`
		Interactions []string `json:"response_types_supported"`
	}
	if err := strictjson.Unmarshal(text, &doc); err != nil {
		return nil, fmt.Errorf("oauth: the metadata of %s: %w", s.issuer, err)
	}
	m := &metadata{
		text: string(text), authorize: doc.Authorize, token: doc.Token, userInfo: doc.UserInfo, pushed: doc.Pushed,
		endSession: doc.EndSession, mustPush: doc.MustPush, announcesIssuer: doc.Issuer,
		// Without a list it is client_secret_basic (RFC 8414, section 2).
		prefersPost: slices.Contains(doc.ClientAuth, string(Post)) && !slices.Contains(doc.ClientAuth, string(Basic)),
	}
	errs := []error{
		s.endpoint("authorization_endpoint", m.authorize, true),
		s.endpoint("token_endpoint", m.token, true),
		s.endpoint("userinfo_endpoint", m.userInfo, s.opts.UserInfo),
		s.endpoint("pushed_authorization_request_endpoint", m.pushed, m.mustPush),
		s.endpoint("end_session_endpoint", m.endSession, false),
	}
	if len(doc.Algorithms) == 0 {
		doc.Algorithms = []string{"RS256"} // required of every provider (Discovery 1.0, section 3)
	}
	for _, name := range doc.Algorithms {
		if a := keyset.AlgorithmByName(name); a != nil && a.Type != keyset.Symmetric {
			m.algorithms = append(m.algorithms, a.Names()...)
		}
	}
	if len(m.algorithms) == 0 {
		errs = append(errs, fmt.Errorf("oauth: the metadata of %s has no asymmetric algorithm for ID tokens", s.issuer))
	}
	if len(doc.Interactions) > 0 && !slices.Contains(doc.Interactions, "code") {
		errs = append(errs, fmt.Errorf("oauth: the metadata of %s has no response type code", s.issuer))
	}
	return m, errors.Join(errs...)
}

// endpoint checks a URL of the metadata: that of an https issuer is https.
func (s *server) endpoint(name, address string, required bool) error {
	if address == "" && !required {
		return nil
	}
	u, err := httpsurl.Parse(address, s.opts.InsecureHTTP)
	if err == nil && u.Scheme != "https" && strings.HasPrefix(s.issuer, "https:") {
		err = fmt.Errorf("%q is not https", address)
	}
	if err != nil {
		return fmt.Errorf("oauth: %s in the metadata of %s: %w", name, s.issuer, err)
	}
	return nil
}
