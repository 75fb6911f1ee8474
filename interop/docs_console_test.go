package interop_test

import (
	"crypto/rand"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/go-guard/guard/internal/testing/harness"
)

// TestDocsConsole runs the programs of each page and the commands below each. The
// pages show what the commands print, with "…" where runs differ. The
// tokens and the cookie of the last answer are in ACCESS, REFRESH and COOKIE. A program at port 9090 or 9091
// runs beside the others, and so does provider.mjs where a page has it or refers to it.
func TestDocsConsole(t *testing.T) {
	for _, command := range []string{"bash", "curl"} {
		harness.Program(t, command)
	}
	run := 0
	for _, page := range append(docsPages(t), "../README.md") {
		shows := func(d demonstration) bool { return d.console != "" }
		if !slices.ContainsFunc(sessionsOf(t, page), shows) {
			continue
		}
		run++
		name := strings.TrimSuffix(filepath.Base(page), ".md")
		t.Run(name, func(t *testing.T) {
			t.Parallel() // much of it waits
			if why := notRun[name]; why != "" {
				t.Skip(why)
			}
			runPage(t, page)
		})
	}
	if run < 20 {
		t.Errorf("%d pages with programs and commands", run)
	}
}

// notRun are the pages whose commands no test can run, each with the reason.
var notRun = map[string]string{
	"many-processes": "Redis is down in the middle of its commands; example.TestAppOutage does that",
	"testing":        "its command runs the test of its program, as TestDocs does",
}

// A demonstration is a program and the commands below it.
type demonstration struct{ program, console string }

// A site is a page's programs, built.
type site struct {
	demonstrations []demonstration
	addresses      *strings.Replacer // of the page, by those that the programs have here
	shown          *strings.Replacer // the opposite, for what they print
	dirs           map[string]string // by module
	env            map[string]string // of the programs and commands
}

func (s *site) dirOf(i int) string { return s.dirs[moduleOf(s.demonstrations[i].program)] }

// start runs a program of the page at an address of the page.
func (s *site) start(t *testing.T, i int, address string) (stop func() string) {
	program := exec.Command(filepath.Join(s.dirOf(i), "bin", "program"+strconv.Itoa(i)))
	program.Env = s.environ()
	return start(t, program, s.addresses.Replace(address))
}

func (s *site) environ() []string {
	env := os.Environ()
	for name, value := range s.env {
		env = append(env, name+"="+value)
	}
	return env
}

func runPage(t *testing.T, page string) {
	s := buildPage(t, page)
	for i, d := range s.demonstrations {
		for _, address := range []string{"127.0.0.1:9090", "127.0.0.1:9091"} {
			if strings.Contains(d.program, `ListenAndServe("`+address+`"`) {
				s.start(t, i, address)
			}
		}
	}
	for i, d := range s.demonstrations {
		if d.console == "" {
			continue
		}
		stop := s.start(t, i, "127.0.0.1:8080")
		got := s.shown.Replace(s.converse(t, i))
		log := stop()
		if !pattern(d.console).MatchString(got) {
			t.Errorf("%s: the commands print\n%s\nand the page has\n%s\nthe program logs\n%s", page, got, d.console, log)
		}
	}
}

