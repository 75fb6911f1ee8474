package keyset_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-guard/guard/internal/testing/idp"
)

func TestCacheControl(t *testing.T) {
	for _, tt := range []struct {
		name   string
		header http.Header
		want   time.Duration
	}{
		{"none", nil, 15 * time.Minute},
		{"short", http.Header{"Cache-Control": {"max-age=5"}}, time.Minute},
		{"long", http.Header{"Cache-Control": {"max-age=86400"}}, time.Hour},
		{"plain", http.Header{"Cache-Control": {"public, MAX-AGE=1200, must-revalidate"}}, 20 * time.Minute},
		{"quoted", http.Header{"Cache-Control": {`max-age="1200"`}}, 20 * time.Minute},
		{"aged", http.Header{"Cache-Control": {"max-age=1200"}, "Age": {"600"}}, 10 * time.Minute},
		{"two lines", http.Header{"Cache-Control": {"public", "max-age=1200"}}, 20 * time.Minute},
		{"no-store", http.Header{"Cache-Control": {"max-age=1200, no-store"}}, time.Minute},
		{"no-cache", http.Header{"Cache-Control": {"no-cache"}}, time.Minute},
		{"negative", http.Header{"Cache-Control": {"max-age=-1"}}, time.Minute},
		{"huge", http.Header{"Cache-Control": {"max-age=99999999999999999999"}}, time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, key := &idp.Server{Header: tt.header}, newSigner("a")
				s.Serve(jwks(key))
				r := remote(t, s)
				verify(t, r, key.sign())
				time.Sleep(tt.want*4/5 - time.Second)
				verify(t, r, key.sign())
				synctest.Wait()
				before := s.Count()
				time.Sleep(time.Second)
				verify(t, r, key.sign())
				synctest.Wait()
				if before != 1 || s.Count() != 2 {
					t.Errorf("%d fetches before %v, %d at it", before, tt.want*4/5, s.Count())
				}
			})
		})
	}
}

func TestFailedFetches(t *testing.T) {
	large := `{"keys":[],"x":"` + strings.Repeat("x", 1<<20) + `"}`
	for _, tt := range []struct {
		name   string
		server *idp.Server
	}{
		{"404", &idp.Server{}},
		{"500", &idp.Server{Status: 500, Answers: map[string]string{"/jwks": `{"keys":[]}`}}},
		{"redirect", &idp.Server{Redirect: true}},
		{"not JSON", &idp.Server{Answers: map[string]string{"/jwks": `<html>`}}},
		{"no keys", &idp.Server{Answers: map[string]string{"/jwks": `{}`}}},
		{"keys null", &idp.Server{Answers: map[string]string{"/jwks": `{"keys":null}`}}},
		{"keys no list", &idp.Server{Answers: map[string]string{"/jwks": `{"keys":{}}`}}},
		{"a list", &idp.Server{Answers: map[string]string{"/jwks": `[]`}}},
		{"more than 1 MiB", &idp.Server{Answers: map[string]string{"/jwks": large}}},
		{"hangs", &idp.Server{Delay: time.Hour}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if got := verify(t, remote(t, tt.server), garbage("ES256", "a")); got != unavailable {
					t.Error(got)
				}
			})
		})
	}
}
