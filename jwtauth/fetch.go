package jwtauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	maxDocument = 1 << 20 // bytes of a key set or metadata

	minTTL      = time.Minute
	defaultTTL  = 15 * time.Minute
	maxTTL      = time.Hour
	metadataTTL = time.Hour
)

// load fetches the keys, and before them their place where that is not known,
// was long ago or was wrong.
func (r *remoteKeys) load(ctx context.Context) ([]publicKey, time.Duration, error) {
	r.mu.Lock()
	place, fresh := r.jwksURL, r.issuer == "" || r.failures == 0 && r.opts.Now().Sub(r.discovered) < metadataTTL
	r.mu.Unlock()
	if place == "" || !fresh {
		var err error
		if place, err = r.discover(ctx); err != nil {
			return nil, 0, err
		}
		r.mu.Lock()
		r.jwksURL, r.discovered = place, r.opts.Now()
		r.mu.Unlock()
	}
	body, h, err := r.get(ctx, place)
	if err != nil {
		return nil, 0, err
	}
	list, err := parseJWKS(body)
	return list, ttlOf(h), err
}

// errNotFound lets discover ask at the other place.
var errNotFound = errors.New("status 404")

// discover is the jwks_uri of the issuer's metadata.
func (r *remoteKeys) discover(ctx context.Context) (string, error) {
	u, err := r.checkURL(r.issuer)
	if err != nil {
		return "", err
	}
	path := strings.TrimSuffix(u.Path, "/")
	openid, oauth := *u, *u
	openid.Path = path + "/.well-known/openid-configuration"
	oauth.Path = "/.well-known/oauth-authorization-server" + path
	openid.RawPath, oauth.RawPath = "", ""
	body, _, err := r.get(ctx, openid.String())
	if errors.Is(err, errNotFound) {
		body, _, err = r.get(ctx, oauth.String())
	}
	if err != nil {
		return "", err
	}
	var doc struct {
		Issuer string `json:"issuer"`
		JWKS   string `json:"jwks_uri"`
	}
	if err := json.Unmarshal(body, &doc); err != nil {
		return "", errors.New("the metadata is not JSON")
	}
	if doc.Issuer != r.issuer { // RFC 8414, section 3.3
		return "", fmt.Errorf("the metadata is that of %q", doc.Issuer)
	}
	keys, err := r.checkURL(doc.JWKS)
	if err != nil {
		return "", err
	}
	if u.Scheme == "https" && keys.Scheme != "https" {
		return "", fmt.Errorf("the metadata of an https issuer names %q", doc.JWKS)
	}
	return doc.JWKS, nil
}

func (r *remoteKeys) get(ctx context.Context, address string) ([]byte, http.Header, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, nil, err
	}
	req.Header.Set("Accept", "application/json, application/jwk-set+json")
	resp, err := r.client.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	switch {
	case resp.StatusCode == http.StatusNotFound:
		return nil, nil, fmt.Errorf("%s: %w", address, errNotFound)
	case resp.StatusCode != http.StatusOK:
		return nil, nil, fmt.Errorf("%s: status %d", address, resp.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxDocument+1))
	if err == nil && len(body) > maxDocument {
		err = fmt.Errorf("%s: more than %d bytes", address, maxDocument)
	}
	return body, resp.Header, err
}

// ttlOf is the max-age of a Cache-Control less the Age (RFC 9111, section 4.2),
// within bounds.
func ttlOf(h http.Header) time.Duration {
	ttl := defaultTTL
	for d := range strings.SplitSeq(strings.Join(h.Values("Cache-Control"), ","), ",") {
		name, value, _ := strings.Cut(strings.ToLower(strings.TrimSpace(d)), "=")
		switch name {
		case "no-store", "no-cache":
			return minTTL
		case "max-age":
			seconds, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31)
			if err != nil {
				return minTTL
			}
			ttl = time.Duration(seconds) * time.Second
		}
	}
	if age, err := strconv.ParseUint(h.Get("Age"), 10, 31); err == nil {
		ttl -= time.Duration(age) * time.Second
	}
	return min(max(ttl, minTTL), maxTTL)
}
