package keyset

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-guard/guard/internal/strictjson"
)

// metadataTTL is how long the location of the keys is used before the metadata
// is read again.
const metadataTTL = time.Hour

// A location is the URL of a key set. With Discover it is from the metadata.
type location struct {
	jwksURL  string
	metadata []byte
	readAt   time.Time
}

// locate returns the location of the keys. With Discover it reads the metadata
// if that is unknown or old, or if the last fetch failed, as the keys may have
// moved.
func (r *Remote) locate(ctx context.Context) (location, error) {
	r.mu.Lock()
	loc, failed := r.location, r.failures > 0
	r.mu.Unlock()
	if r.issuer == "" || loc.jwksURL != "" && !failed && r.opts.Now().Sub(loc.readAt) < metadataTTL {
		return loc, nil
	}
	return r.readMetadata(ctx)
}

// readMetadata fetches the issuer's metadata, that of OpenID Connect or else
// that of OAuth, and checks it.
func (r *Remote) readMetadata(ctx context.Context) (location, error) {
	issuer, err := r.parseURL(r.issuer)
	if err != nil {
		return location{}, err
	}
	body, err := r.getFirst(ctx, wellKnown(issuer))
	if err != nil {
		return location{}, err
	}
	var doc struct {
		Issuer  string `json:"issuer"`
		JWKSURI string `json:"jwks_uri"`
	}
	if err := strictjson.Unmarshal(body, &doc); err != nil {
		return location{}, fmt.Errorf("the metadata is not a JSON object: %w", err)
	}
	if !slices.Contains(r.names, doc.Issuer) { // RFC 8414, section 3.3
		return location{}, fmt.Errorf("the metadata is that of %q", doc.Issuer)
	}
	keys, err := r.parseURL(doc.JWKSURI)
	if err != nil {
		return location{}, err
	}
	if issuer.Scheme == "https" && keys.Scheme != "https" {
		return location{}, fmt.Errorf("the metadata of an https issuer names %q", doc.JWKSURI)
	}
	return location{doc.JWKSURI, body, r.opts.Now()}, nil
}

// getFirst fetches the first of several documents. Servers and their proxies answer
// a path that they do not serve with any 4xx status.
func (r *Remote) getFirst(ctx context.Context, addresses []string) ([]byte, error) {
	var errs []error
	for _, address := range addresses {
		body, _, err := r.get(ctx, address)
		if err == nil {
			return body, nil
		}
		errs = append(errs, err)
		if e, ok := errors.AsType[*statusError](err); !ok || e.status/100 != 4 {
			break
		}
	}
	return nil, errors.Join(errs...)
}

// wellKnown returns the URLs that an issuer's metadata may have. OpenID Connect
// appends to the issuer's path; OAuth inserts before it, by a name of its own
// (RFC 8414, section 3.1) or that of OpenID Connect (section 5). The path keeps
// its escapes.
func wellKnown(issuer *url.URL) []string {
	const openid, oauth = "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"
	origin := (&url.URL{Scheme: issuer.Scheme, Host: issuer.Host}).String()
	path := strings.TrimSuffix(issuer.EscapedPath(), "/")
	list := []string{origin + path + openid, origin + oauth + path}
	if path != "" {
		list = append(list, origin+openid+path)
	}
	return list
}
