package redisstore_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/go-guard/guard/apikey"
	redisstore "github.com/go-guard/guard/stores/redisstore"
)

// newEntry returns the entry of a valid API key.
func newEntry(id, subject string) apikey.Entry {
	now := time.UnixMilli(time.Now().UnixMilli()).UTC()
	return apikey.Entry{Record: apikey.Record{ID: id, Ring: "ak_live", Subject: subject, CreatedAt: now, Last4: "abcd"}, Digest: apikey.Digest{1}}
}

func insertEntry(t *testing.T, keys apikey.Store, e apikey.Entry) {
	t.Helper()
	if ok, err := keys.Insert(t.Context(), e, 1000); !ok || err != nil {
		t.Fatal(ok, err)
	}
}

// TestAPIKeyListExpiresWithLastKey: the list of a subject expires with the last API key
// in it, even if the API keys did not expire before they were revoked.
func TestAPIKeyListExpiresWithLastKey(t *testing.T) {
	s, c, prefix := newStores(t)
	keys := s.APIKeys()
	e := newEntry("aaaaaaaaaaa1", `<"sub\ject">`)
	insertEntry(t, keys, e)
	insertEntry(t, keys, newEntry("aaaaaaaaaaa2", e.Subject))
	list := prefix + `:apikey{all}:of:ak_live:` + e.Subject
	for i, want := range []time.Duration{-1, apikey.Retention} {
		if found, err := keys.Revoke(t.Context(), fmt.Sprint("aaaaaaaaaaa", i+1), e.CreatedAt); !found || err != nil {
			t.Fatal(found, err)
		}
		got, err := c.PExpireTime(t.Context(), list).Result()
		if ends := time.Duration(e.CreatedAt.UnixMilli())*time.Millisecond + want; err != nil || want < 0 && got != want || want > 0 && got != ends {
			t.Errorf("after %d API keys were revoked, the list expires at %v, %v", i+1, got, err)
		}
	}
}

// TestAPIKeysThatExpiredLeaveNothing: Redis deletes the entries by itself, and inserts of
// any subject then remove them from the lists of all.
func TestAPIKeysThatExpiredLeaveNothing(t *testing.T) {
	s, c, prefix := newStores(t)
	keys, now := s.APIKeys(), time.Now()
	for i := range 40 {
		e := newEntry(fmt.Sprintf("aaaaaaaaaa%02d", i), fmt.Sprint("u", i%5))
		e.ExpiresAt = now.Add(time.Hour)
		insertEntry(t, keys, e)
		switch i % 4 {
		case 1: // its retention is over at once
			if found, err := keys.Revoke(t.Context(), e.ID, now.Add(-apikey.Retention)); !found || err != nil {
				t.Fatal(found, err)
			}
		case 2:
			e.ExpiresAt = now.Add(-apikey.Retention)
			if ok, err := keys.Update(t.Context(), e.Record, 0); !ok || err != nil {
				t.Fatal(ok, err)
			}
		default:
			c.PExpire(t.Context(), prefix+":apikey{all}:id:"+e.ID, time.Millisecond)
		}
		// As time passes, the score of its members is in the past.
		member := fmt.Sprintf("%014d%s", e.CreatedAt.UnixMilli(), e.ID)
		for _, list := range []string{"of:ak_live:" + e.Subject, "ending:ak_live"} {
			c.ZAddXX(t.Context(), prefix+":apikey{all}:"+list, redis.Z{Score: 1, Member: member})
		}
	}
	time.Sleep(5 * time.Millisecond) // another process
	for i := range 3 {
		insertEntry(t, keys, newEntry(fmt.Sprintf("bbbbbbbbbb%02d", i), "u0"))
	}
	for list, want := range map[string]int64{"of:ak_live:u0": 3, "index:ak_live": 3, "ending:ak_live": 0} {
		if n, err := c.ZCard(t.Context(), prefix+":apikey{all}:"+list).Result(); n != want || err != nil {
			t.Errorf("%s has %d members, %v; want %d", list, n, err, want)
		}
	}
	if left, err := c.Keys(t.Context(), prefix+":*:id:*").Result(); len(left) != 3 || err != nil {
		t.Errorf("entries %v, %v", left, err)
	}
}

