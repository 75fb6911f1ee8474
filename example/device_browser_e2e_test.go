package main_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard/internal/testing/harness"
)

// TestDevicesInChromium drives Chromium to the program over https, which binds its
// sessions to the device: see testdata/node/device.mjs.
func TestDevicesInChromium(t *testing.T) {
	t.Parallel()
	browserNeeded(t)
	a := newAuthority(t)
	p := a.launch(t, "DEVICE_EVERY=15s")
	site := strings.Replace(p.url, "127.0.0.1", "localhost", 1)
	evil := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, `<!doctype html><title>Evil</title><a href="`+site+`/session/">See your account</a>`)
	}))
	evil.Config.ErrorLog = log.New(io.Discard, "", 0)
	evil.TLS = &tls.Config{Certificates: []tls.Certificate{a.pair}}
	evil.StartTLS()
	t.Cleanup(evil.Close)
	drive(t, "device.mjs", map[string]string{
		"url": site, "evil": evil.URL, "home": a.home(t), "period": "15000",
		"executablePath": harness.Program(t, "chromium"), // its headless shell binds no session
	})
}

// An authority certifies localhost and 127.0.0.1.
type authority struct {
	dir  string
	pool *x509.CertPool
	pair tls.Certificate
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{dir: t.TempDir(), pool: x509.NewCertPool()}
	caKey, ca := newCertificate(t, &x509.Certificate{
		Subject: pkix.Name{CommonName: "Test authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}, nil, nil)
	key, leaf := newCertificate(t, &x509.Certificate{
		Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, ca, caKey)
	a.pool.AddCert(ca)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	a.write(t, "ca.pem", "CERTIFICATE", ca.Raw)
	cert, secret := a.write(t, "cert.pem", "CERTIFICATE", leaf.Raw), a.write(t, "key.pem", "PRIVATE KEY", private)
	if a.pair, err = tls.LoadX509KeyPair(cert, secret); err != nil {
		t.Fatal(err)
	}
	return a
}

func newCertificate(t *testing.T, template, parent *x509.Certificate, signer *ecdsa.PrivateKey) (*ecdsa.PrivateKey, *x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if parent == nil {
		parent, signer = template, key
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(48*time.Hour)
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return key, cert
}

func (a *authority) write(t *testing.T, name, kind string, der []byte) (path string) {
	t.Helper()
	path = filepath.Join(a.dir, name)
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// env is how the program gets the certificate.
func (a *authority) env() []string {
	return []string{"TLS_CERT=" + filepath.Join(a.dir, "cert.pem"), "TLS_KEY=" + filepath.Join(a.dir, "key.pem"), "JWT_SECRET_KEY=" + secret}
}

// launch starts the program over https.
func (a *authority) launch(t *testing.T, env ...string) *process {
	t.Helper()
	p := launch(t, append(a.env(), env...), "-addr", "127.0.0.1:0")
	if !strings.HasPrefix(p.url, "https://127.0.0.1:") {
		t.Fatalf("listening on %q\n%s", p.url, p.logs())
	}
	return p
}

// home is a folder whose NSS store has the authority: where Chromium looks for it.
func (a *authority) home(t *testing.T) string {
	t.Helper()
	certutil := harness.Program(t, "certutil")
	home := t.TempDir()
	store := filepath.Join(home, ".pki", "nssdb")
	if err := os.MkdirAll(store, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"-N", "-d", "sql:" + store, "--empty-password"},
		{"-A", "-d", "sql:" + store, "-n", "authority", "-t", "C,,", "-i", filepath.Join(a.dir, "ca.pem")},
	} {
		if out, err := exec.Command(certutil, args...).CombinedOutput(); err != nil {
			t.Fatalf("certutil: %v\n%s", err, out)
		}
	}
	return home
}
