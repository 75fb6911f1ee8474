package session_test

import (
	"testing"

	"github.com/go-guard/guard/session/sessiontest"

	"github.com/go-guard/guard/session"
)

func TestMemoryRefusesWrongShard(t *testing.T) {
	m := newMemory(t, nil)
	rec := sessiontest.Record("alice")
	wrong := rec
	wrong.Key[0] ^= 0x80
	if err := m.Insert(t.Context(), wrong); err == nil {
		t.Error("inserted into another subject's shard")
	}
	insert(t, m, rec, nil)
	if ok, err := m.Rotate(t.Context(), rec.Key, wrong.Key); ok || err == nil {
		t.Error("rotated into another subject's shard")
	}
	has(t, m, rec, true)
}

// The memory of a million sessions is counted in entries: see BenchmarkMillion.
func TestEntrySize(t *testing.T) {
	if session.EntrySize > 128 {
		t.Errorf("an entry takes %d bytes, want at most 128", session.EntrySize)
	}
}
