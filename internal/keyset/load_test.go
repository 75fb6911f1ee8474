package keyset_test

import (
	"context"
	"errors"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/keyset"
	"github.com/go-guard/guard/internal/testing/idp"
)

// A loader returns key sets as a server does, but ignores its context.
type loader struct {
	mu     sync.Mutex
	server idp.Server
	wait   time.Duration
	run    func() // before it returns
}

func (l *loader) load(ctx context.Context) ([]byte, error) {
	l.mu.Lock()
	wait, run := l.wait, l.run
	l.mu.Unlock()
	var text string
	var err error
	l.server.Set(func() { text, err = l.server.Answers["/jwks"], l.server.Down })
	time.Sleep(wait)
	if run != nil {
		run()
	}
	return []byte(text), err
}

// RoundTrip implements http.RoundTripper.
func (l *loader) RoundTrip(r *http.Request) (*http.Response, error) {
	if _, err := l.load(r.Context()); err != nil {
		return nil, err
	}
	return l.server.RoundTrip(r)
}

func (l *loader) set(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f()
}

// remotes returns the keys of l by a function and by HTTP.
func (l *loader) remotes(onError func(error)) map[string]*keyset.Remote {
	return map[string]*keyset.Remote{
		"loaded":  guard.Must(keyset.NewLoaded(l.load, &keyset.RemoteOptions{OnError: onError})),
		"fetched": guard.Must(keyset.NewRemote(idp.JWKSURL, &keyset.RemoteOptions{Client: &http.Client{Transport: l}, OnError: onError})),
	}
}

// A panic of a transport ended the process. After a transport had ignored its
// context once, no key was ever fetched again.
func TestFetchThatPanicsOrHangs(t *testing.T) {
	for _, tt := range []struct {
		name string
		wait time.Duration
		run  func()
		took time.Duration
		want string // in the error
	}{
		{"panics", 0, func() { panic("a bug") }, 0, "the fetch panicked: a bug"},
		{"panics with nil memory", 0, func() { var p *loader; p.wait = 0 }, 0, "the fetch panicked: runtime error"},
		{"exits", 0, runtime.Goexit, 0, "the fetch ended its goroutine"},
		{"ignores its context", 24 * time.Hour, nil, 5 * time.Second, "the fetch took more than 5s"},
		{"panics late", 10 * time.Second, func() { panic("a bug") }, 5 * time.Second, "the fetch took more than 5s"},
	} {
		for _, how := range []string{"loaded", "fetched"} {
			t.Run(tt.name+", "+how, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					key := newSigner("a")
					l := &loader{wait: tt.wait, run: tt.run}
					l.server.Serve(jwks(key))
					var log errorLog
					r := l.remotes(log.add)[how]
					after(t, tt.took, func() string {
						_, err := r.Load(t.Context())
						if err == nil || !strings.Contains(err.Error(), tt.want) {
							t.Errorf("error %v; want %q", err, tt.want)
						}
						return ""
					})
					l.set(func() { l.wait, l.run = 0, nil })
					time.Sleep(10 * time.Second)
					if got := after(t, 0, func() string { return verify(t, r, key.sign()) }); got != valid {
						t.Errorf("the next fetch: %s", got)
					}
					synctest.Wait()
					if reports := log.all(); len(reports) != 1 || !strings.Contains(reports[0], tt.want) {
						t.Errorf("OnError received %q; want %q", reports, tt.want)
					}
					time.Sleep(48 * time.Hour)
				})
			})
		}
	}
}

// An abandoned fetch may return after a newer one: its keys are dropped.
func TestLateFetchIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stolen, next := newSigner("a"), newSigner("a")
		l := &loader{wait: 20 * time.Second}
		l.server.Serve(jwks(stolen))
		r := l.remotes(nil)["loaded"]
		if got := verify(t, r, stolen.sign()); got != unavailable {
			t.Fatal(got)
		}
		l.set(func() { l.wait = 0 })
		l.server.Serve(jwks(next))
		time.Sleep(10 * time.Second)
		for range 3 {
			if a, b := verify(t, r, next.sign()), verify(t, r, stolen.sign()); a != valid || b != badSignature {
				t.Errorf("the new key: %s, the old one: %s", a, b)
			}
			time.Sleep(10 * time.Second)
		}
	})
}

// TestFetchesThatNeverReturn: of a transport that always hangs, one fetch a minute is
// lost, and the keys are fetched when it works again. After 16 of them they never were.
func TestFetchesThatNeverReturn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key, never := newSigner("a"), make(chan struct{})
		var lost atomic.Int64
		l := &loader{run: func() { lost.Add(1); <-never }}
		l.server.Serve(jwks(key))
		r := l.remotes(nil)["loaded"]
		for range 600 {
			_, _ = r.Load(t.Context())
			time.Sleep(10 * time.Second)
		}
		if n := lost.Load(); n > 100+5 {
			t.Errorf("%d fetches in 100 minutes", n)
		}
		l.set(func() { l.run = nil })
		time.Sleep(time.Minute)
		if got := verify(t, r, key.sign()); got != valid {
			t.Errorf("a minute after the transport works again: %s", got)
		}
		close(never)
	})
}

