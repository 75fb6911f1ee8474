package main_test

import (
	"encoding/xml"
	"errors"
	"io"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// A webpage is a page of /app, as far as its tests read it.
type webpage struct {
	title, heading, text string
	links                []string // local ones
	forms                []webform
	fields               map[string]map[string]string // attributes of the inputs that are visible, by id
	alerts               []string                     // mistakes: role=alert, and those of fields
}

type webform struct {
	action string
	hidden url.Values
	names  []string // of fields that are visible
}

// parsePage parses a page, and checks what each one promises.
func parsePage(t *testing.T, where, body string) (p webpage) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(body))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	ids, labels, described, elements := map[string]int{}, map[string]bool{}, []string{}, map[string]int{}
	p.fields = map[string]map[string]string{}
	var open []map[string]string
	var text, style strings.Builder
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%s: %v in %s", where, err, body)
		}
		switch e := token.(type) {
		case xml.StartElement:
			attrs := map[string]string{"": e.Name.Local}
			for _, a := range e.Attr {
				attrs[a.Name.Local] = a.Value
			}
			open = append(open, attrs)
			elements[e.Name.Local]++
			if id, ok := attrs["id"]; ok {
				ids[id]++
			}
			labels[attrs["for"]] = true
			described = append(described, strings.Fields(attrs["aria-describedby"]+" "+attrs["aria-labelledby"])...)
			_, focus := attrs["autofocus"]
			if focus {
				elements["autofocus"]++
			}
			p.element(t, where, attrs)
		case xml.EndElement:
			if len(open) > 0 {
				open = open[:len(open)-1]
			}
		case xml.CharData:
			if len(open) == 0 {
				continue
			}
			switch in := open[len(open)-1]; {
			case in[""] == "style":
				style.Write(e)
			case in[""] == "title":
				p.title += string(e)
			case in[""] == "h1":
				p.heading += string(e)
			case in["role"] == "alert" || strings.Contains(in["class"], "field-error"):
				p.alerts = append(p.alerts, string(e))
			}
			text.Write(e)
		}
	}
	p.text = text.String()
	for id, n := range ids {
		if n > 1 {
			t.Errorf("%s: %d elements have the id %q", where, n, id)
		}
	}
	for _, id := range described {
		if ids[id] == 0 {
			t.Errorf("%s: no element has the id %q, which describes another", where, id)
		}
	}
	for id, attrs := range p.fields {
		if !labels[id] && attrs["type"] != "checkbox" {
			t.Errorf("%s: the field %q has no label", where, id)
		}
		if attrs["type"] == "password" && attrs["value"] != "" {
			t.Errorf("%s: a password is in the page", where)
		}
	}
	for _, name := range []string{"h1", "main", "header", "nav", "title"} {
		if elements[name] != 1 {
			t.Errorf("%s: %d elements %s, want 1", where, elements[name], name)
		}
	}
	if elements["autofocus"] > 1 || !strings.Contains(body, `<html lang="en">`) || !strings.HasPrefix(p.title, p.heading) && !strings.HasPrefix(p.title, "Error: "+p.heading) {
		t.Errorf("%s: focus, language or title: %s", where, body)
	}
	if len(p.links) == 0 {
		t.Errorf("%s: a dead end: %s", where, body)
	}
	return p
}

// element takes an element into the page.
func (p *webpage) element(t *testing.T, where string, attrs map[string]string) {
	t.Helper()
	for name := range attrs {
		if strings.HasPrefix(name, "on") || name == "style" {
			t.Errorf("%s: the attribute %s, which the policy forbids", where, name)
		}
	}
	switch attrs[""] {
	case "a":
		if href := attrs["href"]; strings.HasPrefix(href, "/") {
			p.links = append(p.links, href)
		} else if !strings.HasPrefix(href, "#") && !strings.HasPrefix(href, "otpauth://totp/") {
			t.Errorf("%s: a link to %q", where, href)
		}
	case "form":
		p.forms = append(p.forms, webform{action: attrs["action"], hidden: url.Values{}}) // without one it is a script's
	case "input":
		last := len(p.forms) - 1
		switch {
		case attrs["type"] == "hidden":
			p.forms[last].hidden.Set(attrs["name"], attrs["value"])
		default:
			id := attrs["id"]
			if id == "" {
				id = attrs["name"]
			}
			p.fields[id] = attrs
			if attrs["name"] != "" && last >= 0 {
				p.forms[last].names = append(p.forms[last].names, attrs["name"])
			}
		}
	case "script":
		if !strings.HasPrefix(attrs["src"], "/passkey/") {
			t.Errorf("%s: an inline script", where)
		}
	}
}

