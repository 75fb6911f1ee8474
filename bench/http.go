package main

import "net/http"

// discard is a ResponseWriter that keeps the status alone; a recorder would
// cost more than what is measured.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(status int)      { d.status = status }

// serving is work that serves one request again and again. It first makes
// sure that the answer's status is the expected one.
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

// request is a GET with a header line for each pair.
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

// ok is the handler behind the guards.
var ok = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200) })
