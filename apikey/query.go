package apikey

import (
	"net/http"
	"net/url"
	"strings"
)

// strip removes the keys from the query of r, which shares its URL with the
// request it was copied from.
func (s sources) strip(r *http.Request) {
	for _, src := range s {
		if src.kind != inQuery || r.URL.RawQuery == "" {
			continue
		}
		query, removed := withoutParameter(r.URL.RawQuery, src.name)
		if !removed {
			continue
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
		r.Form = withoutValues(r.Form, src.name)
	}
}

// withoutParameter removes one parameter from a raw query and leaves the others
// as they were sent.
func withoutParameter(rawQuery, name string) (query string, removed bool) {
	var rest []string
	for part := range strings.SplitSeq(rawQuery, "&") {
		k, _, _ := strings.Cut(part, "=")
		if k, err := url.QueryUnescape(k); err == nil && k == name {
			removed = true
			continue
		}
		rest = append(rest, part)
	}
	return strings.Join(rest, "&"), removed
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
