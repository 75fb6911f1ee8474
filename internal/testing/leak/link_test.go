package leak_test

import (
	"context"
	"net/url"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/leak"
	"github.com/go-guard/guard/once"
	"github.com/go-guard/guard/ratelimit"
	"github.com/go-guard/guard/signin/link"
)

// ofLink has links and codes that were redeemed, of a state that is a secret.
func ofLink(t *testing.T) map[string]leak.Instance {
	state := func(context.Context, string) (string, bool, error) { return leak.Marker, true, nil }
	done := func(context.Context, string) error { return nil }
	old := []guard.Secret{leak.Secret("old key", 40)}
	options := link.Options{OldKeys: old, Once: guard.Must(once.NewMemory(nil))}
	links := guard.Must(link.New("reset", "https://app.example.com/reset", leak.Secret("key", 40), state, &options))
	token := guard.Must(url.Parse(guard.Must(links.Issue(t.Context(), "1")))).Query().Get("token")
	if err := links.Redeem(t.Context(), token, done); err != nil {
		t.Fatal(err)
	}
	codeOptions := link.CodeOptions{OldKeys: old, Limits: guard.Must(ratelimit.NewMemory(nil))}
	codes := guard.Must(link.NewCodes("confirm", leak.Secret("key", 40), state, &codeOptions))
	code := guard.Must(codes.Issue(t.Context(), "1"))
	if err := codes.Redeem(t.Context(), "1", code, done); err != nil {
		t.Fatal(err)
	}
	return map[string]leak.Instance{
		"Options":     {Value: options, Exposed: aSecret},
		"Links":       {Value: links, Secrets: []string{token}},
		"CodeOptions": {Value: codeOptions, Digests: true, Exposed: aSecret}, // tables of numbers
		"Codes":       {Value: codes, Digests: true},
	}
}
