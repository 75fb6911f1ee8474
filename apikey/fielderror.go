package apikey

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/go-guard/guard"
)

// A FieldError is a mistake in one field of a [Grant] or in an argument.
type FieldError struct {
	// Field is the name in the JSON of a Record, such as "expires_at" or
	// "scopes[2]", or that of an argument: "overlap", "cursor" or "limit".
	Field string
	// Problem follows the name in a sentence, such as "is in the past". It holds no
	// text of the input, and may be shown.
	Problem string
}

// FieldErrors are all mistakes in the arguments of a call. A method of a Ring that
// returns them wraps them in a *guard.Error of 422 with the code fields_invalid, whose
// Message names each. errors.AsType[FieldErrors] finds them, for a form.
type FieldErrors []FieldError

// Error implements error.
func (e FieldErrors) Error() string { return "apikey: " + e.sentence() }

func (e FieldErrors) sentence() string {
	var list []string
	for _, f := range e {
		list = append(list, f.Field+" "+f.Problem)
	}
	return strings.Join(list, "; ")
}

func (e *FieldErrors) add(field, format string, args ...any) {
	*e = append(*e, FieldError{field, fmt.Sprintf(format, args...)})
}

// refusal is nil where there is no mistake.
func (e FieldErrors) refusal() error {
	if len(e) == 0 {
		return nil
	}
	return &guard.Error{Status: http.StatusUnprocessableEntity, Code: "fields_invalid", Message: e.sentence(), Err: e}
}
