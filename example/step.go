package main

import (
	_ "embed"
	"html/template"
	"net/http"
	"strings"
)

var (
	//go:embed step.html
	stepHTML     string
	stepTemplate = template.Must(template.New("step").Parse(stepHTML))
)

// A step is a page with one form: of a link, of a code, or of something to confirm.
type step struct {
	Title, Text, Mistake string
	Action, Button       string // no button, no form
	Token, Next          string // hidden fields
	Field                *stepField
	Link, LinkText       string // another way
	Style                template.CSS
}

type stepField struct{ Name, Label, Type, Autocomplete string }

func (s step) show(w http.ResponseWriter, status int) {
	s.Style = template.CSS(pageCSS)
	showPage(w, status, pagePolicy, stepTemplate, s)
}

// wantsPage reports whether a browser sent the request, and not a program.
func wantsPage(r *http.Request) bool { return strings.Contains(r.Header.Get("Accept"), "text/html") }
