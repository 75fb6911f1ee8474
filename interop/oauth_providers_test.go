package interop_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"html/template"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/crypto"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/harness"
)

// A provider is other people's software that people sign in with.
type provider struct {
	issuer, pushed string // pushed is an issuer that requires pushed requests, if there is one
	login, subject string // of the account
	email          string
	announcesIss   bool
	*node                           // of oidc-provider
	zitadel        *zitadelProvider // of zitadel/oidc
}

// providers start one for an application.
var providers = []struct {
	name  string
	start func(*testing.T, *application) *provider
}{
	{"oidc-provider", startOIDCProvider},
	{"zitadel", startZitadel},
}

func startOIDCProvider(t *testing.T, a *application) *provider {
	t.Helper()
	t.Setenv("NODE_EXTRA_CA_CERTS", a.caFile) // for requests to the application
	t.Setenv("NODE_NO_WARNINGS", "1")
	argument := guard.Must(json.Marshal(map[string]any{"app": a.URL, "secret": clientSecret, "jwk": clientJWK()}))
	var hello struct{ Issuer, Pushed string }
	n := startNode(t, &hello, "provider.mjs", string(argument))
	return &provider{
		issuer: hello.Issuer, pushed: hello.Pushed, login: "alice", subject: "alice", email: "alice@example.com",
		announcesIss: true, node: n,
	}
}

// A zitadelProvider is github.com/zitadel/oidc's provider, with the storage of its
// example and a page to sign in on.
type zitadelProvider struct {
	*storage.Storage
	issuer  string
	handler *op.Provider
	app     string
	client  *http.Client // of the application

	mu      sync.Mutex
	logouts []int // what the application answered to logout tokens
}

func startZitadel(t *testing.T, a *application) *provider {
	t.Helper()
	harness.CaptureLog(t) // it logs what it refuses
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	z := &zitadelProvider{issuer: strings.Replace(server.URL, "127.0.0.1", "localhost", 1), app: a.URL, client: a.Client()}
	registered := map[string]*storage.Client{}
	for _, c := range clients {
		registered[c.ID] = storage.WebClient(c.ID, clientSecret, a.URL+"/"+c.ID+"/callback", a.URL+"/form_post/callback")
	}
	z.Storage = storage.NewStorageWithClients(storage.NewUserStore(z.issuer), registered)
	config := &op.Config{
		CryptoKey: [32]byte{1}, CryptoKeyId: "1", CodeMethodS256: true, AuthMethodPost: true, AuthMethodPrivateKeyJWT: true,
		BackChannelLogoutSupported: true, DefaultLogoutRedirectURI: "/signed-out",
	}
	var err error
	if z.handler, err = op.NewProvider(config, z, op.StaticIssuer(z.issuer), op.WithAllowInsecure()); err != nil {
		t.Fatal(err)
	}
	issuer := op.NewIssuerInterceptor(z.handler.IssuerFromRequest)
	mux.HandleFunc("GET /login/username", z.loginPage)
	mux.HandleFunc("POST /login/username", issuer.HandlerFunc(z.signIn))
	mux.Handle("/", z.handler)
	return &provider{
		issuer: z.issuer, login: "test-user@localhost", subject: "id1", email: "test-user@zitadel.ch", zitadel: z,
	}
}

var zitadelPage = template.Must(template.New("").Parse(`<!doctype html><meta charset="utf-8"><title>Provider</title>
<h1>Sign in at the provider</h1><form method="post" action="/login/username"><input type="hidden" name="id" value="{{.}}">
<label>Account <input name="login"></label><button name="do" value="yes">Sign in</button> <button name="do" value="no">Cancel</button></form>`))

func (z *zitadelProvider) loginPage(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = zitadelPage.Execute(w, r.FormValue("authRequestID"))
}

func (z *zitadelProvider) signIn(w http.ResponseWriter, r *http.Request) {
	id := r.FormValue("id")
	request, err := z.AuthRequestByID(r.Context(), id)
	switch {
	case err != nil: // it was completed: the person came by the back button
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`<!doctype html><h1>This sign-in is over</h1><p><a href="` + z.app + `/">Back to the application</a></p>`))
	case r.FormValue("do") == "no":
		op.AuthRequestError(w, r, request, oidc.ErrAccessDenied(), z.handler)
	case z.CheckUsernamePassword(r.FormValue("login"), "verysecure", id) != nil:
		http.Error(w, "no such account", http.StatusForbidden)
	default:
		http.Redirect(w, r, op.AuthCallbackURL(z.handler)(r.Context(), id), http.StatusFound)
	}
}

// A zitadelClient authenticates as its ID says.
type zitadelClient struct {
	op.Client
	app string
}

func (c zitadelClient) AuthMethod() oidc.AuthMethod      { return oidc.AuthMethod(c.GetID()) }
func (c zitadelClient) PostLogoutRedirectURIs() []string { return []string{c.app + "/"} }

func (z *zitadelProvider) GetClientByClientID(ctx context.Context, id string) (op.Client, error) {
	c, err := z.Storage.GetClientByClientID(ctx, id)
	if err != nil {
		return nil, err
	}
	return zitadelClient{c, z.app}, nil
}

