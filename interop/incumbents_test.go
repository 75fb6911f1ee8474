package interop_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-guard/guard"
)

// The libraries of README's table, in its order, and their modules.
var incumbents = []struct{ name, module, link string }{
	{"guard", "github.com/go-guard/guard", ""},
	{"chi/jwtauth", "github.com/go-chi/jwtauth/v5", "https://github.com/go-chi/jwtauth"},
	{"scs", "github.com/alexedwards/scs/v2", "https://github.com/alexedwards/scs"},
	{"httprate", "github.com/go-chi/httprate", "https://github.com/go-chi/httprate"},
	{"casbin", "github.com/casbin/casbin/v3", "https://github.com/casbin/casbin"},
	{"goth", "github.com/markbates/goth", "https://github.com/markbates/goth"},
	{"authboss", authbossModule, "https://github.com/aarondl/authboss"},
}

const authbossModule = "github.com/aarondl/authboss/v3"

// A property is a row: what a probe finds for each library that it is in scope of. The
// row does not name the others.
type property struct {
	name, text string
	probes     map[string]func(*testing.T) bool
}

// properties are those of the libraries as their READMEs set them up, and of guard with
// the zero Options. Out of scope are libraries without what a row is about: jwtauth has
// tokens; scs sessions; httprate limits; casbin rules; goth sign-ins with a provider, whose
// cookie is one of a pending sign-in; authboss accounts and a middleware that refuses. The
// cookies and sessions of authboss, and its limits, are the application's.
var properties = []property{
	{"challenge", "A 401 has `WWW-Authenticate`", map[string]func(*testing.T) bool{
		"guard": guardChallenges, "chi/jwtauth": jwtauthChallenges, "authboss": nil,
	}},
	{"exp", "A token without `exp` is refused", map[string]func(*testing.T) bool{
		"guard": guardNeedsExp, "chi/jwtauth": jwtauthNeedsExp,
	}},
	{"cookie", "The cookie is `Secure`, `HttpOnly` and `SameSite`", map[string]func(*testing.T) bool{
		"guard": guardCookie, "scs": scsCookie, "goth": gothCookie,
	}},
	{"origin", "A POST from another site is refused", map[string]func(*testing.T) bool{
		"guard": guardChecksOrigin, "chi/jwtauth": jwtauthChecksOrigin, "scs": scsChecksOrigin, "authboss": nil,
	}},
	{"ended", "No parallel request brings an ended session back", map[string]func(*testing.T) bool{
		"guard": guardEnds, "scs": scsEnds,
	}},
	{"outage", "A store that is down is 5xx", map[string]func(*testing.T) bool{
		"guard": guardOutage, "scs": scsOutage, "httprate": httprateOutage, "authboss": nil,
	}},
	{"stream", "Handlers inside can flush and hijack", map[string]func(*testing.T) bool{
		"guard": guardStreams, "chi/jwtauth": jwtauthStreams, "scs": scsStreams, "httprate": httprateStreams, "authboss": nil,
	}},
	{"forged", "A forged `X-Forwarded-For` passes no limit", map[string]func(*testing.T) bool{
		"guard": guardForged, "httprate": httprateForged,
	}},
	{"retry", "After `Retry-After` a request is served", map[string]func(*testing.T) bool{
		"guard": guardRetry, "httprate": httprateRetry,
	}},
	{"failing", "A rule that fails grants nothing", map[string]func(*testing.T) bool{
		"guard": guardRuleFails, "casbin": casbinRuleFails,
	}},
	{"typo", "A misspelled permission fails at start-up", map[string]func(*testing.T) bool{
		"guard": guardTypo, "casbin": casbinTypo,
	}},
	{"signin", "A sign-in has PKCE, a nonce and its own `state`", map[string]func(*testing.T) bool{
		"guard": guardSignIn, "goth": gothSignIn, "authboss": nil,
	}},
	{"unknown", "An unknown account costs a hash, too", map[string]func(*testing.T) bool{
		"guard": guardUnknown, "authboss": nil,
	}},
	{"reset", "A link to reset a password works once", map[string]func(*testing.T) bool{
		"guard": guardReset, "authboss": nil,
	}},
}

