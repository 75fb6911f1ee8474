package identity

import "context"

type subjectKey struct{}

// WithSubject returns a context in which a guard that has no subject, such as a limit,
// decides about this one, for what uses the guard.
func WithSubject(ctx context.Context, subject string) context.Context {
	return context.WithValue(ctx, subjectKey{}, subject)
}

// Subject returns the subject of WithSubject, or "".
func Subject(ctx context.Context) string {
	subject, _ := ctx.Value(subjectKey{}).(string)
	return subject
}
