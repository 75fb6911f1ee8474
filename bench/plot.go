package main

import (
	"bytes"
	"fmt"
	"html"
)

// plots are the groups of the chart: a table and the names of its rows, guard's
// first.
var plots = []struct {
	title, table string
	rows         []string
}{
	{"a request with a signed token (HS256)", "jwt, HS256", []string{"guard: whole middleware", "golang-jwt: ParseWithClaims alone", "go-chi/jwtauth: whole middleware", "jwx: Parse alone"}},
	{"a request with a session, in memory", "session", []string{"guard: GET with a session", "gorilla/sessions: cookie store", "scs: memstore"}},
	{"a request with a session, in Redis", "redis, session", []string{"guard: GET with a session", "scs: goredisstore"}},
	{"a request within its limit", "ratelimit, one hot key", []string{"guard: allowed, both headers", "sethvargo/go-limiter: allowed", "httprate: allowed", "ulule: allowed"}},
	{"a permission denied among 10,000 rules", "rbac, decisions", []string{"guard: Check, denied, 10,000 rules", "casbin: Enforce, denied, 10,000 rules", "cedar-go: Authorize, denied, 10,000 rules"}},
}

const (
	width      = 760
	labelWidth = 300 // the rectangles begin here
	rowHeight  = 22
)

// svg draws the chart. Each group has its own scale, which begins at zero. The colors
// follow the reader's color scheme.
func svg(g *reading) []byte {
	var body bytes.Buffer
	y := 8
	for _, p := range plots {
		slowest := 0.0
		for _, name := range p.rows {
			slowest = max(slowest, g.row(p.table, name).NS)
		}
		y += 18
		fmt.Fprintf(&body, "<text x=\"0\" y=\"%d\" class=\"t\">%s</text>\n", y, html.EscapeString(p.title))
		y += 8
		for _, name := range p.rows {
			row := g.row(p.table, name)
			length := max(2, row.NS/slowest*(width-labelWidth-80))
			fmt.Fprintf(&body, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>", labelWidth-8, y+14, html.EscapeString(name))
			fmt.Fprintf(&body, "<rect x=\"%d\" y=\"%d\" width=\"%.0f\" height=\"%d\" rx=\"2\" class=\"%s\"/>", labelWidth, y+2, length, rowHeight-6, row.Kind)
			fmt.Fprintf(&body, "<text x=\"%.0f\" y=\"%d\">%s</text>\n", labelWidth+length+6, y+14, duration(row.NS))
			y += rowHeight
		}
		y += 10
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" role=\"img\">\n", width, y, width, y)
	fmt.Fprintf(&out, "<title>guard beside its peers: time of one request, less is better</title>\n")
	out.WriteString(`<style>
text { font: 12px system-ui, sans-serif; fill: #24292f } .t { font-weight: 600 }
.guard { fill: #0a7d55 } .peer { fill: #a8b1bb }
@media (prefers-color-scheme: dark) { text { fill: #d7dde3 } .guard { fill: #3ddc97 } .peer { fill: #59636e } }
</style>
`)
	out.Write(body.Bytes())
	out.WriteString("</svg>\n")
	return out.Bytes()
}

func duration(ns float64) string {
	switch {
	case ns >= 1e6:
		return number(ns/1e6) + " ms"
	case ns >= 1e3:
		return number(ns/1e3) + " µs"
	default:
		return number(ns) + " ns"
	}
}
