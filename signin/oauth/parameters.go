package oauth

import (
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
)

const maxParameters = 32 << 10 // bytes of a query or form

// readForm returns the form that a request posts. refuse makes a refusal of a cause.
func readForm(w http.ResponseWriter, r *http.Request, refuse func(cause error) error) (string, error) {
	if t, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); t != "application/x-www-form-urlencoded" {
		return "", refuse(errParameters)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxParameters))
	if err != nil { // too large, or the client's connection failed: no failure of ours
		return "", refuse(errParameters)
	}
	return string(body), nil
}

// parametersOf reads the parameters of a query or form. Each may occur once.
func parametersOf(text string, refuse func(cause error) error) (url.Values, error) {
	if len(text) > maxParameters {
		return nil, refuse(errParameters)
	}
	values, err := url.ParseQuery(text)
	if err != nil {
		return nil, refuse(errParameters)
	}
	for _, v := range values {
		if len(v) > 1 {
			return nil, refuse(errRepeated)
		}
	}
	return values, nil
}

// withQuery adds parameters to a URL, which may have some.
func withQuery(address string, form url.Values) string {
	separator := "?"
	if strings.Contains(address, "?") {
		separator = "&"
	}
	return address + separator + form.Encode()
}
