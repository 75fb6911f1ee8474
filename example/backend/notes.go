package backend

import (
	"context"
	"errors"
	"sync"

	"github.com/redis/go-redis/v9"
)

// Notes stores one text. The first is empty.
type Notes interface {
	Note(ctx context.Context) (string, error)
	SetNote(ctx context.Context, text string) error
}

// memoryNotes is Notes in the memory of one process.
type memoryNotes struct {
	mu   sync.Mutex
	text string
}

// NewMemoryNotes returns Notes in the memory of this process.
func NewMemoryNotes() Notes { return &memoryNotes{} }

func (m *memoryNotes) Note(context.Context) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.text, nil
}

func (m *memoryNotes) SetNote(_ context.Context, text string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.text = text
	return nil
}

// redisNotes is Notes in Redis.
type redisNotes struct{ client *redis.Client }

const redisNote = "example-note"

func (n redisNotes) Note(ctx context.Context) (string, error) {
	text, err := n.client.Get(ctx, redisNote).Result()
	if errors.Is(err, redis.Nil) {
		return "", nil
	}
	return text, err
}

func (n redisNotes) SetNote(ctx context.Context, text string) error {
	return n.client.Set(ctx, redisNote, text, 0).Err()
}
