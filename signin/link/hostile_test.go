package link_test

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/signin/link"
)

// raw are the bytes of a token: a time, the subject, and two tags.
func raw(t testing.TB, token string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func encoded(parts ...[]byte) string {
	var all []byte
	for _, p := range parts {
		all = append(all, p...)
	}
	return base64.RawURLEncoding.EncodeToString(all)
}

func flipped(b []byte, at int) []byte {
	b = append([]byte(nil), b...)
	b[at] ^= 1
	return b
}

// TestHostileTokens: every one has the same refusal, and those that were not signed
// never reach the state function.
func TestHostileTokens(t *testing.T) {
	c, a := newClock(), newAccounts()
	a.set("11", "hash-1")
	a.set("gone", "hash")
	a.set("moved", "hash")
	l := newLinks(t, a, c)
	other := func(purpose, base string, k byte) string {
		return issue(t, guard.Must(link.New(purpose, base, key(k), a.state, &link.Options{Now: c.Now})), "1")
	}
	long := guard.Must(link.New("reset", base, key('k'), a.state, &link.Options{Now: c.Now, Lifetime: 3 * time.Hour}))
	ahead := &clock{now: c.now.Add(2 * time.Minute)}
	behind := &clock{now: c.now.Add(-time.Hour)}
	token := issue(t, l, "1")
	b, two, eleven := raw(t, token), raw(t, issue(t, l, "2")), raw(t, issue(t, l, "11"))
	n := len(b)
	gone, moved := issue(t, l, "gone"), issue(t, l, "moved")
	delete(a.hashes, "gone")
	a.set("moved", "hash2")
	last := func(c byte) string { return token[:len(token)-1] + string(c) }
	later := binary.BigEndian.AppendUint64(nil, uint64(c.now.Add(24*time.Hour).UnixMilli()))
	codes := guard.Must(link.NewCodes("reset", key('k'), a.state, &link.CodeOptions{Now: c.Now}))

	const malformed, forged = "malformed", "forged"
	tests := []struct{ name, token, reason string }{
		{"empty", "", malformed},
		{"a letter", "A", malformed},
		{"a NUL", "\x00", malformed},
		{"a code", issueCode(t, codes, "1"), malformed},
		{"only a time", encoded(b[:8]), malformed},
		{"no subject", encoded(b[:8], b[n-32:]), malformed},
		{"a byte too short for a subject", encoded(b[:8], b[n-31:]), malformed},
		{"one character less", token[:len(token)-1], malformed}, // its unused bits are not zero
		{"one byte less", encoded(eleven[:n]), forged},
		{"the first byte less", encoded(eleven[1:]), forged},
		{"half", encoded(b[:n/2]), malformed},
		{"without the last tag", encoded(b[:n-16]), malformed},
		{"one byte more", encoded(b, []byte{0}), forged},
		{"a byte before", encoded([]byte{0}, b), forged},
		{"twice", encoded(b, b), forged},
		{"padding", token + "=", malformed},
		{"two paddings", token + "==", malformed},
		{"a line end", token + "\n", malformed},
		{"a line end inside", token[:10] + "\n" + token[10:], malformed},
		{"a carriage return before", "\r" + token, malformed},
		{"a space", token + " ", malformed},
		{"a NUL behind", token + "\x00", malformed},
		{"a NUL inside", token[:10] + "\x00" + token[11:], malformed},
		{"base64 of the other alphabet", strings.NewReplacer("-", "+", "_", "/").Replace(token[:len(token)-2]) + "+/", malformed},
		{"an umlaut", "ä" + token[2:], malformed},
		{"unused bits 1", last(token[len(token)-1] + 1), malformed},
		{"unused bits 2", last(token[len(token)-1] + 2), malformed},
		{"unused bits 3", last(token[len(token)-1] + 3), malformed},
		{"the longest and one", strings.Repeat("A", 395), malformed},
		{"the longest", strings.Repeat("A", 394), forged},
		{"512 bytes", strings.Repeat("A", 512), malformed},
		{"a megabyte", megabyte, malformed},
		{"zeros", encoded(make([]byte, n)), forged},
		{"zero tags", encoded(b[:n-32], make([]byte, 32)), forged},
		{"a flipped bit of the time", encoded(flipped(b, 7)), forged},
		{"a later time", encoded(later, b[8:]), forged},
		{"another time, of another link", encoded(two[:8], b[8:n-32], eleven[len(eleven)-32:]), forged},
		{"a flipped bit of the subject", encoded(flipped(b, 8)), forged},
		{"another subject", encoded(b[:8], []byte("2"), b[n-32:]), forged},
		{"another subject, whose tags are its own", encoded(b[:8], []byte("1"), two[n-32:]), forged},
		{"the first tag of another subject", encoded(b[:n-32], two[n-32:n-16], b[n-16:]), forged},
		{"a flipped bit of the first tag", encoded(flipped(b, n-32)), forged},
		{"the last bit of the first tag", encoded(flipped(b, n-17)), forged},
		{"the tags swapped", encoded(b[:n-32], b[n-16:], b[n-32:n-16]), forged},
		{"the first tag twice", encoded(b[:n-16], b[n-32:n-16]), "state"},
		{"a flipped bit of the second tag", encoded(flipped(b, n-16)), "state"},
		{"the last bit of the second tag", encoded(flipped(b, n-1)), "state"},
		{"the second tag of another subject", encoded(b[:n-16], two[n-16:]), "state"},
		{"the second tag of another subject with the same state", encoded(b[:n-16], eleven[len(eleven)-16:]), "state"},
		{"a NUL in the subject", encoded(b[:9], []byte{0}, b[9:]), forged},
		{"a subject of 255 bytes", encoded(b[:8], make([]byte, 255), b[n-32:]), forged},
		{"another purpose", other("verify", base, 'k'), forged},
		{"a purpose in capitals", other("Reset", base, 'k'), forged},
		{"another key", other("reset", base, 'x'), forged},
		{"another URL", other("reset", "https://evil.example/reset", 'k'), forged},
		{"another path", other("reset", base+"/", 'k'), forged},
		{"another query", other("reset", base+"?a=b", 'k'), forged},
		{"a link with a longer lifetime", issue(t, long, "1"), "later than one that is issued now"},
		{"a clock that is ahead", issue(t, newLinks(t, a, ahead), "1"), "later than one that is issued now"},
		{"expired", issue(t, newLinks(t, a, behind), "1"), "expired"},
		{"a subject that is gone", gone, "does not exist any more"},
		{"a state that has changed", moved, "state has changed"},
	}
	if len(tests) < 40 {
		t.Fatal(len(tests))
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for verb, call := range map[string]func(string) answer{
				"Open":   func(text string) answer { return open(l, text) },
				"Redeem": func(text string) answer { return redeem(l, text, never(t)) },
			} {
				a.reads = 0
				got := call(tt.token)
				got.is(t, 400, refused, tt.reason)
				if e := got.err.(*guard.Error); e.Code != "link_invalid" || len(got.decisions) != 1 {
					t.Errorf("%s: %q, %+v", verb, e.Code, got.decisions)
				}
				signed := tt.reason != malformed && tt.reason != forged
				if d := got.last(); (a.reads > 0 || d.Subject != "") && !signed {
					t.Errorf("%s: a token that was not signed: %d reads of a state, subject %q", verb, a.reads, d.Subject)
				}
				if d := got.last(); tt.token != "" && len(tt.token) > 5 && strings.Contains(fmt.Sprint(d, got.err), tt.token) {
					t.Errorf("%s: the token is in %v", verb, d)
				}
			}
		})
	}
	redeem(l, token, a.reset).is(t, 200, "", "") // they spent nothing
}

