package interop_test

import (
	"crypto/rand"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestDocsConsole runs the programs of these pages and the commands below each. The
// pages show what the commands print, with "…" where runs differ. The
// tokens and the cookie of the last answer are in ACCESS, REFRESH and COOKIE. A program at port 9090
// runs beside the others.
func TestDocsConsole(t *testing.T) {
	for _, command := range []string{"bash", "curl"} {
		if _, err := exec.LookPath(command); err != nil {
			t.Skip(err)
		}
	}
	for _, page := range []string{"api-keys", "guests-and-factors", "identity-provider", "jwt", "limits", "links", "login-limits", "moving", "roles", "sessions", "step-up"} {
		t.Run(page, func(t *testing.T) {
			runPage(t, "../docs/"+page+".md")
		})
	}
}

// A demonstration is a program and the commands below it.
type demonstration struct{ program, console string }

func runPage(t *testing.T, page string) {
	sessions := sessionsOf(t, page)
	addresses := strings.NewReplacer("127.0.0.1:8080", freeAddress(t), "127.0.0.1:9090", freeAddress(t))
	t.Setenv("DEV", "1")
	t.Setenv("JWT_SECRET_KEY", rand.Text()+rand.Text())
	t.Setenv("OLD_SECRET_KEY", rand.Text()+rand.Text())
	t.Setenv("ISSUER", addresses.Replace("http://127.0.0.1:9090"))
	dirs := map[string]string{} // of each module
	dirOf := func(s demonstration) string { return dirs[moduleOf(s.program)] }
	path := func(i int) string { return filepath.Join(dirOf(sessions[i]), "bin", "program"+strconv.Itoa(i)) }
	for i, s := range sessions {
		if dirOf(s) == "" {
			dirs[moduleOf(s.program)] = copyOf(t, moduleOf(s.program))
		}
		write(t, filepath.Join(dirOf(s), "program"+strconv.Itoa(i), "main.go"), addresses.Replace(s.program))
	}
	for _, dir := range dirs {
		build := exec.Command("go", "build", "-o", "bin"+string(filepath.Separator), "./...")
		build.Dir, build.Env = dir, append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	for i, s := range sessions {
		if strings.Contains(s.program, `ListenAndServe("127.0.0.1:9090"`) {
			start(t, path(i), addresses.Replace("127.0.0.1:9090"))
		}
	}
	for i, s := range sessions {
		if s.console == "" {
			continue
		}
		stop := start(t, path(i), addresses.Replace("127.0.0.1:8080"))
		got := converse(t, dirOf(s), s.console, addresses)
		if !pattern(s.console).MatchString(got) {
			t.Errorf("%s: the commands print\n%s\nand the page has\n%s", page, got, s.console)
		}
		stop()
	}
}

// sessionsOf returns the programs of a page, each with the console below it.
func sessionsOf(t *testing.T, page string) (list []demonstration) {
	t.Helper()
	for _, m := range regexp.MustCompile("(?ms)^```(go|console)\n(.*?)^```$").FindAllStringSubmatch(read(t, page), -1) {
		switch language, block := m[1], m[2]; {
		case language == "go" && strings.HasPrefix(block, "package main\n") && !strings.Contains(block, "\n\t\"testing\"\n"):
			list = append(list, demonstration{program: block})
		case language == "console" && len(list) > 0:
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

// converse returns a console with the output of its commands, all of one shell.
func converse(t *testing.T, dir, console string, addresses *strings.Replacer) string {
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
	for line := range strings.Lines(console) {
		if command, ok := strings.CutPrefix(line, "$ "); ok {
			commands = append(commands, line)
			script += addresses.Replace(command) + "printf '" + mark + "'\n"
		}
	}
	cmd := exec.Command("bash", "-c", script)
	cmd.Dir = dir
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
