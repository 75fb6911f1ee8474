package redisstore_test

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/go-guard/guard/jwtauth/refresh"
	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/session/sessiontest"
)

// A monitor sees each command that the server executes, also those of scripts.
type monitor struct {
	t testing.TB
	r *bufio.Reader
	c *redis.Client
	n int
}

func newMonitor(t testing.TB, addr string) *monitor {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	m := &monitor{t: t, r: bufio.NewReader(conn), c: newClient(t, addr)}
	fmt.Fprint(conn, "MONITOR\r\n")
	if line, err := m.r.ReadString('\n'); line != "+OK\r\n" {
		t.Fatal(line, err)
	}
	return m
}

// A call is a command with its arguments; byScript is true if a script makes it.
type call struct {
	args     []string
	byScript bool
}

// during returns the calls of f.
func (m *monitor) during(f func()) (calls []call) {
	m.t.Helper()
	f()
	m.n++
	end := fmt.Sprint("end ", m.n)
	if err := m.c.Echo(m.t.Context(), end).Err(); err != nil {
		m.t.Fatal(err)
	}
	for {
		line, err := m.r.ReadString('\n')
		if err != nil {
			m.t.Fatal(err)
		}
		source, rest, _ := strings.Cut(line, "] ")
		c := call{byScript: strings.HasSuffix(source, " lua")}
		for rest = strings.TrimSpace(rest); rest != ""; rest = strings.TrimSpace(rest) {
			quoted := must[string](m.t)(strconv.QuotedPrefix(rest))
			c.args = append(c.args, must[string](m.t)(strconv.Unquote(quoted)))
			rest = rest[len(quoted):]
		}
		if c.args[len(c.args)-1] == end {
			return calls
		}
		calls = append(calls, c)
	}
}

// checkDeclared checks that the scripts access no key that is not in their KEYS. It
// returns the largest number of calls of a script.
func checkDeclared(t *testing.T, operation string, calls []call) (most int) {
	t.Helper()
	var keys []string
	n := 0
	for _, c := range calls {
		switch name := strings.ToLower(c.args[0]); {
		case name == "evalsha" || name == "eval":
			keys, n = c.args[3:3+must[int](t)(strconv.Atoi(c.args[2]))], 0
		case c.byScript:
			n++
			most = max(most, n)
			if name != "time" && !slices.Contains(keys, c.args[1]) {
				t.Errorf("%s: a script with the KEYS %q calls %q", operation, keys, c.args)
			}
		}
	}
	return most
}

// TestSessionScriptsDeclareKeys: in a slot that moves to another node of a Cluster, a
// script may access only the keys that it declares; so it is on Dragonfly and Redis
// Enterprise. A login makes at most 6 calls.
func TestSessionScriptsDeclareKeys(t *testing.T) {
	server := startServer(t, "--appendonly", "no")
	stores := newStoresAt(t, server.addr)
	s, families, started := stores.Sessions(), stores.TokenFamilies(), 0
	m := newMonitor(t, server.addr)
	ctx, now := t.Context(), time.Now()
	withRef := func(rec *session.Record) { rec.Ref = "ref" }
	ended := func(rec *session.Record) { rec.Deadline = now.Add(time.Millisecond - session.Grace) }
	for i := range 150 {
		other := insert(t, s, fmt.Sprint("other", i), nil)
		must[bool](t)(s.Rotate(ctx, other.Key, sessiontest.Key(other.Subject)))
	}
	for range 120 {
		insert(t, s, "u", nil)
	}
	insert(t, s, "u", ended)
	must[int](t)(s.DeleteAll(ctx, "w", nil))
	rec, rotated := insert(t, s, "u", withRef), sessiontest.Key("u")
	start := func(subject string, at time.Time) {
		started++
		family := refresh.Family{Subject: subject, ID: fmt.Sprintf("%022d", started), Started: at, Expires: at.Add(time.Hour), ListedUntil: at}
		if _, err := families.Start(ctx, family); err != nil {
			t.Fatal(err)
		}
	}
	for range 90 { // which have expired when the next one starts
		start("u", now.Add(-90*time.Minute))
	}
	for _, tt := range []struct {
		name string
		most int
		do   func()
	}{
		{"a login", 6, func() { insert(t, s, "u", nil) }},
		{"a first login", 6, func() { insert(t, s, "v", nil) }},
		{"a login at an epoch", 6, func() {
			if err := s.Insert(ctx, sessiontest.Record("u"), must[int64](t)(s.Epoch(ctx, "u"))); err != nil {
				t.Fatal(err)
			}
		}},
		{"a refused login", 6, func() {
			if err := s.Insert(ctx, sessiontest.Record("w"), 0); !errors.Is(err, session.ErrEnded) {
				t.Fatal(err)
			}
		}},
		{"a login with a Ref", 6, func() { insert(t, s, "u", withRef) }},
		{"a login with refresh tokens", 6, func() { start("u", now) }},
		{"a first login with refresh tokens", 3, func() { start("v", now) }},
		{"a login with refresh tokens and a Ref", 6, func() {
			family := refresh.Family{Subject: "u", ID: fmt.Sprintf("%022d", 0), Started: now, Expires: now.Add(time.Hour), ListedUntil: now, Ref: "ref"}
			if _, err := families.Start(ctx, family); err != nil {
				t.Fatal(err)
			}
		}},
		{"the end of a Ref of refresh tokens", 6, func() {
			if _, n, err := families.RevokeRef(ctx, refresh.RefRevocation{Ref: "ref", Until: now.Add(time.Hour), ListedUntil: now.Add(time.Hour)}); n != 1 || err != nil {
				t.Fatal(n, err)
			}
		}},
		{"a load", 0, func() { live(t, s, rec) }},
		{"a touch", 6, func() {
			if err := s.Touch(ctx, rec.Key, now.Add(time.Minute), now.Add(2*time.Hour)); err != nil {
				t.Fatal(err)
			}
		}},
		{"an update", 3, func() { must[bool](t)(s.Update(ctx, rec.Key, rec.Revision, "{}")) }},
		{"a rotation", 6, func() { must[bool](t)(s.Rotate(ctx, rec.Key, rotated)) }},
		{"a deletion after a rotation", 6, func() { must[bool](t)(s.Delete(ctx, rec.Key)) }},
		{"a list", 0, func() { must[[]session.Record](t)(s.List(ctx, "u")) }},
		{"the end of a Ref for a subject", 6, func() { must[int](t)(s.DeleteRef(ctx, "ref", "u")) }},
		{"the end of a Ref", 6, func() { must[int](t)(s.DeleteRef(ctx, "ref", "")) }},
		{"the end of all", 7, func() { must[int](t)(s.DeleteAll(ctx, "u", nil)) }},
	} {
		if most := checkDeclared(t, tt.name, m.during(tt.do)); most > tt.most {
			t.Errorf("%s: a script made %d calls, want at most %d", tt.name, most, tt.most)
		}
	}
}
