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
		panic(err) // a type that cannot be encoded is a programming error
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(b) // the client may have left
}

// An object is a JSON object.
type object map[string]any

// readObject reads the request's body, which must be one JSON object, into v. Its
// error is for guard.Refuse.
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

func conflict(message string) error {
	return &guard.Error{Status: http.StatusConflict, Message: message}
}

// unreadable returns the refusal of a body that could not be read to its end: it
// is too large, or the client failed, which is a 400 and not a 500.
func unreadable(err error) error {
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return err // 413
	}
	return &guard.Error{Status: http.StatusBadRequest, Err: err}
}

// errorOnly is the guide's error format of logins and refresh tokens:
// {"error":"Invalid credentials"}.
func errorOnly(w http.ResponseWriter, _ *http.Request, e *guard.Error) {
	reply(w, e.Status, object{"error": e.Message})
}
