package totp

import (
	"bytes"
	"encoding/base32"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"net/url"
	"strconv"
	"strings"

	"github.com/go-guard/guard/internal/qr"
	"github.com/go-guard/guard/internal/secret"
)

// An Enrollment is a secret for an authenticator, in its three forms. It is shown to its
// owner, and stored nowhere.
type Enrollment struct{ content secret.Value[enrollment] }

type enrollment struct {
	text, uri string
	code      *qr.Code
}

// newEnrollment cannot fail: an issuer of 64 and an account of 255 bytes fit in a code.
func newEnrollment(issuer, account string, f *factor) *Enrollment {
	text := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(f.secret)
	label := escape(issuer) + ":" + escape(strings.ReplaceAll(account, ":", "_"))
	uri := "otpauth://totp/" + label + "?secret=" + text + "&issuer=" + escape(issuer)
	if f.digits != 6 {
		uri += "&digits=" + strconv.Itoa(f.digits)
	}
	code, _ := qr.Encode([]byte(uri))
	return &Enrollment{secret.New(enrollment{text, uri, code})}
}

// escape escapes all but unreserved characters. Authenticators take a "+" for itself
// where a form would have a space.
func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// Secret returns the secret in base32, for typing it in.
func (e *Enrollment) Secret() string { return e.content.Reveal().text }

// URI returns the otpauth URI, which opens an authenticator on the same device.
// Parameters that have their default, as of SHA-1, 6 digits and 30 seconds, are left out.
func (e *Enrollment) URI() string { return e.content.Reveal().uri }

// SVG returns the QR code of the URI as an element for a page: black on white, also in a
// dark one, with the quiet zone. It needs no exception in a Content-Security-Policy, and
// in a page of html/template it is template.HTML(e.SVG()).
func (e *Enrollment) SVG() string {
	c := e.content.Reveal().code
	var path strings.Builder
	for y := range c.Size() {
		for x := 0; x < c.Size(); x++ {
			from := x
			for c.Dark(x, y) {
				x++
			}
			if x > from {
				fmt.Fprintf(&path, "M%d %dh%dv1h-%dz", from+qr.Quiet, y+qr.Quiet, x-from, x-from)
			}
		}
	}
	side := c.Size() + 2*qr.Quiet
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %[3]d %[3]d" shape-rendering="crispEdges" role="img" aria-label="QR code">`+
		`<path fill="#fff" d="M0 0h%[3]dv%[3]dh-%[3]dz"/><path fill="#000" d="%[4]s"/></svg>`, pixels*side, pixels*side, side, &path)
}

const pixels = 5 // of a module's side

// PNG returns the QR code of the URI as an image of 5 by 5 pixels a module, with the quiet
// zone.
func (e *Enrollment) PNG() []byte {
	c := e.content.Reveal().code
	side := pixels * (c.Size() + 2*qr.Quiet)
	picture := image.NewPaletted(image.Rect(0, 0, side, side), color.Palette{color.White, color.Black})
	for y := range side {
		for x := range side {
			if c.Dark(x/pixels-qr.Quiet, y/pixels-qr.Quiet) {
				picture.SetColorIndex(x, y, 1)
			}
		}
	}
	var b bytes.Buffer
	_ = png.Encode(&b, picture) // a buffer takes all
	return b.Bytes()
}
