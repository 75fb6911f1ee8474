package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"github.com/go-guard/guard/session"
)

// tlsSettings are the certificate of the server, and what only https allows.
type tlsSettings struct {
	certificate *tls.Certificate // nil for http
	every       time.Duration    // of session.DeviceOptions
}

func readTLS(getenv func(string) string) (t tlsSettings, err error) {
	cert, key := getenv("TLS_CERT"), getenv("TLS_KEY")
	if (cert == "") != (key == "") {
		return t, errors.New("TLS_CERT and TLS_KEY: one is not set")
	}
	if every := getenv("DEVICE_EVERY"); every != "" {
		if t.every, err = time.ParseDuration(every); err != nil || t.every <= 0 {
			return t, fmt.Errorf("DEVICE_EVERY: %q is not a duration such as 10m", every)
		}
		if cert == "" {
			return t, errors.New("DEVICE_EVERY is set, but TLS_CERT is not")
		}
	}
	if cert == "" {
		return t, nil
	}
	certificate, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return t, fmt.Errorf("TLS_CERT, TLS_KEY: %w", err)
	}
	t.certificate = &certificate
	return t, nil
}

// scheme is that of the server's addresses.
func (t *tlsSettings) scheme() string {
	if t.certificate != nil {
		return "https"
	}
	return "http"
}

// plainCookies reports whether browsers get cookies for plain http on localhost.
func (s *settings) plainCookies() bool { return s.dev && s.tls.certificate == nil }

// devices binds sessions to the device where the browser can, over https.
func (t *tlsSettings) devices() session.DeviceOptions {
	if t.certificate == nil {
		return session.DeviceOptions{}
	}
	return session.DeviceOptions{Path: "/device/session", Every: t.every}
}
