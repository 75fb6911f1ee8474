package webhook

import (
	"bytes"
	"errors"
	"io"
	"net/http"

	"github.com/go-guard/guard"
)

// A read is a Delivery with the body that the request has again, in one allocation.
type read struct {
	Delivery
	again  bytes.Reader
	prefix [128]byte // for what is signed before most bodies
}

func (r *read) Read(p []byte) (int, error)         { return r.again.Read(p) }
func (r *read) WriteTo(w io.Writer) (int64, error) { return r.again.WriteTo(w) }
func (*read) Close() error                         { return nil } // the server closes its own

// firstRead is how much memory a Content-Length alone gets: the rest grows with what
// arrives.
const firstRead = 64 << 10

// readBody returns content with the body behind it, in one buffer, so that nothing is
// copied or read twice.
func readBody(r *http.Request, content []byte, limit int) (signed []byte, err error) {
	if r.ContentLength > int64(limit) {
		return nil, &http.MaxBytesError{Limit: int64(limit)}
	}
	size := min(max(r.ContentLength, 0), firstRead)
	// One more byte than the body has, to find its end without growing.
	signed = append(make([]byte, 0, len(content)+max(int(size), 511)+1), content...)
	if r.Body == nil {
		return signed, nil
	}
	most := len(content) + limit
	for {
		n, err := r.Body.Read(signed[len(signed):min(cap(signed), most+1)])
		signed = signed[:len(signed)+n]
		switch {
		case len(signed) > most:
			return nil, &http.MaxBytesError{Limit: int64(limit)}
		case err == io.EOF:
			return signed, nil
		case err != nil:
			return nil, unreadable(err)
		case len(signed) == cap(signed):
			signed = append(signed, 0)[:len(signed)]
		}
	}
}

// unreadable refuses a body that ended early, or is longer than an outer limit.
func unreadable(err error) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return err
	}
	return malformed(err)
}

func onlyPOST(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			guard.Decision{Package: "webhook"}.Refuse(w, r, methodNotAllowed())
			return
		}
		next.ServeHTTP(w, r)
	})
}
