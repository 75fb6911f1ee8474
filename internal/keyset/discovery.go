package keyset

import (
	"context"
	"errors"
	"fmt"
	"net/url"
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
	loc, err := r.readMetadata(ctx)
	if err != nil {
		return location{}, err
	}
	r.mu.Lock()
	r.location = loc
	r.mu.Unlock()
	return loc, nil
}

// readMetadata fetches the issuer's metadata, that of OpenID Connect or else
// that of OAuth, and checks it.
func (r *Remote) readMetadata(ctx context.Context) (location, error) {
	issuer, err := r.parseURL(r.issuer)
	if err != nil {
		return location{}, err
	}
	openid, oauth := wellKnown(issuer)
	body, _, err := r.get(ctx, openid)
	if errors.Is(err, errNotFound) {
		body, _, err = r.get(ctx, oauth)
	}
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
	if doc.Issuer != r.issuer { // RFC 8414, section 3.3
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

// wellKnown returns the URLs of an issuer's metadata: OpenID Connect appends to
// the issuer's path, OAuth prepends to it (RFC 8414, section 3.1).
func wellKnown(issuer *url.URL) (openid, oauth string) {
	path := strings.TrimSuffix(issuer.Path, "/")
	o, a := *issuer, *issuer
	o.Path = path + "/.well-known/openid-configuration"
	a.Path = "/.well-known/oauth-authorization-server" + path
	o.RawPath, a.RawPath = "", ""
	return o.String(), a.String()
}
