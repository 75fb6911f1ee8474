package main

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/go-guard/guard"
)

// maxBody is the maximum size of a request body in bytes.
const maxBody = 1 << 20

// newHandler is the whole program but its listener: every section under its
// prefix, and around them what all requests pass.
func newHandler(ctx context.Context, set settings, log *slog.Logger) (http.Handler, error) {
	users, err := sampleUsers(ctx)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux() // the sections of the guide have separate users and posts
	tokens := jwtSection(mux, set, users.Copy())
	bearerSection(mux)
	refreshSection(mux, set, users.Copy())
	rbacSection(mux, tokens, users.Copy())
	permissionsSection(mux, tokens, users.Copy())
	ownerSection(mux, tokens)
	optionalSection(mux, tokens)
	directory, err := newDirectory(ctx, set.stores.Accounts, users)
	if err != nil {
		return nil, err
	}
	shared, err := newAccounts(set, directory)
	if err != nil {
		return nil, err
	}
	signedIn := sessionSection(mux, shared)
	ring := newRing(set)
	apikeySection(mux, ring, shared, signedIn)
	practicesSection(mux, set, users.Copy())
	completeSection(mux, set, users.Copy())
	issuerKeys := oidcKeys(set.oidc)
	if err := oidcSection(mux, set.oidc, issuerKeys); err != nil {
		return nil, err
	}
	if err := dpopSection(mux, set, issuerKeys, log); err != nil {
		return nil, err
	}
	if err := mcpSection(mux, set, issuerKeys, log); err != nil {
		return nil, err
	}
	if err := oauthSection(ctx, mux, set, shared, log); err != nil {
		return nil, err
	}
	if err := linkSection(mux, set, shared, log); err != nil {
		return nil, err
	}
	if err := totpSection(mux, set, shared, log); err != nil {
		return nil, err
	}
	passkeySection(mux, set, shared, log)
	stepupSection(mux, shared, log)
	if err := webhookSection(mux, set, log); err != nil {
		return nil, err
	}
	if err := appSection(mux, set, shared, ring, log); err != nil {
		return nil, err
	}
	indexSection(mux, set.publicURL)
	outer := http.NewServeMux()
	outer.Handle("/", limitBody(mux))
	outer.Handle("/app/", mux) // its answer to a body that is too large is a page
	return guard.Chain(guard.Observe(nil), accessLog(log))(outer), nil
}

// limitBody answers a request with too large a body 413: at once if its
// Content-Length is too large, otherwise when the handler reads beyond the limit.
func limitBody(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength > maxBody {
			guard.Refuse(w, r, &http.MaxBytesError{Limit: maxBody})
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		next.ServeHTTP(w, r)
	})
}

// accessLog logs each request after its answer, with the user and the reason of a
// refusal. Queries and headers can hold credentials, and are not logged.
func accessLog(log *slog.Logger) guard.Middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			began := time.Now()
			answer := &statusWriter{ResponseWriter: w}
			defer func() { // also runs if the handler panics
				attrs := []slog.Attr{
					slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.Int("status", answer.status),
					slog.Duration("took", time.Since(began)), slog.String("remote", r.RemoteAddr),
				}
				level, user := slog.LevelInfo, ""
				for by, d := range guard.Decisions(r.Context()) {
					if d.Action != "" { // such as a sign-in
						attrs = append(attrs, slog.String("action", d.Action), slog.String("subject", d.Subject))
					} else if u, ok := guard.PrincipalFrom[User](by.Context()); ok && d.Outcome == guard.Allowed && u.ID != user { // once, of two guards
						user = u.ID
						attrs = append(attrs, slog.String("user", u.ID))
					}
					if d.Outcome == guard.Refused || d.Outcome == guard.Failed {
						attrs = append(attrs, slog.String("guard", d.Package), slog.String("reason", d.Reason))
					}
					if d.Outcome == guard.Failed {
						level = slog.LevelError
					}
				}
				log.LogAttrs(r.Context(), level, "request", attrs...)
			}()
			next.ServeHTTP(answer, r)
		})
	}
}

// A statusWriter records the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	if w.status < 200 { // an informational status is not the last
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(b []byte) (int, error) {
	if w.status < 200 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap supports http.ResponseController.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