// monitored runs f, and returns what the server executed meanwhile: a line of MONITOR
// each.
func monitored(t *testing.T, addr string, f func()) (lines []string) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	in := bufio.NewScanner(conn)
	in.Buffer(nil, 1<<24)
	fmt.Fprint(conn, "MONITOR\r\n")
	if !in.Scan() || in.Text() != "+OK" {
		t.Fatal(in.Text(), in.Err())
	}
	f()
	if err := newClient(t, addr).Echo(t.Context(), "the end").Err(); err != nil {
		t.Fatal(err)
	}
	for in.Scan() {
		if strings.Contains(in.Text(), `"the end"`) {
			return lines
		}
		lines = append(lines, in.Text())
	}
	t.Fatal(in.Err())
	return nil
}

var monitorArgument = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// arguments returns the command of a line of MONITOR, and whether a script executed it.
func arguments(line string) (args []string, byScript bool) {
	head, command, _ := strings.Cut(line, "] ")
	for _, a := range monitorArgument.FindAllString(command, -1) {
		args = append(args, a[1:len(a)-1])
	}
	return args, strings.HasSuffix(head, " lua")
}

// TestScriptsDeclareTheirKeys: no script accesses a key that is not in its KEYS, in any
// step of the conformance suites. In a Cluster such a key may be on another node.
func TestScriptsDeclareTheirKeys(t *testing.T) {
	t.Parallel() // much of it waits
	s := startServer(t, "--appendonly", "no")
	c := newClient(t, s.addr)
	lines := monitored(t, s.addr, func() {
		conform(t, func(t *testing.T) *redisstore.Stores {
			return open(t, c, fmt.Sprint("p", prefixes.Add(1)))
		})
	})
	var declared map[string]bool
	calls, undeclared := 0, map[string]bool{}
	for _, line := range lines {
		args, byScript := arguments(line)
		if len(args) == 0 {
			continue
		}
		switch name := strings.ToLower(args[0]); {
		case !byScript && (name == "evalsha" || name == "eval"):
			n, _ := strconv.Atoi(args[2])
			declared = map[string]bool{}
			for _, key := range args[3 : 3+n] {
				declared[key] = true
			}
		case byScript && name != "time" && name != "config":
			if calls++; !declared[args[1]] {
				undeclared[strings.Join(args[:2], " ")] = true
			}
		}
	}
	if len(undeclared) > 0 {
		t.Errorf("undeclared keys: %v", undeclared)
	}
	if calls < 1000 {
		t.Errorf("only %d commands of scripts were seen", calls)
	}
}

// TestAPIKeyCommandsDoNotGrow: a method executes as many commands, whatever the
// number of API keys, of its subject and of others.
func TestAPIKeyCommandsDoNotGrow(t *testing.T) {
	s := startServer(t, "--appendonly", "no")
	count := func(n int) (counts map[string]int) {
		keys, counts := open(t, newClient(t, s.addr), fmt.Sprint("n", n)).APIKeys(), map[string]int{}
		for i := range n {
			insertEntry(t, keys, newEntry(fmt.Sprintf("a%011d", i), "u1"))
			insertEntry(t, keys, newEntry(fmt.Sprintf("b%011d", i), fmt.Sprint("other", i)))
		}
		rec := newEntry("a00000000005", "u1").Record
		loaded, _, err := keys.Load(t.Context(), rec.ID)
		if err != nil {
			t.Fatal(err)
		}
		rec.CreatedAt, rec.MaxUses = loaded.CreatedAt, 1
		for _, step := range []struct {
			name string
			run  func(ctx context.Context) error
		}{
			{"insert", func(ctx context.Context) error {
				_, err := keys.Insert(ctx, newEntry("c00000000000", "u1"), 1000)
				return err
			}},
			{"revoke", func(ctx context.Context) error { _, err := keys.Revoke(ctx, "a00000000001", time.Now()); return err }},
			{"makes room", func(ctx context.Context) error {
				_, err := keys.Insert(ctx, newEntry("c00000000001", "u1"), n+1)
				return err
			}},
			{"rotate", func(ctx context.Context) error {
				_, err := keys.Rotate(ctx, rec.ID, apikey.Rotation{From: apikey.Digest{1}})
				return err
			}},
			{"update", func(ctx context.Context) error { _, err := keys.Update(ctx, rec, 0); return err }},
			{"spend", func(ctx context.Context) error {
				_, err := keys.Spend(ctx, &rec, apikey.Digest{1}, time.Now())
				return err
			}},
			{"a page", func(ctx context.Context) error {
				_, _, err := keys.ListAll(ctx, "ak_live", apikey.Position{}, 5)
				return err
			}},
		} {
			lines := monitored(t, s.addr, func() {
				if err := step.run(t.Context()); err != nil {
					t.Errorf("%s: %v", step.name, err)
				}
			})
			for _, line := range lines {
				if !strings.Contains(line, `"time"`) && !strings.Contains(line, `"eval`) && !strings.Contains(line, `"hello"`) && !strings.Contains(line, `"client"`) {
					counts[step.name]++
				}
			}
		}
		return counts
	}
	few, many := count(20), count(320)
	for name, n := range many {
		if n == 0 || n > few[name] {
			t.Errorf("%s: %d commands of 20 API keys, %d of 320", name, few[name], n)
		}
	}
}

