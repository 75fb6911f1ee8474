package main

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-guard/guard/internal/testing/harness"
)

// programs are pairs of servers in testdata/programs, with one guard and with its
// incumbent. Without a credential, or for the second time, both refuse with the status.
var programs = []struct {
	ours, peer string
	status     int
	slower     float64 // at most, in builds of the peer
}{
	// The one of a quick run. Package session has five times the lines of scs: lists and
	// ends of a subject's sessions, guests, factors, devices, bounded memory.
	{"guard-session", "scs", 401, 4.5},
	{"guard-jwtauth", "chi-jwtauth", 401, 2},
	{"guard-ratelimit", "httprate", 429, 2},
	{"guard-rbac", "casbin", 403, 2},
}

// program compares the size of a program with one guard, stripped, and the processor
// time of its build, with that of its incumbent. Each build compiles everything but the
// standard library, which the cache of the go command has, and links.
func program(set settings) (comparison, error) {
	dir, err := os.MkdirTemp("", "guard-bench-")
	if err != nil {
		return comparison{}, err
	}
	defer os.RemoveAll(dir)
	pairs, builds := programs, 5
	if set.tries < 200 {
		pairs, builds = programs[:1], 1
	}
	var result comparison
	for _, p := range pairs {
		var times [2][]float64
		var sizes [2]float64
		for range builds {
			for i, name := range []string{p.ours, p.peer} {
				took, size, err := build(dir, name)
				if err != nil {
					return comparison{}, err
				}
				times[i], sizes[i] = append(times[i], took), size
			}
		}
		ratios := make([]float64, builds)
		for i := range ratios {
			ratios[i] = times[0][i] / times[1][i]
		}
		for i, name := range []string{p.ours, p.peer} {
			if err := refuses(filepath.Join(dir, name), p.status); err != nil {
				return comparison{}, err
			}
			slices.Sort(times[i])
			result.facts = append(result.facts, Fact{name + ": size", sizes[i], "MB"}, Fact{name + ": build", middle(times[i]), "s of CPU"})
		}
		slices.Sort(ratios)
		larger, slower := p.ours+": larger than "+p.peer, p.ours+": build, in times of "+p.peer
		result.facts = append(result.facts, Fact{larger, sizes[0] - sizes[1], "MB"}, Fact{slower, middle(ratios), ""})
		result.bars = append(result.bars, factAtMost(larger, 0.6), factAtMost(slower, p.slower))
	}
	return result, nil
}

// build builds a program into dir, and returns the processor time in seconds and the
// size in MB.
func build(dir, name string) (took, size float64, err error) {
	path := "github.com/go-guard/guard/bench/testdata/programs/" + name
	deps, _, err := goTool("list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", path)
	if err != nil {
		return 0, 0, err
	}
	args := []string{"build", "-trimpath", "-ldflags=-s -w", "-o", filepath.Join(dir, name)}
	// -D is the path of relative imports, of which there are none: a new one makes the go
	// command compile a package again.
	unique := strconv.FormatInt(time.Now().UnixNano(), 36)
	for _, d := range strings.Fields(deps) {
		args = append(args, "-gcflags="+d+"=-D="+unique)
	}
	_, state, err := goTool(append(args, path)...)
	if err != nil {
		return 0, 0, err
	}
	info, err := os.Stat(filepath.Join(dir, name))
	if err != nil {
		return 0, 0, err
	}
	return (state.UserTime() + state.SystemTime()).Seconds(), float64(info.Size()) / 1e6, nil
}

// goTool runs the go command. Its state has the processor time of the compilers, too.
func goTool(args ...string) (out string, state *os.ProcessState, err error) {
	var stderr strings.Builder
	cmd := exec.Command("go", args...)
	cmd.Stderr = &stderr
	text, err := cmd.Output()
	if err != nil {
		return "", nil, unavailable(fmt.Sprintf("needs the go command in the repository (go %s: %v: %s)", args[0], err, stderr.String()))
	}
	return string(text), cmd.ProcessState, nil
}

// startup is how long a program has until it listens, also on a machine that stalls.
const startup = 2 * time.Minute

// refuses runs a program, and sends requests until the second one after it listens.
func refuses(path string, status int) error {
	port, err := harness.Port()
	if err != nil {
		return err
	}
	addr := "127.0.0.1:" + port
	cmd := exec.Command(path)
	cmd.Env = append(os.Environ(), "ADDR="+addr, "SECRET="+string(secret))
	if err := cmd.Start(); err != nil {
		return err
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	var last *http.Response
	for answers, end := 0, time.Now().Add(startup); answers < 2; {
		res, err := http.Get("http://" + addr)
		if err == nil {
			res.Body.Close()
			last = res
			answers++
		} else if time.Now().After(end) {
			return err
		} else {
			time.Sleep(20 * time.Millisecond)
		}
	}
	if last.StatusCode != status {
		return fmt.Errorf("%s answers %d", filepath.Base(path), last.StatusCode)
	}
	return nil
}
