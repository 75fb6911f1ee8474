package session_test

import (
	"testing"

	"github.com/go-guard/guard/session"
)

// Tokens differ, and their keys are in the subject's shard.
func TestToken(t *testing.T) {
	seen := map[string]bool{}
	shards := map[int]bool{}
	for _, subject := range []string{"alice", "bob", "carol", "dave", "1", "2", "3", "4", "5", "6", "7", "8"} {
		for range 20 {
			token, key := session.NewToken(subject)
			if got, ok := session.KeyOf(token); !ok || got != key || key.Shard() != session.ShardOf(subject) || seen[token] {
				t.Fatalf("%q of %s: %t, shard %d", token, subject, ok, key.Shard())
			}
			seen[token] = true
			shards[key.Shard()] = true
		}
	}
	if len(shards) < 3 {
		t.Errorf("only the shards %v", shards)
	}
	for _, bad := range []string{"", "A", "\n\n\n\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="} {
		if _, ok := session.KeyOf(bad); ok {
			t.Errorf("%q is a token", bad)
		}
	}
}
