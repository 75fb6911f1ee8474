package main

import "net/http"

// discard is a ResponseWriter that records only the status. An
// httptest.ResponseRecorder would cost more than the handlers under test.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(status int)      { d.status = status }

// serving returns a benchmark that serves one request repeatedly, and verifies the
// status of the first and the last response.
func serving(h http.Handler, r *http.Request, status int) func(n int) {
	w := &discard{header: http.Header{}}
	serve := func() {
		w.status = 200
		h.ServeHTTP(w, r)
		clear(w.header)
	}
	serve()
	check(w.status == status, r.Method+" "+r.URL.Path)
	return func(n int) {
		for range n {
			serve()
		}
		check(w.status == status, r.Method+" "+r.URL.Path)
	}
}

// request returns a GET request with the given names and values of header fields.
func request(path string, pairs ...string) *http.Request {
	r, err := http.NewRequest(http.MethodGet, path, nil)
	if err != nil {
		panic(err)
	}
	r.RemoteAddr = "192.0.2.1:1234"
	for i := 0; i+1 < len(pairs); i += 2 {
		r.Header.Set(pairs[i], pairs[i+1])
	}
	return r
}

// ok is the handler that the guards protect.
var ok = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200) })
