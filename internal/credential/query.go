package credential

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/go-guard/guard/internal/field"
)

// stripQuery removes a parameter from the URL of r, which shares its URL with the
// request it was copied from.
func stripQuery(r *http.Request, name string) {
	query, removed := field.WithoutQuery(r.URL.RawQuery, name)
	if !removed {
		return
	}
	u := *r.URL
	u.RawQuery = query
	r.URL = &u
	if path, _, ok := strings.Cut(r.RequestURI, "?"); ok {
		r.RequestURI = path
		if query != "" {
			r.RequestURI += "?" + query
		}
	}
	r.Form = withoutValues(r.Form, name)
}

// withoutValues is a copy of form without the values of one name.
func withoutValues(form url.Values, name string) url.Values {
	if form == nil {
		return nil
	}
	c := make(url.Values, len(form))
	for k, v := range form {
		if k != name {
			c[k] = v
		}
	}
	return c
}
