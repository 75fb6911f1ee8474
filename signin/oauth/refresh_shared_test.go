package oauth_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/once"
	"github.com/go-guard/guard/signin/oauth"
)

// TestRefreshTogether: 64 refreshes in two processes are one request, and each gets its
// tokens.
func TestRefreshTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, v, shared := &tokenServer{answer: rotating(), delay: 2 * time.Second}, &vault{t: stored(0)}, guard.Must(once.NewMemory(nil))
		logins := []*oauth.Login[claims]{s.login(t, oauth.Options{Once: shared}), s.login(t, oauth.Options{Once: shared})}
		var all sync.WaitGroup
		for i := range 64 {
			all.Go(func() {
				got, err := logins[i%2].Refresh(t.Context(), "account-7", v.load, v.save)
				if err != nil || string(got.AccessToken) != "ghu_1" || string(got.RefreshToken) != "ghr_1" {
					t.Errorf("%v %v", got, err)
				}
			})
		}
		all.Wait()
		if s.requests != 1 || v.saves != 1 {
			t.Errorf("%d requests, %d saves", s.requests, v.saves)
		}
		// Another account has a refresh at the same time.
		other := &vault{t: stored(0)}
		s.answer = rotating()
		if _, err := logins[0].Refresh(t.Context(), "account-8", other.load, other.save); err != nil || s.requests != 2 {
			t.Errorf("%v, %d requests", err, s.requests)
		}
	})
}

// Callers that share a refresh do not share its bytes.
func TestRefreshSharesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, v := &tokenServer{answer: rotating(), delay: time.Second}, &vault{t: stored(0)}
		l := s.login(t, oauth.Options{})
		var got [2]oauth.Tokens
		var all sync.WaitGroup
		for i := range got {
			all.Go(func() { got[i], _ = l.Refresh(t.Context(), "account-7", v.load, v.save) })
		}
		all.Wait()
		clear(got[0].AccessToken)
		clear(got[0].RefreshToken)
		clear(got[0].Scopes)
		if string(got[1].AccessToken) != "ghu_1" || string(got[1].RefreshToken) != "ghr_1" || got[1].Scopes[0] != "user:email" || string(v.t.RefreshToken) != "ghr_1" {
			t.Errorf("%+v, stored %+v", got[1], v.t)
		}
	})
}

// leases answers Acquire in place of a store.
type leases struct {
	once.Store
	acquire func() (once.State, error)
}

func (l leases) Acquire(context.Context, [32]byte, time.Duration) (once.Lease, once.State, error) {
	state, err := l.acquire()
	return once.Lease{}, state, err
}

func (l leases) Release(context.Context, once.Lease) error { return nil }

// TestRefreshElsewhere: while another process refreshes, or may, none is begun here.
func TestRefreshElsewhere(t *testing.T) {
	for _, tt := range []struct {
		name  string
		busy  time.Duration // until then the lease is another's
		then  once.State
		err   error
		saved time.Duration // when it saves, if not 0
		want  int
		took  time.Duration // at most
	}{
		{name: "it saves", busy: time.Hour, saved: 3 * time.Second, want: 200, took: 4 * time.Second},
		{name: "it releases without new tokens", busy: 3 * time.Second, then: once.First, want: 200, took: 4 * time.Second},
		{name: "it crashed, and the lease ran out", busy: 30 * time.Second, then: once.First, want: 200, took: 31 * time.Second},
		{name: "it never ends", busy: time.Hour, want: 503, took: 37 * time.Second},
		{name: "the key is done", then: once.Done, want: 503},
		{name: "the store is down", err: errors.New("down"), want: 503},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, v, began := &tokenServer{answer: rotating()}, &vault{t: stored(0)}, time.Now()
				l := s.login(t, oauth.Options{Once: leases{acquire: func() (once.State, error) {
					if time.Since(began) < tt.busy {
						return once.Busy, nil
					}
					return tt.then, tt.err
				}}})
				if tt.saved > 0 {
					go func() {
						time.Sleep(tt.saved)
						_ = v.save(t.Context(), stored(time.Hour))
					}()
				}
				_, err := l.Refresh(t.Context(), "account-7", v.load, v.save)
				requests := 0
				if tt.then == once.First {
					requests = 1
				}
				if d := time.Since(began); statusOf(err) != tt.want || s.requests != requests || d > tt.took {
					t.Errorf("%v, %d requests, %v", err, s.requests, d)
				}
				synctest.Wait()
			})
		})
	}
}

// A process that gets the lease after another has refreshed finds what it saved.
func TestRefreshAfterAnother(t *testing.T) {
	s, v := &tokenServer{answer: rotating()}, &vault{t: stored(0)}
	l := s.login(t, oauth.Options{Once: leases{acquire: func() (once.State, error) {
		return once.First, v.save(t.Context(), stored(time.Hour))
	}}})
	if got, err := l.Refresh(t.Context(), "account-7", v.load, v.save); err != nil || string(got.AccessToken) != "ghu_0" || s.requests != 0 {
		t.Errorf("%v, %d requests", err, s.requests)
	}
}
