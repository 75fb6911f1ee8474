package session_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
)

func TestSessionPrintsNoData(t *testing.T) {
	m := manager(t, nil)
	s, c := create(t, m, "alice")
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "session", s)
	text := fmt.Sprintf("%v %+v %#v %s %d %q\n%s", s, s, s, s, s, s, log.String())
	if n := strings.Count(text, s.ID()); n != 7 || strings.Contains(text, "example.com") || strings.Contains(text, c.Value) {
		t.Errorf("%d times in %s", n, text)
	}
	if (*login)(nil).String() != "session <nil>" {
		t.Error("a nil session does not print")
	}
}

// The ID names a session and is no credential.
func TestID(t *testing.T) {
	m := manager(t, nil)
	s, c := create(t, m, "alice")
	if len(s.ID()) != 16 || strings.Contains(c.Value, s.ID()) {
		t.Errorf("id %q of %q", s.ID(), c.Value)
	}
	for _, value := range []string{s.ID(), s.ID() + strings.Repeat("A", 27)} {
		alive(t, m, &http.Cookie{Name: c.Name, Value: value}, e401("Invalid session"))
	}
}
