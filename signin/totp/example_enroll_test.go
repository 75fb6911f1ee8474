package totp_test

import (
	"bytes"
	"context"
	"fmt"
	"image/png"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/clientip"
	"github.com/go-guard/guard/once"
	"github.com/go-guard/guard/signin/totp"
)

// Several processes share the codes that were used, and the records of a table.
func ExampleNew() {
	var users totp.Store = Users{}           // a column of the table of users
	steps := guard.Must(once.NewMemory(nil)) // stores.Once() of package redisstore or sqlstore
	key := []byte(strings.Repeat("k", 32))   // 32 random bytes, the same in all processes

	second, err := totp.New("Acme", key, users, clientip.Direct(), &totp.Options{Steps: steps})
	if err != nil {
		log.Fatal(err)
	}
	status, err := second.Status(context.Background(), "1")
	fmt.Println(status.Enabled, err)
	// Output: false <nil>
}

// A store for tests and trials, which keeps its records until the process ends.
func ExampleNewMemory() {
	store, err := totp.NewMemory(&totp.MemoryOptions{Max: 1000})
	if err != nil {
		log.Fatal(err)
	}
	second := guard.Must(totp.New("Acme", []byte(strings.Repeat("k", 32)), store, clientip.Direct(), nil))
	status, err := second.Status(context.Background(), "1")
	fmt.Println(status.Enabled, err)
	// Output: false <nil>
}

// The page of an enrollment, for someone who signed in a short while ago.
func ExampleFactors_Enroll() {
	key := []byte(strings.Repeat("k", 32)) // 32 random bytes, the same in all processes
	second := guard.Must(totp.New("Acme", key, guard.Must(totp.NewMemory(nil)), clientip.Direct(), nil))
	page := func(w http.ResponseWriter, r *http.Request) {
		e, err := second.Enroll(r.Context(), "1", "alice@example.com")
		if err != nil {
			guard.Refuse(w, r, err)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		fmt.Fprintf(w, "<p>Scan this code:</p>%s<p>Or type in: %s</p>", e.SVG(), e.Secret()) // and a form for the first code
	}

	w := httptest.NewRecorder()
	page(w, httptest.NewRequest("POST", "/factor", nil))
	fmt.Println(w.Code, strings.Contains(w.Body.String(), "<svg "))
	// Output: 200 true
}

// The first code completes an enrollment.
func ExampleFactors_Confirm() {
	key := []byte(strings.Repeat("k", 32)) // 32 random bytes, the same in all processes
	second := guard.Must(totp.New("Acme", key, guard.Must(totp.NewMemory(nil)), clientip.Direct(), nil))
	e, err := second.Enroll(context.Background(), "1", "alice@example.com")
	if err != nil {
		log.Fatal(err)
	}
	confirm := func(w http.ResponseWriter, r *http.Request) {
		recoveryCodes, err := second.Confirm(r, "1", r.FormValue("code"))
		if err != nil {
			guard.Refuse(w, r, err)
			return
		}
		fmt.Fprintf(w, "%d recovery codes", len(recoveryCodes)) // show them, once
	}

	code := authenticator(e.Secret(), time.Now()) // on the phone
	w := httptest.NewRecorder()
	confirm(w, httptest.NewRequest("POST", "/factor/confirm?code="+code, nil))
	fmt.Println(w.Code, w.Body)
	// Output: 200 10 recovery codes
}

// The QR code as an element of a page.
func ExampleEnrollment_SVG() {
	second := guard.Must(totp.New("Acme", []byte(strings.Repeat("k", 32)), guard.Must(totp.NewMemory(nil)), clientip.Direct(), nil))
	e := guard.Must(second.Enroll(context.Background(), "1", "alice@example.com"))

	svg := e.SVG() // template.HTML(svg) in html/template
	fmt.Println(svg[:len("<svg ")], strings.HasSuffix(svg, "</svg>"))
	// Output: <svg  true
}

// The QR code as an image, for a program that shows no SVG.
func ExampleEnrollment_PNG() {
	second := guard.Must(totp.New("Acme", []byte(strings.Repeat("k", 32)), guard.Must(totp.NewMemory(nil)), clientip.Direct(), nil))
	e := guard.Must(second.Enroll(context.Background(), "1", "alice@example.com"))

	image, err := png.DecodeConfig(bytes.NewReader(e.PNG()))
	fmt.Println(image.Width == image.Height, err)
	// Output: true <nil>
}

// The secret in groups of four, which are easier to type in.
func ExampleEnrollment_Secret() {
	second := guard.Must(totp.New("Acme", []byte(strings.Repeat("k", 32)), guard.Must(totp.NewMemory(nil)), clientip.Direct(), nil))
	e := guard.Must(second.Enroll(context.Background(), "1", "alice@example.com"))

	var groups []string
	for s := e.Secret(); s != ""; s = s[4:] {
		groups = append(groups, s[:4])
	}
	fmt.Println(len(groups), "groups") // strings.Join(groups, " ")
	// Output: 8 groups
}

// A link for an authenticator on the same phone: <a href="{{.URI}}">.
func ExampleEnrollment_URI() {
	second := guard.Must(totp.New("Acme", []byte(strings.Repeat("k", 32)), guard.Must(totp.NewMemory(nil)), clientip.Direct(), nil))
	e := guard.Must(second.Enroll(context.Background(), "1", "alice@example.com"))

	u := guard.Must(url.Parse(e.URI()))
	fmt.Println(u.Scheme, u.Host, u.Path, u.Query().Get("issuer"))
	// Output: otpauth totp /Acme:alice@example.com Acme
}
