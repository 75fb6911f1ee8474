package redisstore_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/go-guard/guard/session"
	redisstore "github.com/go-guard/guard/stores/redisstore"
)

// leastRights returns the rules for the user of the stores with a prefix, as
// docs/running-on-redis.md has them for the prefix myapp.
func leastRights(t *testing.T, prefix string) []string {
	t.Helper()
	page, err := os.ReadFile("../../docs/running-on-redis.md")
	if err != nil {
		t.Fatal(err)
	}
	lines := regexp.MustCompile(`(?m)^ACL SETUSER myapp on >PASSWORD ((?:.+\\\n)*.+)\n`).FindSubmatch(page)
	if lines == nil {
		t.Fatal("docs/running-on-redis.md has no ACL SETUSER")
	}
	return strings.Fields(strings.NewReplacer("~myapp:*", "~"+prefix+":*", `\`, "").Replace(string(lines[1])))
}

// documentedKinds returns what follows the prefix of the keys in docs/running-on-redis.md.
func documentedKinds(t *testing.T) (kinds []string) {
	t.Helper()
	page, err := os.ReadFile("../../docs/running-on-redis.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile("`myapp:(\\w+){").FindAllSubmatch(page, -1) {
		kinds = append(kinds, string(m[1]))
	}
	slices.Sort(kinds)
	return slices.Compact(kinds)
}

// setUser gives the user "app" of a server these rules alone.
func setUser(t *testing.T, admin *redis.Client, rules []string) {
	t.Helper()
	args := []any{"ACL", "SETUSER", "app", "reset", "on", ">secret"}
	for _, rule := range rules {
		args = append(args, rule)
	}
	if err := admin.Do(t.Context(), args...).Err(); err != nil {
		t.Fatalf("ACL SETUSER %q: %v", rules, err)
	}
}

// asUser returns a client of the user "app".
func asUser(t *testing.T, addr string) *redis.Client {
	c := redis.NewClient(&redis.Options{Addr: addr, Username: "app", Password: "secret", ContextTimeoutEnabled: true, MaxRetries: -1})
	t.Cleanup(func() { c.Close() })
	return c
}

// TestLeastRights: every suite passes for a user with the rights in the documentation,
// and the stores use each of them.
func TestLeastRights(t *testing.T) {
	t.Parallel() // much of it waits
	s := startServer(t, "--appendonly", "no")
	admin := newClient(t, s.addr)
	rights := leastRights(t, "acl")
	setUser(t, admin, rights)
	c := asUser(t, s.addr)
	if err := admin.ConfigResetStat(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	conform(t, func(t *testing.T) *redisstore.Stores {
		return open(t, c, fmt.Sprint("acl:", prefixes.Add(1)))
	})
	stats, err := admin.InfoMap(t.Context(), "commandstats").Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, right := range rights {
		if command, ok := strings.CutPrefix(right, "+"); ok && stats["Commandstats"]["cmdstat_"+command] == "" {
			t.Errorf("%s is in the documentation and not used", right)
		}
	}
}

// TestScriptsCallNoOtherCommands: New tries every command that a script calls, and every
// kind of key.
func TestScriptsCallNoOtherCommands(t *testing.T) {
	rights := leastRights(t, "a")
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	calls := regexp.MustCompile(`\bp?call\('([A-Z]+)'`)
	keys := regexp.MustCompile(`\.key\("(\w+)"`)
	kinds := documentedKinds(t)
	seen := 0
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		text, err := os.ReadFile(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range keys.FindAllSubmatch(text, -1) {
			if !slices.Contains(kinds, string(m[1])) {
				t.Errorf("%s has keys of kind %s, which the documentation does not have", f.Name(), m[1])
			}
		}
		for _, m := range calls.FindAllSubmatch(text, -1) {
			seen++
			if right := "+" + strings.ToLower(string(m[1])); !slices.Contains(rights, right) {
				t.Errorf("%s calls %s, which the documentation does not have", f.Name(), m[1])
			}
		}
	}
	if len(kinds) < 8 || seen < 100 {
		t.Errorf("%d calls in the scripts", seen)
	}
}

// TestMissingRight: New names the right that a user lacks. All of these were accepted,
// and every request was 503; a user without @dangerous was refused.
func TestMissingRight(t *testing.T) {
	s := startServer(t, "--appendonly", "no")
	admin := newClient(t, s.addr)
	least := leastRights(t, "app")
	check := func(name string, rules []string, want string) {
		t.Helper()
		setUser(t, admin, rules)
		c := asUser(t, s.addr)
		defer c.Close()
		_, err := redisstore.New(t.Context(), c, "app")
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v; want %q", name, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the password is in %v", name, err)
		}
	}
	check("the least rights", least, "")
	check("without @dangerous", []string{"~*", "+@all", "-@dangerous"}, "")
	for _, rule := range least {
		if command, ok := strings.CutPrefix(rule, "+"); ok {
			check("without "+command, append(slices.Clone(least), "-"+command), "server: "+strings.ToUpper(command))
		}
	}
	check("without writes", append(slices.Clone(least), "-@write"), "server: DEL: ")
	check("two commands", append(slices.Clone(least), "-hset", "-zadd"), "server: HSET, ZADD: ")
	check("another prefix", append(slices.Clone(least), "resetkeys", "~other:*"), `keys "app:*"`)
	check("no keys", append(slices.Clone(least), "resetkeys"), `keys "app:*"`)
	check("keys to read", append(slices.Clone(least), "resetkeys", "%R~app:*"), `keys "app:*"`)
	kinds := documentedKinds(t)
	for _, kind := range kinds {
		rules := append(slices.Clone(least), "resetkeys")
		for _, other := range kinds {
			if other != kind {
				rules = append(rules, "~app:"+other+"{*")
			}
		}
		check("without keys of kind "+kind, rules, `keys "app:*"`)
	}
	setUser(t, admin, least)
	c := redis.NewClient(&redis.Options{Addr: s.addr, Username: "app", Password: "wrong secret", ContextTimeoutEnabled: true, MaxRetries: -1})
	defer c.Close()
	if _, err := redisstore.New(t.Context(), c, "app"); err == nil || !strings.Contains(err.Error(), "WRONGPASS") || strings.Contains(err.Error(), "wrong secret") {
		t.Errorf("a wrong password: %v", err)
	}
	if keys, err := admin.Keys(t.Context(), "*").Result(); len(keys) > 0 || err != nil {
		t.Errorf("New left %q, %v", keys, err)
	}
}

// TestRightsInCluster: New tries the rights on every master, since each has users of
// its own.
func TestRightsInCluster(t *testing.T) {
	nodes := startCluster(t)
	least := append(leastRights(t, "app"), "+cluster|slots", "+command")
	for _, n := range nodes {
		setUser(t, n.Client, least)
	}
	direct := false
	open := func() (*redisstore.Stores, error) {
		c := redis.NewClusterClient(&redis.ClusterOptions{
			Addrs: []string{nodes[0].host + ":" + nodes[0].port}, Username: "app", Password: "secret", ContextTimeoutEnabled: true,
			DisableRoutingPolicies: direct,
		})
		t.Cleanup(func() { c.Close() })
		return redisstore.New(t.Context(), c, "app")
	}
	stores, err := open()
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		rec := insert(t, stores.Sessions(), fmt.Sprint("u", i), nil)
		if _, err := stores.Denylist().Denied(t.Context(), time.Time{}, "", "a", "b"); err != nil || !live(t, stores.Sessions(), rec) {
			t.Error(err)
		}
	}
	for _, n := range nodes { // each command was preceded by a refused COMMAND to each node
		stats := must[map[string]map[string]string](t)(n.InfoMap(t.Context(), "commandstats").Result())["Commandstats"]
		if stat := stats["cmdstat_command"]; stat != "" && !strings.HasPrefix(stat, "calls=1,") && !strings.HasPrefix(stat, "calls=2,") || strings.Contains(stat, "rejected_calls=1") {
			t.Errorf("COMMAND: %s", stat)
		}
		setUser(t, n.Client, append(slices.Clone(least), "-command"))
	}
	if _, err := open(); err == nil || !strings.Contains(err.Error(), "COMMAND") {
		t.Errorf("without COMMAND: %v", err)
	}
	direct = true
	if _, err := open(); err != nil {
		t.Errorf("without COMMAND and with DisableRoutingPolicies: %v", err)
	}
	direct = false
	for _, n := range nodes {
		setUser(t, n.Client, least)
	}
	for i, n := range nodes {
		setUser(t, n.Client, append(slices.Clone(least), "-zadd"))
		if _, err := open(); err == nil || !strings.Contains(err.Error(), "ZADD") {
			t.Errorf("node %d lacks a right: %v", i, err)
		}
		setUser(t, n.Client, least)
	}
}