// TerminateSession sends a logout token to each client: the library has its claims, and
// leaves it to its caller to send it.
func (z *zitadelProvider) TerminateSession(ctx context.Context, userID, clientID string) error {
	key, err := z.SigningKey(ctx)
	if err != nil {
		return err
	}
	signer, err := op.SignerFromKey(key)
	if err != nil {
		return err
	}
	for _, c := range clients {
		claims := oidc.NewLogoutTokenClaims(z.issuer, userID, oidc.Audience{c.ID}, time.Now().Add(time.Minute), rand.Text(), "", 0)
		token, err := crypto.Sign(claims, signer)
		if err != nil {
			return err
		}
		res, err := z.client.PostForm(z.app+"/"+c.ID+"/backchannel", url.Values{"logout_token": {token}})
		if err != nil {
			return err
		}
		res.Body.Close()
		z.mu.Lock()
		z.logouts = append(z.logouts, res.StatusCode)
		z.mu.Unlock()
	}
	return z.Storage.TerminateSession(ctx, userID, clientID)
}

func (z *zitadelProvider) GetKeyByIDAndClientID(_ context.Context, keyID, _ string) (*jose.JSONWebKey, error) {
	return &jose.JSONWebKey{Key: clientKey().Public(), KeyID: keyID, Algorithm: "RS256", Use: "sig"}, nil
}

// A visitor is a person with a browser without JavaScript.
type visitor struct {
	t   *testing.T
	app *application
	p   *provider
	*http.Client
	pages []string // headings of the provider's pages that were answered
}

func newVisitor(t *testing.T, a *application, p *provider) *visitor {
	t.Helper()
	jar := guard.Must(cookiejar.New(nil))
	return &visitor{t: t, app: a, p: p, Client: &http.Client{
		Transport: a.Client().Transport, Jar: jar, Timeout: harness.Patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// A reply is a response whose body was read.
type reply struct {
	status   int
	location string
	body     string
}

func (v *visitor) get(address string) reply {
	v.t.Helper()
	return v.do(guard.Must(http.NewRequest("GET", address, nil)))
}

func (v *visitor) post(address string, form url.Values) reply {
	v.t.Helper()
	r := guard.Must(http.NewRequest("POST", address, strings.NewReader(form.Encode())))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return v.do(r)
}

func (v *visitor) do(r *http.Request) reply {
	v.t.Helper()
	r.Header.Set("Accept", "text/html,*/*;q=0.8")
	res, err := v.Do(r)
	if err != nil {
		v.t.Fatal(err)
	}
	defer res.Body.Close()
	a := reply{status: res.StatusCode, body: readAll(v.t, res)}
	if to, err := res.Location(); err == nil {
		a.location = to.String()
	}
	return a
}

// begin starts a sign-in of a client, and returns the provider's URL.
func (v *visitor) begin(client, query string) string {
	v.t.Helper()
	a := v.get(v.app.URL + "/" + client + "/login" + query)
	if a.status != http.StatusSeeOther {
		v.t.Fatalf("Begin: %d %s\n%s", a.status, v.app.reason(), a.body)
	}
	return a.location
}

var (
	formAction = regexp.MustCompile(`<form[^>]* action="([^"]+)"`)
	formHidden = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)"`)
	heading    = regexp.MustCompile(`<h1>([^<]*)</h1>`)
)

// visit goes to the provider's URL, answers its pages with do, which is "yes" or "no",
// and returns the URL of the application to which the provider sends the browser.
func (v *visitor) visit(to, do string) *url.URL {
	v.t.Helper()
	v.pages = nil
	a := reply{location: to}
	for range 20 {
		for a.location != "" {
			if strings.HasPrefix(a.location, v.app.URL+"/") {
				return guard.Must(url.Parse(a.location))
			}
			to = a.location
			a = v.get(to)
		}
		action := formAction.FindStringSubmatch(a.body)
		if a.status != http.StatusOK || action == nil {
			v.t.Fatalf("the provider's page: %d %s", a.status, a.body)
		}
		v.pages = append(v.pages, heading.FindStringSubmatch(a.body)[1])
		form := url.Values{"do": {do}, "login": {v.p.login}, "logout": {"yes"}}
		for _, input := range formHidden.FindAllStringSubmatch(a.body, -1) {
			form.Set(input[1], input[2])
		}
		a = v.post(guard.Must(guard.Must(url.Parse(to)).Parse(action[1])).String(), form)
	}
	v.t.Fatal("the provider does not return")
	return nil
}

// signIn is a whole sign-in, and returns the reply to the callback.
func (v *visitor) signIn(client, query string) reply {
	v.t.Helper()
	return v.get(v.visit(v.begin(client, query), "yes").String())
}

// me returns who is signed in at the application.
func (v *visitor) me() (p person, signedIn bool) {
	v.t.Helper()
	a := v.get(v.app.URL + "/me")
	if a.status != http.StatusOK {
		return p, false
	}
	if err := json.Unmarshal([]byte(a.body), &p); err != nil {
		v.t.Fatal(err)
	}
	return p, true
}

func readAll(t *testing.T, res *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