// form returns the form with this action.
func (p webpage) form(t *testing.T, action string) webform {
	t.Helper()
	i := slices.IndexFunc(p.forms, func(f webform) bool { return f.action == action })
	if i < 0 {
		t.Fatalf("%q has no form of %s: %s", p.title, action, p.text)
	}
	return p.forms[i]
}

const asPage = "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

// A surfer is a person with a browser, on the pages of /app.
type surfer struct {
	*person
	p *process
}

func surf(p *process) surfer { return surfer{newPerson(), p} }

// appHeaders are those of every answer of /app.
var appHeaders = []string{
	`Content-Security-Policy: ~^default-src 'none'; (script-src 'self'; connect-src 'self'; )?style-src 'sha256-[^']+'; form-action 'self'( http://127\.0\.0\.1:\d+)?; base-uri 'none'; frame-ancestors 'none'$`,
	"X-Content-Type-Options: nosniff", "Cache-Control: no-store", "Referrer-Policy: ~^(same-origin|no-referrer)$",
}

// get asks for a page, and checks what holds for each. A redirect has no page.
func (s surfer) get(t *testing.T, path string) (answer, webpage) {
	t.Helper()
	return s.read(t, path, s.do(t, s.p, call{do: "GET " + path, header: []string{asPage}}))
}

// post sends a form.
func (s surfer) post(t *testing.T, path string, values url.Values, header ...string) (answer, webpage) {
	t.Helper()
	return s.read(t, path, s.do(t, s.p, form("POST "+path, values, append(header, asPage)...)))
}

// send sends a form of a page with what is typed: names and values.
func (s surfer) send(t *testing.T, f webform, typed ...string) (answer, webpage) {
	t.Helper()
	values := maps.Clone(f.hidden)
	for i := 0; i < len(typed); i += 2 {
		if !slices.Contains(f.names, typed[i]) {
			t.Fatalf("the form of %s has no field %s", f.action, typed[i])
		}
		values.Set(typed[i], typed[i+1])
	}
	return s.post(t, f.action, values)
}

func (s surfer) read(t *testing.T, path string, a answer) (answer, webpage) {
	t.Helper()
	path, _, _ = strings.Cut(path, "?") // tokens
	if strings.HasPrefix(path, "/app/") {
		row{call: call{do: path}, status: a.status, header: appHeaders}.check(t, a)
	}
	if a.status == 303 || a.status == 302 || !strings.HasPrefix(path, "/app/") {
		return a, webpage{}
	}
	if got := a.header.Get("Content-Type"); got != "text/html; charset=utf-8" {
		t.Errorf("%s: Content-Type %q: %v", path, got, a)
		return a, webpage{}
	}
	p := parsePage(t, path, a.body)
	if failed := strings.HasPrefix(p.title, "Error: "); failed != (a.status >= 400) {
		t.Errorf("%s: status %d with the title %q", path, a.status, p.title)
	}
	return a, p
}

// leads checks that an answer redirects to a page.
func (s surfer) leads(t *testing.T, what string, a answer, to string) {
	t.Helper()
	if a.status != 303 || a.header.Get("Location") != to {
		t.Fatalf("%s: %d to %q, want %q: %s", what, a.status, a.header.Get("Location"), to, a.body)
	}
}

// signIn signs in by password, and is led to next.
func (s surfer) signIn(t *testing.T, email, pw, next string) {
	t.Helper()
	a, page := s.get(t, "/app/login?next="+url.QueryEscape(next))
	if a.status != 200 {
		t.Fatal(a)
	}
	a, _ = s.send(t, page.form(t, "/app/login"), "email", email, "password", pw)
	s.leads(t, "sign in", a, next)
}

// mailed is the newest mail with a link to path, as its path and query.
func (s surfer) mailed(t *testing.T, to, path string) string {
	t.Helper()
	for n := 0; ; n++ {
		if links := s.p.links(t, path, to); len(links) > 0 {
			u, err := url.Parse(links[len(links)-1])
			if err != nil || !strings.HasPrefix(links[0], "http://localhost:") {
				t.Fatal(links)
			}
			return u.RequestURI()
		}
		s.p.mails(t, to, n+1)
	}
}
