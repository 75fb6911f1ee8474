package ratelimit

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
)

// A statusWriter records the status of an answer. It has the methods of the server's
// ResponseWriter that handlers and io.Copy find by a type assertion; those that the
// inner one does not support fail with http.ErrNotSupported.
type statusWriter struct {
	http.ResponseWriter
	status int // 0 before the header is written
}

// Unwrap supports http.ResponseController.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *statusWriter) record(status int) {
	informational := status < 200 && status != http.StatusSwitchingProtocols
	if w.status == 0 && !informational {
		w.status = status
	}
}

func (w *statusWriter) WriteHeader(status int) {
	w.record(status)
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(b []byte) (int, error) {
	w.record(http.StatusOK)
	return w.ResponseWriter.Write(b)
}

// ReadFrom keeps the sendfile of io.Copy and http.ServeFile. A src that fails at its
// first byte writes no header: the handler may still choose the status.
func (w *statusWriter) ReadFrom(src io.Reader) (n int64, err error) {
	to, ok := w.ResponseWriter.(io.ReaderFrom)
	if !ok {
		return io.Copy(struct{ io.Writer }{w}, src)
	}
	if w.status == 0 {
		const first = 512 // as many as the server sniffs
		n, err = io.Copy(struct{ io.Writer }{w}, io.LimitReader(src, first))
		if err != nil || n < first {
			return n, err
		}
	}
	rest, err := to.ReadFrom(src)
	return n + rest, err
}

func (w *statusWriter) Flush() { _ = w.FlushError() }

func (w *statusWriter) FlushError() error {
	err := http.NewResponseController(w.ResponseWriter).Flush()
	if !errors.Is(err, http.ErrNotSupported) { // else no header was written
		w.record(http.StatusOK)
	}
	return err
}

func (w *statusWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err == nil {
		w.record(http.StatusSwitchingProtocols)
	}
	return conn, rw, err
}

// final returns the status of an answer whose handler has returned or panicked.
func (w *statusWriter) final(returned bool) int {
	switch {
	case !returned:
		return http.StatusInternalServerError
	case w.status == 0:
		return http.StatusOK
	}
	return w.status
}
