package session_test

import (
	"context"
	"testing"

	"github.com/go-guard/guard/session"
)

// FuzzLogin: a text that is read is written the same way, or in a shorter one that is
// read the same way.
func FuzzLogin(f *testing.F) {
	for _, text := range []string{
		"", "f604800000", "apwd,otp", "f1000 stotp p300000 e0 apwd", "stotp p300000 e7", "stotp", "p300000", "e3", "x", " ", "f-1", "f9223372036854775807",
		"stotp p1 e0 f5", "f1 f2", "fa", "s p1 e0", "a", "stotp p1 e-1",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		l, err := session.ParseLogin(text)
		if err != nil {
			return
		}
		next, err := l.Encode()
		if err != nil {
			return // longer than a store keeps
		}
		if again, err := session.ParseLogin(next); err != nil || again != l || len(next) > len(text) {
			t.Errorf("%q is %+v, then %q, %+v, %v", text, l, next, again, err)
		}
	})
}

// TestUnknownLogin: what a later version wrote to restrict a session is no session to
// this one. It is our failure, and ends nothing.
func TestUnknownLogin(t *testing.T) {
	for _, text := range []string{"x", "f1000 xnew", "stotp", "stotp p1000", "p1000", "e1", "f0", "f-5", "f", " ", "f1000 ", "stotp  p1 e0"} {
		memory := newMemory(t, nil)
		m := manager(t, &session.Options{Store: rewriting{memory, text}})
		_, c := create(t, m, "alice")
		if w, reached := serve(t, m.Wrap, request("GET", with(c))); w.Code != 500 || reached || len(cookies(w)) > 0 {
			t.Errorf("%q: %d, reached %t", text, w.Code, reached)
		}
		if list, err := memory.List(t.Context(), "alice"); len(list) != 1 || err != nil {
			t.Errorf("%q: %d sessions, %v", text, len(list), err)
		}
	}
}

// rewriting is a store whose records another version has written.
type rewriting struct {
	session.Store
	login string
}

func (r rewriting) Load(ctx context.Context, key session.Key) (session.Record, bool, error) {
	rec, found, err := r.Store.Load(ctx, key)
	rec.Login = r.login
	return rec, found, err
}