// buildPage builds the programs of a page, sets their environment, and starts the provider
// that they need.
func buildPage(t *testing.T, page string) *site {
	s := &site{demonstrations: sessionsOf(t, page), dirs: map[string]string{}}
	s.addresses, s.shown = addressesOf(freeAddress(t), freeAddress(t), freeAddress(t))
	s.env = map[string]string{
		"DEV": "1", "CLIENT_ID": "app", "CLIENT_SECRET": "app-secret",
		"ISSUER": s.addresses.Replace("http://127.0.0.1:9090"), "PUBLIC_URL": s.addresses.Replace("http://127.0.0.1:8080"),
	}
	for _, name := range []string{"JWT_SECRET_KEY", "OLD_SECRET_KEY", "SEAL_KEY", "NONCE_KEY", "WEBHOOK_SECRET"} {
		s.env[name] = rand.Text() + rand.Text()
	}
	if strings.Contains(read(t, page), "provider.mjs") {
		startProvider(t, s.addresses)
	}
	for i, d := range s.demonstrations {
		if s.dirOf(i) == "" {
			s.dirs[moduleOf(d.program)] = copyOf(t, moduleOf(d.program))
			if strings.Contains(read(t, page), "oathtool") {
				write(t, filepath.Join(s.dirOf(i), "oathtool", "main.go"), oathtool)
			}
		}
		write(t, filepath.Join(s.dirOf(i), "program"+strconv.Itoa(i), "main.go"), s.addresses.Replace(d.program))
	}
	for _, dir := range s.dirs {
		build := exec.Command("go", "build", "-ldflags=-s -w", "-o", "bin"+string(filepath.Separator), "./...")
		build.Dir, build.Env = dir, append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	return s
}

// addressesOf returns what replaces the addresses of a page by those of its programs here,
// and what replaces them back in their output.
func addressesOf(program, provider, mails string) (here, shown *strings.Replacer) {
	encoded := func(address string) string { return strings.ReplaceAll(address, ":", "%3A") } // in a query
	const of, ofProvider, ofMails = "127.0.0.1:8080", "127.0.0.1:9090", "127.0.0.1:9091"
	return strings.NewReplacer(of, program, ofProvider, provider, ofMails, mails),
		strings.NewReplacer(program, of, provider, ofProvider, mails, ofMails, encoded(program), encoded(of), encoded(provider), encoded(ofProvider))
}

// startProvider runs provider.mjs, which a page has or refers to.
func startProvider(t *testing.T, addresses *strings.Replacer) {
	needNode(t)
	packages, err := filepath.Abs(nodeDir + "/node_modules")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(packages, filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(dir, "provider.mjs")
	write(t, script, addresses.Replace(fenced(t, read(t, "../docs/sign-in-with-a-provider.md"), "js")))
	start(t, exec.Command("node", script), addresses.Replace("127.0.0.1:9090"))
}

// sessionsOf returns the programs of a page, each with the console below it. What is below
// the start of the example server is not the program's.
func sessionsOf(t *testing.T, page string) (list []demonstration) {
	t.Helper()
	example := false
	for _, m := range regexp.MustCompile("(?ms)^```(go|console|sh)\n(.*?)^```$").FindAllStringSubmatch(read(t, page), -1) {
		switch language, block := m[1], m[2]; {
		case language == "go" && strings.HasPrefix(block, "package main\n") && !strings.Contains(block, "\n\t\"testing\"\n"):
			list, example = append(list, demonstration{program: block}), false
		case language == "sh":
			example = len(list) > 0 && strings.Contains(block, "go run ./example")
		case language == "console" && len(list) > 0 && !example:
			list[len(list)-1].console += block
		}
	}
	return list
}

// pattern matches what a page shows. A word with "…" in it, and the seconds until a
// limit grants more, are examples.
func pattern(console string) *regexp.Regexp {
	text := regexp.MustCompile(`[\w.-]*…[\w-]*`).ReplaceAllString(regexp.QuoteMeta(console), ".*")
	return regexp.MustCompile("^" + regexp.MustCompile(`(Reset: |Retry-After: |;t=)\d+`).ReplaceAllString(text, `$1\d+`) + "$")
}

// converse returns the console of a program with the output of its commands, all of one
// shell.
func (s *site) converse(t *testing.T, i int) string {
	t.Helper()
	const mark = "\x1e"
	script := `curl() {
	local out; out=$(command curl -s "$@" | tr -d '\r' | sed '/^Date: /d'; printf .); out=${out%.}
	[[ $out =~ \"access_token\":\"([^\"]+) ]] && ACCESS=${BASH_REMATCH[1]}
	[[ $out =~ \"refresh_token\":\"([^\"]+) ]] && REFRESH=${BASH_REMATCH[1]}
	[[ $out =~ Set-Cookie:\ [^=]+=([^\;]+) ]] && COOKIE=${BASH_REMATCH[1]}
	printf %s "$out"
}
`
	var commands []string
	for line := range strings.Lines(s.demonstrations[i].console) {
		if command, ok := strings.CutPrefix(line, "$ "); ok {
			commands = append(commands, line)
			script += s.addresses.Replace(command) + "printf '" + mark + "'\n"
		}
	}
	cmd := exec.Command("bash", "-c", script)
	cmd.Dir, cmd.Env = s.dirOf(i), append(s.environ(), "PATH="+filepath.Join(s.dirOf(i), "bin")+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v: %s", err, out)
	}
	var got strings.Builder
	for i, output := range strings.Split(string(out), mark)[:len(commands)] {
		got.WriteString(commands[i] + endLine(strings.TrimRight(output, "\n")))
	}
	return got.String()
}
