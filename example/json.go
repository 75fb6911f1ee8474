package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/go-guard/guard"
)

// reply answers with v as JSON.
func reply(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // a type of ours that is no JSON: a programming error
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(b) // the client may have left
}

// object is JSON with a few keys.
type object map[string]any

// readObject reads the request's body, one JSON object, into v. Its error is
// for guard.Refuse.
func readObject(r *http.Request, v any) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return unreadable(err)
	}
	if body = bytes.TrimSpace(body); !bytes.HasPrefix(body, []byte("{")) {
		return malformed("The body must be a JSON object")
	}
	if err := json.Unmarshal(body, v); err != nil {
		return &guard.Error{Status: http.StatusBadRequest, Message: "The body is not the JSON that is expected here", Err: err}
	}
	return nil
}

func malformed(message string) error {
	return &guard.Error{Status: http.StatusBadRequest, Message: message}
}

// unreadable is a body that could not be read to its end: it is too large, or
// the client failed, which is no failure of ours.
func unreadable(err error) error {
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return err // 413
	}
	return &guard.Error{Status: http.StatusBadRequest, Err: err}
}

// oneKey is the error format of logins: {"error":"Invalid credentials"}.
func oneKey(w http.ResponseWriter, _ *http.Request, e *guard.Error) {
	reply(w, e.Status, object{"error": e.Message})
}
