package harness

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
)

// A Log holds what slog.Default() logged. It is not safe for use by several
// goroutines.
type Log struct{ buf bytes.Buffer }

// CaptureLog redirects slog.Default(), at every level, into a Log until the test
// ends. Its lines are text without times.
func CaptureLog(t testing.TB) *Log {
	l, before := &Log{}, slog.Default()
	t.Cleanup(func() { slog.SetDefault(before) })
	slog.SetDefault(slog.New(slog.NewTextHandler(&l.buf, &slog.HandlerOptions{
		Level: slog.LevelDebug,
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	})))
	return l
}

// Lines returns the lines since the last call.
func (l *Log) Lines() (lines []string) {
	for line := range strings.Lines(l.buf.String()) {
		lines = append(lines, strings.TrimSuffix(line, "\n"))
	}
	l.buf.Reset()
	return lines
}