// TestIncumbents finds out each cell of README's table, over HTTP. With -update it
// writes them. GUARD_AUTHBOSS is the path of a checkout of authboss, at the version
// of testdata/authboss/go.mod.txt: without it, its cells are those of the last run that had one.
func TestIncumbents(t *testing.T) {
	text := read(t, "../README.md")
	shown := cellsOf(t, text)
	theirs := runAuthboss(t)
	found := map[string]map[string]string{}
	for _, p := range properties {
		row := map[string]string{}
		t.Run(p.name, func(t *testing.T) {
			for _, lib := range incumbents {
				probe, inScope := p.probes[lib.name]
				switch {
				case !inScope: // ""
				case probe != nil:
					row[lib.name] = answerOf(probe(t))
				case theirs != nil:
					row[lib.name] = answerOf(theirs[p.name])
				case *update || slices.Contains([]string{"yes", "no"}, shown[p.name][lib.name]):
					row[lib.name] = shown[p.name][lib.name]
				default:
					t.Errorf("README has %q for %s", shown[p.name][lib.name], lib.name)
				}
				if got := shown[p.name][lib.name]; !*update && got != row[lib.name] {
					t.Errorf("%s: README has %q, and it is %q", lib.name, got, row[lib.name])
				}
			}
			if row["guard"] != "yes" {
				t.Errorf("guard: %q", row["guard"])
			}
			found[p.name] = row
		})
	}
	if t.Failed() || len(found) < len(properties) { // -run names one
		return
	}
	before, after := aroundTable(t, text)
	table := tableOf(found)
	switch {
	case *update:
		if err := os.WriteFile("../README.md", []byte(before+table+after), 0o600); err != nil {
			t.Fatal(err)
		}
	case text != before+table+after:
		t.Errorf("README's table differs from\n%s", table)
	}
}

func answerOf(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

// tableOf returns the table's text.
func tableOf(found map[string]map[string]string) string {
	var b strings.Builder
	b.WriteString("| by default | guard | others | test |\n|---|:-:|---|---|\n")
	for _, p := range properties {
		var others []string
		for _, answer := range []string{"yes", "no"} {
			var names []string
			for _, lib := range incumbents[1:] {
				if found[p.name][lib.name] == answer {
					names = append(names, lib.name)
				}
			}
			if names != nil {
				others = append(others, answer+": "+strings.Join(names, ", "))
			}
		}
		fmt.Fprintf(&b, "| %s | %s | %s | `%s` |\n", p.text, found[p.name]["guard"], strings.Join(others, "; "), p.name)
	}
	return b.String()
}

// aroundTable returns what is before and after the table in README.
func aroundTable(t *testing.T, text string) (before, after string) {
	t.Helper()
	start := strings.Index(text, "\n| by default |")
	if start < 0 {
		t.Fatal("README has no table")
	}
	end := strings.Index(text[start:], "|\n\n")
	return text[:start+1], text[start+end+2:]
}

// cellsOf returns what the table in README says, by property and library.
func cellsOf(t *testing.T, text string) map[string]map[string]string {
	t.Helper()
	before, after := aroundTable(t, text)
	cells := map[string]map[string]string{}
	for line := range strings.Lines(text[len(before) : len(text)-len(after)]) {
		columns := strings.Split(strings.Trim(line, "| \n"), " | ")
		if len(columns) != 4 {
			continue
		}
		row := map[string]string{"guard": columns[1]}
		for list := range strings.SplitSeq(columns[2], "; ") {
			answer, names, _ := strings.Cut(list, ": ")
			for name := range strings.SplitSeq(names, ", ") {
				row[name] = answer
			}
		}
		cells[strings.Trim(columns[3], "`")] = row
	}
	return cells
}

// TestIncumbentVersions: README names the versions that TestIncumbents is built with.
func TestIncumbentVersions(t *testing.T) {
	text := read(t, "../README.md")
	built := map[string]string{}
	for _, lib := range incumbents[1:6] {
		built[lib.module] = moduleInfo(t, lib.module, "{{.Version}}")
	}
	if sum := regexp.MustCompile(regexp.QuoteMeta(authbossModule) + ` (v\S+)`).FindStringSubmatch(read(t, "testdata/authboss/go.mod.txt")); sum != nil {
		built[authbossModule] = sum[1]
	}
	for _, lib := range incumbents[1:] {
		version := strings.TrimPrefix(built[lib.module], "v")
		if version == "" {
			t.Errorf("%s is not part of this test", lib.module)
		} else if want := "[" + lib.name + "](" + lib.link + ") " + version; !regexp.MustCompile(regexp.QuoteMeta(want) + `[, ;:.\n]`).MatchString(text) {
			t.Errorf("README does not have %s", want)
		}
	}
}

// TestIncumbentsHave: what README says that the others have and guard has not.
func TestIncumbentsHave(t *testing.T) {
	text := strings.Join(strings.Fields(read(t, "../README.md")), " ")
	providers, err := filepath.Glob(filepath.Join(moduleInfo(t, "github.com/markbates/goth", "{{.Dir}}"), "providers", "*"))
	if err != nil || len(providers) == 0 {
		t.Fatal(providers, err)
	}
	stores := regexp.MustCompile(`Choice of (\d+) different server-side session stores`).FindStringSubmatch(
		read(t, filepath.Join(moduleInfo(t, "github.com/alexedwards/scs/v2", "{{.Dir}}"), "README.md")))
	if stores == nil {
		t.Fatal("scs's README does not count its stores")
	}
	for _, want := range []string{
		fmt.Sprintf("goth has %d providers", len(providers)),
		"scs has " + stores[1] + " stores",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("README does not say: %s", want)
		}
	}
}

