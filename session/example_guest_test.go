package session_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/session"
)

// A message for the next page, of a visitor who has not signed in.
func ExampleManager_Flash() {
	sessions := guard.Must(session.New[struct{}](nil))
	mux := http.NewServeMux()
	mux.HandleFunc("POST /subscribe", func(w http.ResponseWriter, r *http.Request) {
		if err := sessions.Flash(w, r, "Thank you. We have sent you an e-mail."); err != nil {
			guard.Refuse(w, r, err)
			return
		}
		http.Redirect(w, r, "/", http.StatusSeeOther)
	})
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		messages, err := sessions.Flashes(w, r)
		if err != nil {
			guard.Refuse(w, r, err)
			return
		}
		fmt.Fprintln(w, "messages:", messages)
	})

	var cookie *http.Cookie // of the browser
	for _, method := range []string{"POST", "GET", "GET"} {
		path := map[string]string{"POST": "/subscribe", "GET": "/"}[method]
		w, r := httptest.NewRecorder(), httptest.NewRequest(method, "https://example.com"+path, nil)
		if cookie != nil {
			r.AddCookie(cookie)
		}
		mux.ServeHTTP(w, r)
		for _, c := range w.Result().Cookies() {
			cookie = c
		}
		fmt.Print(w.Code, " ", w.Body)
	}
	// Output:
	// 303 200 messages: [Thank you. We have sent you an e-mail.]
	// 200 messages: []
}

// A cart before the sign-in, which the login takes over.
func ExampleManager_Guest() {
	type Data struct{ Cart []string }
	sessions := guard.Must(session.New[Data](nil))

	add := func(w http.ResponseWriter, r *http.Request, item string) error {
		guest, found, err := sessions.GuestFrom(r)
		switch {
		case err != nil:
		case found:
			_, err = sessions.Update(r.Context(), guest, func(d *Data) error {
				d.Cart = append(d.Cart, item)
				return nil
			})
		default:
			_, err = sessions.Guest(w, r, Data{[]string{item}})
		}
		return err
	}
	login := func(w http.ResponseWriter, r *http.Request) error {
		// Check the password here: see the example "Login".
		var data Data
		guest, found, err := sessions.GuestFrom(r)
		if err != nil {
			return err
		}
		if found {
			data.Cart = guest.Data().Cart
		}
		_, err = sessions.Create(w, r, "1", data) // ends the guest
		return err
	}

	request := func(cookies []*http.Cookie) *http.Request {
		r := httptest.NewRequest("POST", "https://example.com/", nil)
		for _, c := range cookies {
			r.AddCookie(c)
		}
		return r
	}
	first, last := httptest.NewRecorder(), httptest.NewRecorder()
	fmt.Println(add(first, request(nil), "a book"))
	guest := first.Result().Cookies()
	fmt.Println(add(httptest.NewRecorder(), request(guest), "a pen"))
	_, err := sessions.Authenticate(request(guest))
	fmt.Println("signed in:", err == nil)
	fmt.Println(login(last, request(guest)))
	s, err := sessions.Authenticate(request(last.Result().Cookies()))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(s.Sub(), s.Data().Cart)
	// Output:
	// <nil>
	// <nil>
	// signed in: false
	// <nil>
	// 1 [a book a pen]
}

// A page shows each message once. The example of Flash is the whole round.
func ExampleManager_Flashes() {
	sessions := guard.Must(session.New[struct{}](nil))
	w := httptest.NewRecorder()
	if err := sessions.Flash(w, httptest.NewRequest("POST", "https://example.com/save", nil), "Saved"); err != nil {
		fmt.Println(err)
		return
	}
	next := httptest.NewRequest("GET", "https://example.com/", nil)
	next.AddCookie(w.Result().Cookies()[0])

	for range 2 {
		messages, err := sessions.Flashes(httptest.NewRecorder(), next)
		fmt.Println(messages, err)
	}
	// Output:
	// [Saved] <nil>
	// [] <nil>
}

// The page of a cart, for visitors who have not signed in.
func ExampleManager_GuestFrom() {
	type Data struct{ Cart []string }
	sessions := guard.Must(session.New[Data](nil))
	page := func(w http.ResponseWriter, r *http.Request) {
		switch guest, found, err := sessions.GuestFrom(r); {
		case err != nil:
			guard.Refuse(w, r, err)
		case !found:
			fmt.Fprint(w, "Your cart is empty")
		default:
			fmt.Fprint(w, guest.Data().Cart)
		}
	}

	w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "https://example.com/cart", nil)
	page(w, r)
	fmt.Println(w.Code, w.Body)
	// Output: 200 Your cart is empty
}
