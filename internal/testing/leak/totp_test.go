package leak_test

import (
	"encoding/base32"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/clientip"
	"github.com/go-guard/guard/internal/testing/leak"
	"github.com/go-guard/guard/ratelimit"
	"github.com/go-guard/guard/signin/totp"
)

func ofTOTP(t *testing.T) map[string]leak.Instance {
	key := leak.Secret("key", 40)
	options := totp.Options{
		OldKeys: []guard.Secret{leak.Secret("old key", 40)}, Attempts: ratelimit.LoginOptions{Secret: leak.Secret("limits", 40)},
	}
	memory := guard.Must(totp.NewMemory(nil))
	factors := guard.Must(totp.New("Acme", key, memory, clientip.Direct(), &options))
	e := guard.Must(factors.Enroll(t.Context(), "1", "alice"))
	raw, _ := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(e.Secret())
	record, _, _ := memory.Load(t.Context(), "1")
	secrets := []string{e.Secret(), string(raw), record}
	_, _ = factors.Verify(httptest.NewRequest("POST", "/", nil), "1", "000000")
	return map[string]leak.Instance{
		"Enrollment":    {Value: e, Secrets: secrets},
		"Factors":       {Value: factors, Secrets: secrets},
		"Memory":        {Value: memory, Secrets: secrets},
		"MemoryOptions": {Value: totp.MemoryOptions{Max: 1}},
		"Options":       {Value: options, Exposed: aSecret},
		"Status":        {Value: totp.Status{Enabled: true, Since: time.Now(), RecoveryCodes: 10}},
		"Verified":      {Value: totp.Verified{Recovery: true}},
	}
}