// TestClocks: a link works for its lifetime, by clocks that differ by up to a minute.
func TestClocks(t *testing.T) {
	for _, tt := range []struct {
		name  string
		after time.Duration
		want  string // reason; empty for a link that works
	}{
		{"at once", 0, ""},
		{"at the end", time.Hour - time.Millisecond, ""},
		{"over", time.Hour, "expired"},
		{"long ago", 10000 * time.Hour, "expired"},
		{"a clock that is a minute behind", -time.Minute, ""},
		{"a clock that is more behind", -time.Minute - time.Millisecond, "later than"},
		{"a clock set back by years", -10000 * time.Hour, "later than"},
		{"before 1970", -1000000 * time.Hour, "later than"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, a := newClock(), newAccounts()
			l := newLinks(t, a, c)
			token := issue(t, l, "1")
			c.Advance(tt.after)
			if tt.want != "" {
				open(l, token).is(t, 400, refused, tt.want)
				redeem(l, token, never(t)).is(t, 400, refused, tt.want)
				return
			}
			open(l, token).is(t, 200, "", "")
			redeem(l, token, func(context.Context, string) error { return nil }).is(t, 200, "", "")
			// A clock that goes back afterwards revives nothing.
			for _, d := range []time.Duration{0, -time.Minute, -time.Hour, 2 * time.Hour} {
				c.Advance(d)
				if got := redeem(l, token, never(t)); got.Code != 400 {
					t.Errorf("%v later: %d", d, got.Code)
				}
			}
		})
	}
}

