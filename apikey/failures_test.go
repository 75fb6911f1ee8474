package apikey_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/go-guard/guard/apikey"
)

func (c *counting) Load(ctx context.Context, id string) (*apikey.Entry, bool, error) {
	c.loads++
	if c.err != nil {
		return nil, false, c.err
	}
	if c.nilEntry {
		return nil, true, nil
	}
	return c.Store.Load(ctx, id)
}

func TestNewRingErrors(t *testing.T) {
	short := []byte("short")
	_, err := apikey.NewRing(&apikey.RingOptions{
		Prefix: "A_", Env: "li_ve", Pepper: short, OldPeppers: [][]byte{short, nil}, Realm: "\n", Sources: []apikey.Source{{}},
	})
	for _, want := range []string{"prefix", "env", "32 bytes", "twice", "realm", "zero Source"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not mention %s", err, want)
		}
	}
	if err != nil && strings.Contains(err.Error(), "short") {
		t.Error("the error holds the pepper")
	}
	if _, err := apikey.NewRing(nil); err != nil {
		t.Error(err)
	}
}

// failing fails at everything.
type failing struct{ apikey.Store }

var errDown = errors.New("down")

type stubborn struct{ apikey.Store } // every id is taken, every rotation is lost

func (stubborn) Insert(context.Context, apikey.Entry) (bool, error) { return false, nil }

func TestStoreFailures(t *testing.T) {
	ring, _ := newRing(t, apikey.RingOptions{Store: failing{}})
	_, _, err1 := ring.Issue(t.Context(), apikey.Grant{Subject: "1"})
	_, _, err2 := ring.Rotate(t.Context(), "x", 0)
	_, err3 := ring.Revoke(t.Context(), "x")
	_, err4 := ring.List(t.Context(), "1")
	_, _, err5 := ring.Load(t.Context(), "x")
	for i, err := range []error{err1, err2, err3, err4, err5} {
		if statusOf(err) != 503 || !errors.Is(err, errDown) {
			t.Errorf("%d: %v", i+1, err)
		}
	}
	m := apikey.NewMemory(nil)
	good, _ := newRing(t, apikey.RingOptions{Store: m})
	_, rec := issue(t, good, apikey.Grant{})
	bad, _ := newRing(t, apikey.RingOptions{Store: stubborn{m}})
	if _, _, err := bad.Issue(t.Context(), apikey.Grant{Subject: "1"}); err == nil {
		t.Error("an issue that never succeeds succeeded")
	}
	if _, found, err := bad.Rotate(t.Context(), rec.ID, 0); found || statusOf(err) != 503 {
		t.Errorf("a rotation that never succeeds: %t, %v", found, err)
	}
}
