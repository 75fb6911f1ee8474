package password_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/signin/password"
)

// TestChangeOfPassword: whenever a password changes while a login with the old one is
// under way, no session and no device of that login remains.
func TestChangeOfPassword(t *testing.T) {
	skipUnderRace(t)
	h := hasher(t, nil)
	secret, changed := hash(t, h, "secret"), hash(t, h, "changed")
	ctx := t.Context()
	const steps = 6 // two lookups, the epoch, Create, Remember, and after it
	for at := range steps {
		sessions := guard.Must(session.New[struct{}](nil))
		devices := guard.Must(password.NewDevices(deviceKey, sessions.Epoch, nil))
		row, step := user{ID: "1", Hash: secret}, 0
		next := func() {
			if step == at {
				row.Hash = changed
				if _, err := sessions.DestroyAll(ctx, "1"); err != nil {
					t.Fatal(err)
				}
			}
			step++
		}
		l := guard.Must(password.NewLogin(func(context.Context, string) (user, string, bool, error) {
			next()
			return row, row.Hash, true, nil
		}, &password.LoginOptions[user]{InsecureUnlimited: true, Hasher: h, Epoch: func(ctx context.Context, u *user) (err error) {
			next()
			u.Epoch, err = sessions.Epoch(ctx, u.ID)
			return err
		}}))
		w, r := httptest.NewRecorder(), browser("")
		u, err := l.Check(r, "alice@example.com", "secret")
		if err == nil {
			next()
			_, err = sessions.Create(w, r, u.ID, struct{}{}, session.AtEpoch(u.Epoch))
		}
		if err == nil {
			next()
			err = devices.Remember(w, r, password.Device{Account: "alice@example.com", Subject: u.ID, Epoch: u.Epoch})
		}
		for step < steps {
			next()
		}
		if list, listErr := sessions.List(ctx, "1"); len(list) > 0 || listErr != nil {
			t.Errorf("changed at step %d: %d sessions of the old password, %v", at, len(list), errors.Join(err, listErr))
		}
		again := browser("")
		for _, c := range w.Result().Cookies() {
			again.AddCookie(c)
		}
		if _, found, _ := devices.Of(again, "alice@example.com"); found {
			t.Errorf("changed at step %d: the device is no stranger", at)
		}
	}
}

// withoutEpochs is a store whose epochs cannot be read.
type withoutEpochs struct{ session.Store }

func (withoutEpochs) Epoch(context.Context, string) (int64, error) { return 0, errors.New("down") }

// TestEpochFailsOnce: session.Manager.Epoch reports its failure, and Devices and Check
// reported it again.
func TestEpochFailsOnce(t *testing.T) {
	skipUnderRace(t)
	sessions := guard.Must(session.New[struct{}](&session.Options{Store: withoutEpochs{guard.Must(session.NewMemory(nil))}}))
	devices := guard.Must(password.NewDevices(deviceKey, sessions.Epoch, nil))
	mine := remember(t, devices, browser(""), alice)
	h := hasher(t, nil)
	l := guard.Must(password.NewLogin(newAccounts(t, h).byEmail, &password.LoginOptions[user]{
		InsecureUnlimited: true, Hasher: h, Epoch: func(ctx context.Context, u *user) (err error) {
			u.Epoch, err = sessions.Epoch(ctx, u.ID)
			return err
		},
	}))
	for name, f := range map[string]func(*http.Request) error{
		"Of": func(r *http.Request) error {
			_, found, err := devices.Of(mine.WithContext(r.Context()), "alice@example.com")
			if found {
				t.Error("without its epoch a device is no stranger")
			}
			return err
		},
		"Check": func(r *http.Request) error {
			_, err := l.Check(r, "alice@example.com", "secret")
			return err
		},
	} {
		var seen []guard.Decision
		w := answer(f, func(d guard.Decision) { seen = append(seen, d) })
		if len(seen) != 1 || seen[0].Outcome != guard.Failed || seen[0].Package != "session" || (w.Code == 503) != (name == "Check") {
			t.Errorf("%s: %d, %+v", name, w.Code, seen)
		}
	}
}