func TestKeyRotation(t *testing.T) {
	c, a := newClock(), newAccounts()
	of := func(k byte, old ...byte) *link.Links {
		o := &link.Options{Now: c.Now}
		for _, k := range old {
			o.OldKeys = append(o.OldKeys, key(k))
		}
		return guard.Must(link.New("reset", base, key(k), a.state, o))
	}
	before, during, after := of('a'), of('b', 'z', 'a'), of('b')
	token := issue(t, before, "1")
	open(during, token).is(t, 200, "", "")
	open(after, token).is(t, 400, refused, "forged")
	fresh := issue(t, during, "1")
	open(after, fresh).is(t, 200, "", "")
	open(before, fresh).is(t, 400, refused, "forged")
	redeem(during, token, a.reset).is(t, 200, "", "")
	redeem(during, fresh, never(t)).is(t, 400, refused, "state has changed")
	// Both tags are of one key.
	mixed := encoded(raw(t, issue(t, before, "2"))[:9+16], raw(t, issue(t, after, "2"))[9+16:])
	open(during, mixed).is(t, 400, refused, "state has changed")
}

// TestKeysAreCopies: the caller may erase its key.
func TestKeysAreCopies(t *testing.T) {
	c, a := newClock(), newAccounts()
	mine := key('k')
	l := guard.Must(link.New("reset", base, mine, a.state, &link.Options{Now: c.Now}))
	clear(mine)
	open(newLinks(t, a, c), issue(t, l, "1")).is(t, 200, "", "")
}

// FuzzOpen: no text opens but what Issue returned.
func FuzzOpen(f *testing.F) {
	c, a := newClock(), newAccounts()
	l := newLinks(f, a, c)
	token := issue(f, l, "1")
	b := raw(f, token)
	for _, seed := range []string{
		token, token + "=", token[:len(token)-1], "", "\n", strings.Repeat("A", 394), encoded(flipped(b, 3)), encoded(flipped(b, 8)),
		encoded(flipped(b, len(b)-1)), encoded(b[:8], []byte("2"), b[9:]), issue(f, l, "2"), "AAAAAAAAAAA",
	} {
		f.Add(seed)
	}
	valid := map[string]string{token: "1", issue(f, l, "2"): "2"}
	f.Fuzz(func(t *testing.T, text string) {
		subject, err := l.Open(t.Context(), text)
		if want, ok := valid[text]; (err == nil) != ok || subject != want {
			t.Errorf("Open(%q) = %q, %v", text, subject, err)
		}
	})
}
