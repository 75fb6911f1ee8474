package password_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/signin/password"
)

func TestBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hasher(t, func(o *password.Options) { o.Parallel = 1 })
		encoded := hash(t, h, "secret")
		release := h.Occupy()
		start := time.Now()
		_, hashErr := h.Hash(t.Context(), "secret")
		ok, rehash, err := h.Verify(t.Context(), encoded, "secret")
		if time.Since(start) != 2*time.Second {
			t.Errorf("waited %v", time.Since(start))
		}
		disconnected, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Millisecond, cancel)
		_, _, canceledErr := h.Verify(disconnected, "", "secret")
		_, _, againErr := h.Verify(disconnected, "", "secret")
		for _, err := range []error{hashErr, err, canceledErr, againErr} {
			if w := refuse(err); ok || rehash || !errors.Is(err, password.ErrBusy) || w.Code != http.StatusServiceUnavailable {
				t.Errorf("%t, %t, %d, %v", ok, rehash, w.Code, err)
			}
		}
		for _, err := range []error{hashErr, err, canceledErr, againErr} {
			if e, _ := errors.AsType[*guard.Error](err); e == nil || e.Code != "busy" {
				t.Errorf("%+v has no code \"busy\"", e)
			}
		}
		if !errors.Is(canceledErr, context.Canceled) {
			t.Errorf("%v does not wrap the cancellation", canceledErr)
		}
		time.AfterFunc(time.Second/2, release)
		verify(t, h, encoded, "secret", true, false) // after waiting for its turn
		verify(t, h, encoded, "secret", true, false) // and after releasing its slot
	})
}

// Of more callers than slots, each gets its turn and the right answer.
func TestTurns(t *testing.T) {
	h := hasher(t, func(o *password.Options) { o.Parallel, o.Wait = 2, time.Minute })
	encoded := hash(t, h, "secret")
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			pw := []string{"secret", "other"}[i%2]
			if ok, rehash, err := h.Verify(t.Context(), encoded, pw); ok != (i%2 == 0) || rehash || err != nil {
				t.Errorf("%s: %t, %t, %v", pw, ok, rehash, err)
			}
		})
	}
	wg.Wait()
}
