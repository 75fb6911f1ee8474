package oauth

import (
	"errors"
	"net/http"

	"github.com/go-guard/guard"
)

// The refusals of a callback and of a logout token. Each has a cause, for Observe only, which quotes nothing of
// the request or of the provider's answer.

// invalid is the 400 for a callback that belongs to no pending sign-in.
func invalid(cause error) error {
	return &guard.Error{Status: http.StatusBadRequest, Code: "signin_invalid", Message: "Invalid or expired sign-in", Err: cause}
}

// failed is the 401 for an answer of the provider that is not accepted.
func failed(cause error) error {
	return &guard.Error{Status: http.StatusUnauthorized, Code: "signin_failed", Message: "Sign-in failed", Err: cause}
}

// unsuccessful is the 400 where the provider answered with an error.
func unsuccessful(cause error) error {
	return &guard.Error{Status: http.StatusBadRequest, Code: "signin_failed", Message: "Sign-in failed", Err: cause}
}

// declined is the 403 where the person said no.
func declined() error {
	return &guard.Error{Status: http.StatusForbidden, Code: "signin_declined", Message: "Sign-in was declined", Err: errDeclined}
}

// crossOrigin is the 403 for a request to link that another site sent.
func crossOrigin() error {
	return &guard.Error{Status: http.StatusForbidden, Code: "cross_origin", Message: "Cross-site request refused", Err: errCrossOrigin}
}

// badLogout is the 400 for a logout token that is not accepted (OpenID Connect
// Back-Channel Logout 1.0, section 2.8). The error parameter, which the body may have
// there, is that of the application's format.
func badLogout(cause error) error {
	return &guard.Error{Status: http.StatusBadRequest, Code: "logout_token_invalid", Message: "Invalid logout token", Err: cause}
}

var (
	errRepeated       = errors.New("oauth: a parameter occurs twice")
	errParameters     = errors.New("oauth: the parameters are malformed or too long")
	errState          = errors.New("oauth: state is missing, malformed or of another sign-in")
	errNoCookie       = errors.New("oauth: no cookie of this sign-in: it began in another browser, expired or was completed")
	errTwoCookies     = errors.New("oauth: two cookies of this sign-in")
	errForeignCookie  = errors.New("oauth: the cookie is of another provider, client, callback or key")
	errPendingExpired = errors.New("oauth: the sign-in is older than ten minutes, or begins in the future")
	errBusy           = errors.New("oauth: the sign-in is completed by another request at this time")
	errSpent          = errors.New("oauth: the sign-in was completed before")
	errNoCode         = errors.New("oauth: code is missing or empty")
	errCodeAndError   = errors.New("oauth: both a code and an error")

	errCrossOrigin = errors.New("oauth: a request to link from another site")

	errDeclined         = errors.New("oauth: the provider answered access_denied")
	errIssuerMissing    = errors.New("oauth: iss is missing, which the provider announces (RFC 9207)")
	errIssuerOther      = errors.New("oauth: iss is another issuer (RFC 9207)")
	errInvalidGrant     = errors.New("oauth: the token endpoint answered invalid_grant")
	errTenant           = errors.New("oauth: iss is not that of the token's tid, or of no tenant that may sign in")
	errInteraction      = errors.New("oauth: the token endpoint requires that the person signs in or consents again")
	errNoRefreshToken   = errors.New("oauth: there is no refresh token")
	errRefreshBusy      = errors.New("oauth: another process refreshes these tokens for too long")
	errRefreshKey       = errors.New("oauth: Options.Once has the key of a refresh as done")
	errNoIDToken        = errors.New("oauth: the answer has no ID token")
	errNonce            = errors.New("oauth: nonce is missing or another")
	errAZPMissing       = errors.New("oauth: azp is missing, and aud has several values")
	errAZP              = errors.New("oauth: azp is another client")
	errAlgorithm        = errors.New("oauth: alg is not one of the provider's metadata")
	errAtHash           = errors.New("oauth: at_hash is not that of the access token")
	errNoAuthTime       = errors.New("oauth: auth_time is missing, and max_age was sent")
	errAuthTime         = errors.New("oauth: auth_time is longer ago than max_age, or in the future")
	errACR              = errors.New("oauth: acr is none of ACRValues")
	errSubject          = errors.New("oauth: the subject is longer than 255 bytes or has control characters")
	errClaims           = errors.New("oauth: the claims do not fit their Go type")
	errUserInfoSubject  = errors.New("oauth: the userinfo is of another subject, or of none")
	errNoID             = errors.New("oauth: the user's id is missing, or neither a string nor an integer")
	errRequestTooLarge  = errors.New("oauth: the ACRValues do not fit into a cookie")
	errInvalidClient    = errors.New("oauth: the provider answered invalid_client")
	errAnswerUnreadable = errors.New("oauth: the provider's answer is not what its protocol has")
	errAnswerTooLarge   = errors.New("oauth: the provider's answer is larger than 1 MiB")
	errUserInfoStatus   = errors.New("oauth: the userinfo endpoint did not answer 200")
	errAnswerRedirect   = errors.New("oauth: the provider redirected the request")

	errNoLogoutTokens = errors.New("oauth: Endpoints have no logout tokens")
	errNoLogoutToken  = errors.New("oauth: logout_token is missing or empty")
	errLogoutSegments = errors.New("oauth: the logout token is not three segments of strict base64url, of at most 16 KiB")
	errLogoutClaims   = errors.New("oauth: the logout token's payload is not one strict JSON object, or a claim of it is of another type")
	errLogoutIssuer   = errors.New("oauth: the logout token's iss is missing or another issuer")
	errLogoutAudience = errors.New("oauth: the logout token's aud is missing or another client")
	errLogoutAge      = errors.New("oauth: the logout token's iat is missing or more than five minutes ago")
	errLogoutFuture   = errors.New("oauth: the logout token's iat is in the future")
	errLogoutExpired  = errors.New("oauth: the logout token's exp is missing or past")
	errLogoutID       = errors.New("oauth: the logout token's jti is missing or empty")
	errLogoutNonce    = errors.New("oauth: the logout token has a nonce, as an ID token has")
	errLogoutEvent    = errors.New("oauth: the logout token's events have no object of the back-channel logout")
	errLogoutNothing  = errors.New("oauth: the logout token has neither sub nor sid, or an empty sid")
	errLogoutSpent    = errors.New("oauth: the logout token was received before")
	errHint           = errors.New("oauth: the session's ID token is not one of this provider and client, which therefore was not sent")
	errLogoutBusy     = errors.New("oauth: the logout token is handled by another request at this time")
)
