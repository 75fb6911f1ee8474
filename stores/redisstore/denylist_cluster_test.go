package redisstore_test

import (
	"testing"
	"time"
)

// TestDenylistWhileSlotMoves: while the slot of the denylist moves, and some of its keys
// are on each node, tokens with several IDs are checked and denied.
func TestDenylistWhileSlotMoves(t *testing.T) {
	nodes, ctx := startCluster(t), t.Context()
	c := newClusterClient(t, []string{nodes[0].Options().Addr}, longTimeout)
	d := open(t, c, "app").Denylist()
	until := time.Now().Add(time.Hour)
	deny := func(ids ...string) {
		t.Helper()
		if err := d.Deny(ctx, until, "", ids...); err != nil {
			t.Fatal(err)
		}
	}
	check := func(want bool, ids ...string) {
		t.Helper()
		if denied, err := d.Denied(ctx, time.Time{}, "", ids...); denied != want || err != nil {
			t.Errorf("%q: %t, %v; want %t", ids, denied, err, want)
		}
	}
	deny("a", "b")
	key := must[[]string](t)(nodes[0].Keys(ctx, "app:deny*").Result())[0]
	slot := must[int64](t)(nodes[0].ClusterKeySlot(ctx, key).Result())
	from, to := nodes[0], nodes[1]
	for _, args := range [][]any{
		{"CLUSTER", "SETSLOT", slot, "IMPORTING", from.id}, {"CLUSTER", "SETSLOT", slot, "MIGRATING", to.id}, {"MIGRATE", to.host, to.port, key, 0, 5000},
	} {
		node := from
		if args[len(args)-2] == "IMPORTING" {
			node = to
		}
		if err := node.Do(ctx, args...).Err(); err != nil {
			t.Fatal(args, err)
		}
	}
	check(true, "a", "x")
	check(true, "y", "b")
	check(false, "x", "y")
	deny("c", "d")
	check(true, "c", "y")
	check(true, "x", "d")
	if err := move(ctx, slot, from, to); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"a", "b", "c", "d"} {
		check(true, id, "x")
	}
	check(false, "x", "y")
}