func TestLoaded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		old, next, bad := newSigner("old"), newSigner("next"), `{"kid":"c","use":"enc"}`
		l := &loader{}
		l.server.Serve(jwks(old))
		var log errorLog
		r := l.remotes(log.add)["loaded"]
		if got := verify(t, r, old.sign()); got != valid {
			t.Fatal(got)
		}
		l.server.Serve(keysJSON(next.jwk(), bad))
		time.Sleep(10 * time.Second)
		if got := verify(t, r, next.sign()); got != valid {
			t.Errorf("a new key: %s", got)
		}
		if got := verify(t, r, old.sign()); got != unknownKey {
			t.Errorf("a removed key: %s", got)
		}
		l.server.Serve(jwks(old))
		time.Sleep(time.Minute)
		if got := verify(t, r, next.sign()); got != unknownKey {
			t.Errorf("a key that was removed a minute ago: %s", got)
		}
		for _, broken := range []string{"", "{}", `{"keys":[],"x":"` + strings.Repeat("x", 1<<20) + `"}`} {
			l.server.Serve(broken)
			time.Sleep(10 * time.Minute)
			if got := verify(t, r, old.sign()); got != valid {
				t.Errorf("a broken text: %s", got)
			}
			synctest.Wait() // for the fetch of this text, in the background
		}
		l.server.Set(func() { l.server.Down = errDown })
		time.Sleep(time.Hour)
		if _, err := r.Load(t.Context()); !errors.Is(err, errDown) || err.Error() != "the loaded keys cannot be fetched: "+errDown.Error() {
			t.Errorf("down: %v", err)
		}
		synctest.Wait()
		if all := strings.Join(log.all(), "\n"); !strings.Contains(all, `of the loaded keys, key 2 (kid "c") is not used: use is "enc"`) ||
			!strings.Contains(all, "the loaded keys cannot be fetched: the key set is not a JSON object") ||
			!strings.Contains(all, "more than 1048576 bytes") {
			t.Errorf("OnError received %s", all)
		}
	})
}

func TestRemoteMistakes(t *testing.T) {
	load := (&loader{}).load
	nilTransport := &http.Client{Transport: (*http.Transport)(nil)}
	for _, tt := range []struct {
		name string
		make func(*keyset.RemoteOptions) (*keyset.Remote, error)
		opts *keyset.RemoteOptions
		want string
	}{
		{"no loader", func(o *keyset.RemoteOptions) (*keyset.Remote, error) { return keyset.NewLoaded(nil, o) }, nil, "is nil"},
		{"a loader with a Client", func(o *keyset.RemoteOptions) (*keyset.Remote, error) { return keyset.NewLoaded(load, o) }, &keyset.RemoteOptions{Client: http.DefaultClient}, "Client"},
		{"a loader over http", func(o *keyset.RemoteOptions) (*keyset.Remote, error) { return keyset.NewLoaded(load, o) }, &keyset.RemoteOptions{InsecureHTTP: true}, "InsecureHTTP"},
		{"a nil Transport", func(o *keyset.RemoteOptions) (*keyset.Remote, error) { return keyset.NewRemote(idp.JWKSURL, o) }, &keyset.RemoteOptions{Client: nilTransport}, "nil *http.Transport"},
		{"a nil Transport, discovered", func(o *keyset.RemoteOptions) (*keyset.Remote, error) { return keyset.Discover(idp.Issuer, o) }, &keyset.RemoteOptions{Client: nilTransport}, "nil *http.Transport"},
		{"a negative Timeout", func(o *keyset.RemoteOptions) (*keyset.Remote, error) { return keyset.NewRemote(idp.JWKSURL, o) }, &keyset.RemoteOptions{Timeout: -1}, "Timeout -1ns or Refetch 10s is negative"},
		{"a negative Refetch, discovered", func(o *keyset.RemoteOptions) (*keyset.Remote, error) { return keyset.Discover(idp.Issuer, o) }, &keyset.RemoteOptions{Refetch: -1}, "is negative"},
		{"a negative Refetch, loaded", func(o *keyset.RemoteOptions) (*keyset.Remote, error) { return keyset.NewLoaded(load, o) }, &keyset.RemoteOptions{Refetch: -1}, "is negative"},
	} {
		if r, err := tt.make(tt.opts); r != nil || err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v; want %q", tt.name, err, tt.want)
		}
	}
}