// moduleInfo returns what go list says about a module that this one is built with.
func moduleInfo(t *testing.T, module, format string) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", format, module).Output()
	if err != nil {
		t.Fatalf("go list -m %s: %v", module, err)
	}
	return strings.TrimSpace(string(out))
}

// runAuthboss returns what testdata/authboss finds out about a checkout of authboss, nil
// without one. It is a module of its own, which none here requires, because the module
// proxy of some machines, such as those of our CI, has no authboss.
func runAuthboss(t *testing.T) map[string]bool {
	t.Helper()
	checkout := os.Getenv("GUARD_AUTHBOSS")
	if checkout == "" {
		return nil
	}
	dir := t.TempDir()
	for name, from := range map[string]string{"go.mod": "go.mod.txt", "main.go": "main.go"} {
		write(t, filepath.Join(dir, name), read(t, "testdata/authboss/"+from))
	}
	var out []byte
	for _, words := range [][]string{
		{"mod", "edit", "-replace", authbossModule + "=" + checkout},
		{"mod", "tidy"},
		{"run", "."},
	} {
		cmd := exec.Command("go", words...)
		cmd.Dir, cmd.Env, cmd.Stderr = dir, append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod"), os.Stderr
		var err error
		if out, err = cmd.Output(); err != nil {
			t.Fatalf("go %v: %v", words, err)
		}
	}
	var found map[string]bool
	if err := json.Unmarshal(out, &found); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, p := range properties {
		probe, inScope := p.probes["authboss"]
		if _, tried := found[p.name]; tried != (inScope && probe == nil) {
			t.Errorf("authboss: %s: tried %t, in scope %t", p.name, tried, inScope)
		}
	}
	return found
}

// answerTo serves h, and returns the answer to a request, and its body.
func answerTo(t *testing.T, h http.Handler, method string, header map[string]string) (*http.Response, string) {
	t.Helper()
	s := httptest.NewUnstartedServer(guard.Observe(func(*http.Request, guard.Decision) {})(h))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.Start()
	defer s.Close()
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range header {
		r.Header.Set(name, value)
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	return res, readAll(t, res)
}

// A door is a handler that counts who came in.
type door struct{ entered int }

func (d *door) ServeHTTP(http.ResponseWriter, *http.Request) { d.entered++ }

// refused reports whether an answer has a status, and nothing came in.
func (d *door) refused(res *http.Response, status func(int) bool) bool {
	return d.entered == 0 && status(res.StatusCode)
}

func is(status int) func(int) bool { return func(got int) bool { return got == status } }

func is5xx(status int) bool { return status >= 500 }
