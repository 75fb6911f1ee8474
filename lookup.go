package guard

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/go-guard/guard/internal/wiring"
)

// Resolve turns the three outcomes of a lookup into those of a guard: the value,
// absent where found is false, or our own failure. An *Error that the lookup
// returned remains its refusal. A nil value that was "found" is a failure, unless it
// is a slice, and so is ErrNoCredentials: a lookup cannot abstain, since the
// credential is there.
func Resolve[T any](v T, found bool, err, absent error) (T, error) {
	var zero T
	switch {
	case errors.Is(err, ErrNoCredentials):
		return zero, fmt.Errorf("guard: a lookup cannot abstain, and returned: %v", err)
	case err != nil:
		return zero, err
	case !found && absent == nil:
		return zero, errors.New("guard: a lookup found nothing, and there is no refusal for it")
	case !found:
		return zero, absent
	case canBeNil[T]() && wiring.IsNil(v):
		return zero, fmt.Errorf("guard: a lookup found a nil %v", reflect.TypeFor[T]())
	}
	return v, nil
}

func canBeNil[T any]() bool {
	switch reflect.TypeFor[T]().Kind() {
	case reflect.Pointer, reflect.Interface, reflect.Map, reflect.Func, reflect.Chan:
		return true
	}
	return false
}