// TestEviction: New warns of a maxmemory-policy that evicts, if the user may read it, and
// accepts a full server.
func TestEviction(t *testing.T) {
	before := slog.Default()
	t.Cleanup(func() { slog.SetDefault(before) })
	var b bytes.Buffer
	slog.SetDefault(slog.New(slog.NewTextHandler(&b, nil)))
	s := startServer(t, "--appendonly", "no")
	admin := newClient(t, s.addr)
	for _, tt := range []struct {
		policy string
		rules  []string
		warns  bool
	}{
		{"noeviction", []string{"~*", "+@all"}, false},
		{"allkeys-lru", []string{"~*", "+@all"}, true},
		{"volatile-ttl", append(leastRights(t, "app"), "+info"), true},
		{"volatile-ttl", leastRights(t, "app"), false},
	} {
		b.Reset()
		setUser(t, admin, tt.rules)
		if err := admin.ConfigSet(t.Context(), "maxmemory-policy", tt.policy).Err(); err != nil {
			t.Fatal(err)
		}
		open(t, asUser(t, s.addr), "app")
		line := b.String()
		if want := "level=WARN msg=guard package=redisstore "; strings.Contains(line, want) != tt.warns || strings.Contains(line, tt.policy) != tt.warns {
			t.Errorf("%s, %q: the log has %q", tt.policy, tt.rules, line)
		}
	}
	for setting, value := range map[string]string{"maxmemory-policy": "noeviction", "maxmemory": "1"} {
		if err := admin.ConfigSet(t.Context(), setting, value).Err(); err != nil {
			t.Fatal(err)
		}
	}
	stores := newStoresAt(t, s.addr)
	if _, err := stores.Sessions().DeleteAll(t.Context(), "u", nil); err != nil {
		t.Errorf("a full server ends sessions: %v", err)
	}
	if _, _, err := stores.Sessions().Load(t.Context(), session.Key{}); err != nil {
		t.Errorf("a full server loads sessions: %v", err)
	}
}