// TestAPIKeyCommandsThatRunTwice: go-redis sends a command again if its answer is lost.
// The second time nothing changes, and the result is that of the first.
func TestAPIKeyCommandsThatRunTwice(t *testing.T) {
	_, c, prefix := newStores(t)
	twice := newClient(t, address())
	twice.AddHook(hook(func(_ int, next func() error) error {
		_ = next()
		return next()
	}))
	keys := open(t, twice, prefix).APIKeys()
	ring, err := apikey.NewRing(&apikey.RingOptions{Store: keys, MaxPerSubject: 2})
	if err != nil {
		t.Fatal(err)
	}
	verify := func(key apikey.Key, want bool) {
		t.Helper()
		if _, found, err := ring.Verify(t.Context(), key.Reveal()); found != want || err != nil {
			t.Errorf("Verify = %t, %v; want %t", found, err, want)
		}
	}
	var last *apikey.Record
	for i := range 5 { // from the third on, one makes room
		key, rec, err := ring.Issue(t.Context(), apikey.Grant{Subject: "u1"})
		if err != nil {
			t.Fatal(err)
		}
		verify(key, true)
		next, found, err := ring.Rotate(t.Context(), rec.ID, time.Hour)
		if !found || err != nil {
			t.Fatal(found, err)
		}
		verify(key, true)
		verify(next, true)
		updated, found, err := ring.Update(t.Context(), rec.ID, func(g *apikey.Grant) error { g.Name, g.MaxUses = "n", 9; return nil })
		if !found || err != nil || updated.Name != "n" {
			t.Fatal(found, err)
		}
		if e, _, _ := keys.Load(t.Context(), rec.ID); e.Revision != 1 {
			t.Errorf("revision %d", e.Revision)
		}
		if found, err := ring.Revoke(t.Context(), rec.ID); !found || err != nil {
			t.Fatal(found, err)
		}
		if list, err := ring.List(t.Context(), "u1"); len(list) != min(i+1, 2) || err != nil {
			t.Errorf("%d API keys, %v", len(list), err)
		}
		last = rec
	}
	// A use may be counted twice, and never not at all.
	_, rec, err := ring.Issue(t.Context(), apikey.Grant{Subject: "u2", MaxUses: 3})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []bool{true, false, false} { // the second counts the third, and is not granted
		if ok, err := keys.Spend(t.Context(), rec, apikey.Digest{}, time.Now()); ok != want || err != nil {
			t.Errorf("Spend %d = %t, %v; want %t", i+1, ok, err, want)
		}
	}
	if n, err := c.ZCard(t.Context(), prefix+":apikey{all}:index:ak_live").Result(); n != 3 || err != nil {
		t.Errorf("%d members in the index, %v", n, err)
	}
	if e, _, _ := keys.Load(t.Context(), last.ID); e == nil || e.RevokedAt.IsZero() {
		t.Error("the last API key is not revoked")
	}
}

// TestAPIKeysOfAFullRedis: a full Redis issues no API key, and revokes them.
func TestAPIKeysOfAFullRedis(t *testing.T) {
	s := startServer(t)
	keys := newStoresAt(t, s.addr).APIKeys()
	e := newEntry("aaaaaaaaaaa1", "u1")
	insertEntry(t, keys, e)
	if err := newClient(t, s.addr).ConfigSet(t.Context(), "maxmemory", "1").Err(); err != nil {
		t.Fatal(err)
	}
	if ok, err := keys.Insert(t.Context(), newEntry("aaaaaaaaaaa2", "u1"), 9); ok || !errors.Is(err, apikey.ErrFull) {
		t.Errorf("Insert = %t, %v; want ErrFull", ok, err)
	}
	if found, err := keys.Revoke(t.Context(), e.ID, e.CreatedAt); !found || err != nil {
		t.Errorf("Revoke = %t, %v", found, err)
	}
	if got, found, err := keys.Load(t.Context(), e.ID); !found || err != nil || got.RevokedAt.IsZero() {
		t.Errorf("Load = %+v, %t, %v", got, found, err)
	}
}
