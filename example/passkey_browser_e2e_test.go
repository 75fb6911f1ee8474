package main_test

import "testing"

// TestPasskeysInChromium drives the page of /passkey/ with virtual authenticators: see
// passkeys.mjs.
func TestPasskeysInChromium(t *testing.T) {
	t.Parallel()
	browserNeeded(t)
	drive(t, "passkeys.mjs", map[string]string{"url": start(t).site(), "pages": start(t).site()})
}
