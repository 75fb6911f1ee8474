package session_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/guardtest"
	"github.com/go-guard/guard/session"
)

// open serves a page for Alice. In a program, session.Manager.Wrap is around the handler.
func open(page func(http.ResponseWriter, *http.Request, *session.Session[struct{}])) {
	w := httptest.NewRecorder()
	r := guardtest.As(httptest.NewRequest("GET", "/", nil), guardtest.Session("alice", struct{}{}), nil)
	guard.HandlerFunc(page).ServeHTTP(w, r)
	fmt.Println(w.Code, w.Body)
}

// A page greets its user by name. To change the data, call Manager.Update.
func ExampleSession_Data() {
	type Profile struct{ Name string }
	home := guard.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *session.Session[Profile]) {
		fmt.Fprintf(w, "Hello, %s!", s.Data().Name)
	})

	w := httptest.NewRecorder()
	home.ServeHTTP(w, guardtest.As(httptest.NewRequest("GET", "/", nil), guardtest.Session("1", Profile{"Alice"}), nil))
	fmt.Println(w.Body)
	// Output: Hello, Alice!
}

// The subject finds the user in the application's database.
func ExampleSession_Sub() {
	names := map[string]string{"alice": "Alice Liddell"}
	open(func(w http.ResponseWriter, r *http.Request, s *session.Session[struct{}]) {
		fmt.Fprint(w, names[s.Sub()]) // or guard.BySubject, around the handler
	})
	// Output: 200 Alice Liddell
}

// A log names the session by its ID, which signs no one in, or has the session itself.
func ExampleSession_ID() {
	s := guardtest.Session("alice", struct{}{})
	fmt.Println(len(s.ID()), strings.Contains(fmt.Sprint(s), s.ID()))
	// Output: 16 true
}

// A page says when the session ends: here after 30 minutes without use.
func ExampleSession_Deadline() {
	now := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	sessions := guard.Must(session.New[struct{}](&session.Options{Now: func() time.Time { return now }}))
	s, err := sessions.Create(httptest.NewRecorder(), httptest.NewRequest("POST", "/login", nil), "alice", struct{}{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(s.Deadline().UTC().Format(time.DateTime))
	// Output: 2026-03-01 09:30:00
}

// A list of a user's sessions shows when each was last used.
func ExampleSession_LastSeen() {
	now := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	sessions := guard.Must(session.New[struct{}](&session.Options{Now: func() time.Time { return now }}))
	if _, err := sessions.Create(httptest.NewRecorder(), httptest.NewRequest("POST", "/login", nil), "alice", struct{}{}); err != nil {
		fmt.Println(err)
		return
	}
	now = now.Add(10 * time.Minute)

	list, err := sessions.List(context.Background(), "alice")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range list {
		fmt.Println("last used", now.Sub(s.LastSeen()), "ago")
	}
	// Output: last used 10m0s ago
}

// The session knows at which identity provider its user signed in.
func ExampleSession_Ref() {
	sessions := guard.Must(session.New[struct{}](nil))
	s, err := sessions.Create(httptest.NewRecorder(), httptest.NewRequest("GET", "/callback", nil), "alice", struct{}{},
		session.Ref("https://id.example.com 08a5019c"))
	if err != nil {
		fmt.Println(err)
		return
	}
	issuer, sid, _ := strings.Cut(s.Ref(), " ")
	fmt.Println(issuer, sid)
	// Output: https://id.example.com 08a5019c
}

// A page warns its user where the session is not bound to the device.
func ExampleSession_Bound() {
	open(func(w http.ResponseWriter, r *http.Request, s *session.Session[struct{}]) {
		if !s.Bound() {
			fmt.Fprint(w, "This browser cannot bind your session to the device.")
		}
	})
	// Output: 200 This browser cannot bind your session to the device.
}

// The answer to a sign-in names the path at which the browser registers its key.
func ExampleManager_Device() {
	sessions := guard.Must(session.New[struct{}](&session.Options{
		ExperimentalDevice: session.DeviceOptions{Path: "/device"},
	}))
	mux := http.NewServeMux()
	mux.Handle("POST /device", sessions.Device())
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		if _, err := sessions.Create(w, r, "alice", struct{}{}); err != nil {
			guard.Refuse(w, r, err)
		}
	})

	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest("POST", "https://example.com/login", nil))
	registration, _, _ := strings.Cut(w.Header().Get("Secure-Session-Registration"), ";challenge=")
	fmt.Println(registration)
	// Output: (ES256);path="/device"
}

// A payment requires a session that cannot be used on another device.
func ExampleManager_RequireDevice() {
	sessions := guard.Must(session.New[struct{}](&session.Options{
		ExperimentalDevice: session.DeviceOptions{Path: "/device"},
	}))
	pay := guard.Chain(sessions.Wrap, sessions.RequireDevice())(http.NotFoundHandler())

	w := httptest.NewRecorder()
	r := httptest.NewRequest("POST", "https://example.com/pay", nil)
	if _, err := sessions.Create(w, r, "alice", struct{}{}); err != nil {
		fmt.Println(err)
		return
	}
	r.AddCookie(w.Result().Cookies()[0]) // of a browser that binds no session
	w = httptest.NewRecorder()
	pay.ServeHTTP(w, r)
	fmt.Println(w.Code, w.Body)
	// Output: 403 {"error":"Forbidden","message":"The session must be bound to a device"}
}
