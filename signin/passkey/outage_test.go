package passkey_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/once"
	"github.com/go-guard/guard/signin/passkey"
	"github.com/go-guard/guard/signin/passkey/passkeytest"
)

// failing fails in one method. Its error wraps a refusal, which it is not.
type failing struct {
	passkey.Store
	method string
}

var errDown = errors.Join(errors.New("s3cr3t host is down"), passkey.ErrCounter, guard.Unauthorized("let in"))

func (f *failing) fails(method string) error {
	if f.method == method {
		return errDown
	}
	return nil
}

func (f *failing) UserHandle(ctx context.Context, subject, candidate string) (string, error) {
	if err := f.fails("UserHandle"); err != nil {
		return "", err
	}
	return f.Store.UserHandle(ctx, subject, candidate)
}

func (f *failing) Add(ctx context.Context, c passkey.Credential) (bool, error) {
	if err := f.fails("Add"); err != nil {
		return true, err
	}
	return f.Store.Add(ctx, c)
}

func (f *failing) Load(ctx context.Context, id string) (passkey.Credential, bool, error) {
	c, found, err := f.Store.Load(ctx, id)
	switch f.method {
	case "zero":
		return passkey.Credential{}, true, nil
	case "another":
		c.ID = "another"
	case "no handle":
		c.UserHandle = ""
	case "bad key":
		c.PublicKey = "AAAA"
	case "Load":
		return c, true, errDown
	}
	return c, found, err
}

func (f *failing) List(ctx context.Context, subject string) ([]passkey.Credential, error) {
	if f.method == "others" {
		return []passkey.Credential{{ID: "a", Subject: "2"}}, nil
	}
	if err := f.fails("List"); err != nil {
		return nil, err
	}
	return f.Store.List(ctx, subject)
}

func (f *failing) Use(ctx context.Context, id string, u passkey.Use) (bool, error) {
	if f.method == "race" {
		return false, nil
	}
	if err := f.fails("Use"); err != nil {
		return true, err
	}
	return f.Store.Use(ctx, id, u)
}

func (f *failing) Rename(ctx context.Context, subject, id, name string) (bool, error) {
	if err := f.fails("Rename"); err != nil {
		return true, err
	}
	return f.Store.Rename(ctx, subject, id, name)
}

func (f *failing) Remove(ctx context.Context, subject, id string) (bool, error) {
	if err := f.fails("Remove"); err != nil {
		return true, err
	}
	return f.Store.Remove(ctx, subject, id)
}

// down is a once.Store that fails.
type down struct{ once.Store }

func (down) Take(context.Context, [32]byte, time.Time) (bool, error) { return true, errDown }

// TestOutages: a failure of a store is 5xx without text, signs no one in, and is reported.
func TestOutages(t *testing.T) {
	call := func(a *app, f func(ctx context.Context) error) result {
		return a.serve(a.request(""), func(_ http.ResponseWriter, r *http.Request) (*passkey.Credential, error) { return nil, f(r.Context()) })
	}
	options := func(a *app) result { return a.registerOptions(alice) }
	register := func(a *app) result {
		a.device = passkeytest.NewAuthenticator(origin)
		f := a.store.(*failing)
		method := f.method
		f.method = ""
		body := a.created(alice)
		f.method = method
		return a.register("1", body)
	}
	login := func(a *app) result { return a.login(a.got()) }
	for _, c := range []struct {
		method string
		do     func(a *app) result
		status int
	}{
		{"UserHandle", options, 503}, {"List", options, 503}, {"others", options, 500},
		{"List", register, 503}, {"Add", register, 503}, {"Load", login, 503}, {"Use", login, 503},
		{"zero", login, 500}, {"another", login, 500}, {"no handle", login, 500}, {"bad key", login, 500},
		{"Rename", func(a *app) result {
			return call(a, func(ctx context.Context) error { return a.Rename(ctx, "1", "x", "n") })
		}, 503},
		{"Remove", func(a *app) result {
			return call(a, func(ctx context.Context) error { return a.Remove(ctx, "1", "x") })
		}, 503},
		{"List", func(a *app) result {
			return call(a, func(ctx context.Context) error { _, err := a.List(ctx, "1"); return err })
		}, 503},
		{"UserHandle", func(a *app) result {
			return call(a, func(ctx context.Context) error { _, err := a.Accepted(ctx, "1"); return err })
		}, 503},
		{"Take", login, 503}, {"Take", register, 503},
	} {
		t.Run(c.method, func(t *testing.T) {
			a := newApp(t, passkey.Options{})
			a.registered(alice)
			f := &failing{a.store, c.method}
			if c.method == "Take" {
				a.opts.Once = down{}
			}
			a.store = f
			a.RelyingParty = guard.Must(passkey.New(rpID, origins, key, f, &a.opts))
			out := c.do(a)
			if d := a.last(); out.status != c.status || out.reached || d.Outcome != guard.Failed || d.Status != c.status {
				t.Errorf("%d, reached %t, %+v; want %d", out.status, out.reached, d, c.status)
			}
			if strings.Contains(out.body, "s3cr3t") || strings.Contains(out.body, "let in") {
				t.Errorf("body %s", out.body)
			}
		})
	}
}

// TestUseRaces: a sign-in that another one overtook is refused.
func TestUseRaces(t *testing.T) {
	a := newApp(t, passkey.Options{})
	a.registered(alice)
	a.RelyingParty = guard.Must(passkey.New(rpID, origins, key, &failing{a.store, "race"}, &a.opts))
	a.refused(a.login(a.got()), 401, "passkey_invalid", "meanwhile")
}

// TestUnobserved: a refusal is one without Observe, too.
func TestUnobserved(t *testing.T) {
	a := newApp(t, passkey.Options{})
	c, err := a.Login(httptest.NewRecorder(), httptest.NewRequest("POST", origin, strings.NewReader("{}")))
	if e, ok := errors.AsType[*guard.Error](err); c != nil || !ok || e.Status != 401 || e.Code != "passkey_invalid" {
		t.Errorf("%v, %v", c, err)
	}
}
