package passkey_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/signin/passkey"
	"github.com/go-guard/guard/signin/passkey/passkeytest"
)

// A user who is signed in registers a passkey, and signs in with it the next time. The page
// runs:
//
//	const post = async (path, body) => (await fetch(path, { method: 'POST', body: JSON.stringify(body) })).json();
//	const options = PublicKeyCredential.parseCreationOptionsFromJSON(await post('/passkey/register/options'));
//	await post('/passkey/register', { ...(await navigator.credentials.create({ publicKey: options })).toJSON(), name: 'Blue key' });
//
//	const options = PublicKeyCredential.parseRequestOptionsFromJSON(await post('/passkey/login/options'));
//	await post('/passkey/login', (await navigator.credentials.get({ publicKey: options, mediation: 'conditional' })).toJSON());
func Example() {
	type User struct{ ID, Email string }
	user := func(r *http.Request) User { return User{"1", "alice@example.com"} } // session.Require, stepup.Require

	key := make([]byte, 32) // in production, the same for all processes and after a restart
	rand.Read(key)
	store := guard.Must(passkey.NewMemory(nil)) // or tables: see Store
	// InsecureCookie is for http://localhost alone: leave it out where the site has https.
	keys := guard.Must(passkey.New("localhost", []string{"http://localhost:8080"}, key, store, &passkey.Options{InsecureCookie: true}))
	sessions := guard.Must(session.New[struct{}](&session.Options{InsecureCookie: true}))

	handle := func(f func(w http.ResponseWriter, r *http.Request) error) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if err := f(w, r); err != nil {
				guard.Refuse(w, r, err)
			}
		}
	}
	mux := http.NewServeMux()
	mux.Handle("POST /passkey/register/options", handle(func(w http.ResponseWriter, r *http.Request) error {
		u := user(r)
		return keys.RegisterOptions(w, r, passkey.Account{Subject: u.ID, Name: u.Email})
	}))
	mux.Handle("POST /passkey/register", handle(func(w http.ResponseWriter, r *http.Request) error {
		c, err := keys.Register(w, r, user(r).ID)
		if err != nil {
			return err
		}
		return json.NewEncoder(w).Encode(map[string]string{"registered": c.Name}) // and mail the owner
	}))
	mux.Handle("POST /passkey/login/options", handle(keys.LoginOptions))
	mux.Handle("POST /passkey/login", handle(func(w http.ResponseWriter, r *http.Request) error {
		c, err := keys.Login(w, r)
		if err != nil {
			return err
		}
		if _, err := sessions.Create(w, r, c.Subject, struct{}{}, session.Factors(c.Factor())); err != nil {
			return err
		}
		return json.NewEncoder(w).Encode(map[string]string{"user": c.Subject, "factor": c.Factor()})
	}))
	audit := guard.Observe(func(r *http.Request, d guard.Decision) {
		if errors.Is(d.Err, passkey.ErrCounter) {
			fmt.Println("mail", d.Subject, "that a passkey may have been cloned")
		}
	})

	server := httptest.NewServer(audit(mux))
	defer server.Close()
	post := newPage(server.URL)
	device := passkeytest.NewAuthenticator("http://localhost:8080") // the browser
	device.Flags |= passkeytest.BackupEligible

	credential, err := device.Create(post("/passkey/register/options", nil))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s", post("/passkey/register", credential))
	credential, err = device.Get(post("/passkey/login/options", nil))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s", post("/passkey/login", credential))
	fmt.Printf("%s", post("/passkey/login", credential)) // replayed
	// Output:
	// {"registered":"Passkey"}
	// {"factor":"swk","user":"1"}
	// {"error":"Unauthorized","message":"Invalid passkey"}
}

// newPage returns a function that posts as the page does, with the browser's cookies.
func newPage(base string) func(path string, body []byte) []byte {
	client := &http.Client{Jar: guard.Must(cookiejar.New(nil))}
	return func(path string, body []byte) []byte {
		res, err := client.Post(base+path, "application/json", bytes.NewReader(body))
		if err != nil {
			return []byte(err.Error())
		}
		defer res.Body.Close()
		answer, err := io.ReadAll(res.Body)
		if err != nil {
			return []byte(err.Error())
		}
		return answer
	}
}
