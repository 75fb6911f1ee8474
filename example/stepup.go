package main

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/format"
	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/stepup"
)

const (
	recent = 5 * time.Minute

	codeFactor     = "otp"      // RFC 8176, section 2
	recoveryFactor = "recovery" // a name of this program
)

// passkeyFactors are the factors of passkeys: a key in hardware, and one that is synced.
var passkeyFactors = []string{"hwk", "swk"}

// strong requires a sign-in of the last five minutes with a second factor, or with a
// passkey, in hardware or synced.
var strong = stepup.Require(stepup.Within(recent), stepup.Factor(codeFactor, recoveryFactor, "hwk", "swk"))

// recently requires a sign-in of the last five minutes, with the second factor where the
// account has one. It is for changes of the factors: an account without one adds its first.
// A sign-in with a provider that asked no one anything is not recent.
func (a accounts) recently() guard.Middleware {
	hasFactor := func(ctx context.Context, id string) (bool, error) {
		step, err := a.secondStep(ctx, User{ID: id})
		return step != "", err
	}
	return stepup.Require(stepup.Within(recent), stepup.Factor("pwd", "link", freshFactor, codeFactor, recoveryFactor, "hwk", "swk"), stepup.FactorIfEnrolled(hasFactor, codeFactor, recoveryFactor, "hwk", "swk"))
}

// addFactor replaces the session by one that has the factor, too: its code was right. The
// epoch is read before the session is found alive: when all are ended, this one is, too.
func (a accounts) addFactor(w http.ResponseWriter, r *http.Request, u User) error {
	s, _ := a.session(r.Context())
	epoch, err := a.sessions.Epoch(r.Context(), u.ID)
	if err == nil {
		s, err = a.sessions.Reload(r.Context(), s)
	}
	if err != nil {
		return err
	}
	factors := s.AMR()
	if !slices.Contains(factors, codeFactor) {
		factors = append(factors, codeFactor)
	}
	_, err = a.sessions.Create(w, r, u.ID, s.Data(), session.AtEpoch(epoch), session.Factors(factors...), session.Ref(s.Ref()))
	return err
}

// stepupSection shows an action that needs more than a session: a thief with a copied
// cookie has one, too.
func stepupSection(mux *http.ServeMux, a accounts, log *slog.Logger) {
	if a.second == nil {
		log.Warn("SEAL_KEY is not set: /stepup is not mounted")
		return
	}
	user := guard.BySubject(a.sessions, a.users.ByID)
	// A browser is led to the sign-in of /app/, and back.
	sudo := guard.Chain(guard.OnError(format.HTML("/app/login", guard.JSON)), a.sameOrigin, guard.Optional(user), strong)
	mux.Handle("GET /stepup/transfer", sudo(http.HandlerFunc(showTransfer)))
	mux.Handle("POST /stepup/transfer", sudo(http.HandlerFunc(transfer)))
}

func showTransfer(w http.ResponseWriter, _ *http.Request) {
	step{Title: "Transfer money", Action: "/stepup/transfer", Button: "Transfer"}.show(w, http.StatusOK)
}

// transfer stands for what must not happen by mistake.
func transfer(w http.ResponseWriter, r *http.Request) {
	w.Header().Add("Vary", "Accept")
	if wantsPage(r) {
		step{Title: "Transferred"}.show(w, http.StatusOK)
		return
	}
	reply(w, http.StatusOK, object{"message": "Transferred"})
}
