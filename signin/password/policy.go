package password

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"unicode/utf8"

	"github.com/go-guard/guard"
)

// errRefused is the cause of "password_refused".
var errRefused = errors.New("password: refused by Options.Refuse")

// check decides whether pw may become a password.
func (h *Hasher) check(ctx context.Context, pw string) error {
	if utf8.RuneCountInString(pw) < h.minLength || len(pw) > h.maxLength() {
		return h.lengthError(pw)
	}
	if h.refuse == nil {
		return nil
	}
	refused, err := h.refuse(ctx, pw)
	if err != nil {
		return fmt.Errorf("password: Options.Refuse: %w", err)
	}
	if refused {
		return &guard.Error{
			Status: http.StatusUnprocessableEntity, Code: "password_refused",
			Message: "This password is too easy to guess. Choose another one", Err: errRefused,
		}
	}
	return nil
}

// lengthError is the refusal of a password that is too short or too long.
func (h *Hasher) lengthError(pw string) error {
	e := &guard.Error{Status: http.StatusUnprocessableEntity, Code: "password_too_short", Err: ErrLength}
	e.Message = fmt.Sprintf("Choose a password of at least %d characters", h.minLength)
	if limit := h.maxLength(); len(pw) > limit {
		e.Code, e.Message = "password_too_long", fmt.Sprintf("Choose a password of at most %d bytes", limit)
	}
	return e
}

// maxLength is the maximum length of a password that is hashed.
func (h *Hasher) maxLength() int {
	if h.bcryptCost != 0 {
		return maxBcryptLength
	}
	return MaxLength
}
