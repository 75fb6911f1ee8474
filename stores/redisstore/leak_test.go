package redisstore_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/go-guard/guard/internal/testing/leak"
	redisstore "github.com/go-guard/guard/stores/redisstore"
)

// TestNoSecretIsPrinted: no log shows the password of Redis.
func TestNoSecretIsPrinted(t *testing.T) {
	s := startServer(t)
	admin := redis.NewClient(&redis.Options{Addr: s.addr, MaxRetries: -1})
	defer admin.Close()
	if err := admin.ConfigSet(t.Context(), "requirepass", leak.Marker).Err(); err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(&redis.Options{Addr: s.addr, Password: leak.Marker, ContextTimeoutEnabled: true, DialTimeout: time.Second, MaxRetries: -1})
	defer client.Close()
	stores, err := redisstore.New(t.Context(), client, "leak")
	if err != nil {
		t.Fatal(err)
	}
	leak.Check(t, ".", map[string]leak.Instance{"Stores": {Value: stores}})
	for name, store := range map[string]any{
		"APIKeys": stores.APIKeys(), "Denylist": stores.Denylist(), "RateLimits": stores.RateLimits(),
		"Once": stores.Once(), "Sessions": stores.Sessions(), "TokenFamilies": stores.TokenFamilies(),
	} {
		for _, l := range leak.Find(leak.Instance{Value: store}) {
			t.Errorf("%s: %s", name, l)
		}
	}
}
