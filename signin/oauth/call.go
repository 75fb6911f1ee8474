package oauth

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/strictjson"
)

const maxAnswer = 1 << 20 // bytes

// An answer is what the provider answered to one request.
type answer struct {
	status int
	body   []byte
	err    error // the body could not be read
}

// post sends a form to an endpoint of the provider, which authenticates the client. An
// error is that of a request that was not answered.
func (l *Login[C]) post(ctx context.Context, m *metadata, endpoint string, form url.Values) (answer, error) {
	audience := l.server.issuer
	if !l.server.openID {
		audience = endpoint // RFC 7523, section 3, for a server without a name
	}
	h := http.Header{
		"Content-Type": {"application/x-www-form-urlencoded"},
		// Nothing is sent, and the request goes to another connection where the provider
		// closed an idle one at that moment: see http.Transport. If it had read the code all
		// the same, it refuses it.
		"Idempotency-Key": nil,
	}
	if err := l.client.authenticate(h, form, m, audience); err != nil {
		return answer{}, fmt.Errorf("oauth: the client assertion: %w", err)
	}
	return l.call(ctx, http.MethodPost, endpoint, h, form.Encode())
}

// call sends one request, which has callTimeout. A client that leaves stops waiting. An
// answer whose body does not arrive has its status all the same.
func (l *Login[C]) call(ctx context.Context, method, endpoint string, h http.Header, body string) (answer, error) {
	h.Set("Accept", "application/json")
	var status atomic.Int32
	a, err := l.calls.Do(ctx, struct{}{}, func(ctx context.Context) (answer, error) {
		r, err := http.NewRequestWithContext(ctx, method, endpoint, strings.NewReader(body))
		if err != nil {
			return answer{}, err
		}
		r.Header = h
		resp, err := l.http.Reveal().Do(r)
		if err != nil {
			return answer{}, err
		}
		defer func() { _ = resp.Body.Close() }()
		status.Store(int32(resp.StatusCode))
		a := answer{status: resp.StatusCode}
		a.body, a.err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
		if a.err == nil && len(a.body) > maxAnswer {
			a.err = errAnswerTooLarge
		}
		return a, nil
	})
	switch {
	case err == nil, ctx.Err() != nil:
		return a, err
	case status.Load() != 0:
		return answer{status: int(status.Load()), err: err}, nil
	}
	return a, guard.Unavailable(err)
}

// isKnown reports whether text is an error code of RFC 6749, sections 4.1.2.1 and 5.2, of
// OpenID Connect Core, section 3.1.2.6, or of RFC 9126, which a reason may repeat: any
// other is anyone's text.
func isKnown(text string) bool {
	switch text {
	case "invalid_request", "unauthorized_client", "unsupported_response_type", "invalid_scope", "server_error",
		"temporarily_unavailable", "invalid_client", "unsupported_grant_type", "interaction_required", "login_required",
		"account_selection_required", "consent_required", "invalid_request_uri", "invalid_request_object",
		"request_not_supported", "request_uri_not_supported", "registration_not_supported", "invalid_redirect_uri",
		"unmet_authentication_requirements":
		return true
	}
	return false
}

// namedError is the error that a code stands for.
func namedError(where, text string) error {
	if !isKnown(text) {
		text = "an error of its own"
	}
	return fmt.Errorf("oauth: %s answered %s", where, text)
}

// problem returns the error for an answer that is no 2xx. outage is whether it says
// nothing about the request, which may be sent again.
func (a *answer) problem() (outage bool, err error) {
	switch {
	case a.status/100 == 3:
		return true, guard.Unavailable(errAnswerRedirect)
	case a.status/100 != 4 || a.status == http.StatusTooManyRequests || a.status == http.StatusRequestTimeout:
		return true, guard.Unavailable(fmt.Errorf("oauth: the provider answered with status %d", a.status))
	case a.err != nil:
		return true, guard.Unavailable(a.err)
	}
	var refused struct {
		Error string `json:"error"`
	}
	if strictjson.Unmarshal(a.body, &refused) != nil || refused.Error == "" {
		return true, guard.Unavailable(fmt.Errorf("oauth: the provider answered with status %d and no error code", a.status))
	}
	return ofCode(refused.Error)
}

// ofCode returns the error for an error code of the token endpoint (RFC 6749, section
// 5.2). GitHub has names of its own for three of them.
func ofCode(text string) (outage bool, err error) {
	switch text {
	case "invalid_grant", "bad_verification_code", "bad_refresh_token":
		return false, failed(errInvalidGrant)
	case "interaction_required", "login_required", "consent_required": // Microsoft's
		return false, failed(errInteraction)
	case "invalid_client", "incorrect_client_credentials":
		return false, errInvalidClient
	case "server_error", "temporarily_unavailable":
		return true, guard.Unavailable(namedError("the provider", text))
	}
	return false, namedError("the provider", text) // the client, or its registration, is configured wrongly
}
