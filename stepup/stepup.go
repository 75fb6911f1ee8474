package stepup

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/identity"
	"github.com/go-guard/guard/internal/refusal"
	"github.com/go-guard/guard/internal/wiring"
)

// Require passes on requests whose sign-in satisfies all requirements, and refuses
// others with 401, also anonymous ones. It belongs inside an authentication step:
// without one, or with one that finds no [guard.AuthContext], the answer is 500. With
// guard.Optional around it, an anonymous client receives the challenge of the route; with
// guard.Require, that of the authenticator.
//
// No requirement, a nil one, and one that no sign-in could satisfy panic.
func Require(requirements ...Requirement) guard.Middleware {
	p := new(policy)
	for _, each := range requirements {
		if each == nil {
			wiring.Panic("stepup", "a Requirement is nil")
		}
		each(p)
	}
	if len(p.ifEnrolled) > 0 && p.within == 0 {
		wiring.Panic("stepup", "FactorIfEnrolled needs Within: it requires nothing of those who have no factor")
	}
	if p.within == 0 && len(p.factors) == 0 && len(p.acr) == 0 {
		wiring.Panic("stepup", "Require needs Within, Factor or ACR")
	}
	if p.has != nil && len(p.factors) == 0 {
		wiring.Panic("stepup", "Enroll needs Factor: those who lack it are sent to enroll")
	}
	refused := guard.Decision{Package: "stepup", Guard: strings.Join(p.names, ", ")}
	allowed := refused
	allowed.Outcome = guard.Allowed
	return func(next http.Handler) http.Handler {
		wiring.Next("stepup", next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := p.check(r.Context()); err != nil {
				refused.Refuse(w, r, err)
				return
			}
			allowed.Report(r)
			next.ServeHTTP(w, r)
		})
	}
}

// A policy is what a Require requires.
type policy struct {
	names   []string
	within  time.Duration
	factors [][]string // of each list one
	acr     []string
	enroll  string
	has     func(context.Context, string) (bool, error)

	ifEnrolled []enrolledFactor
}

// An enrolledFactor is what FactorIfEnrolled requires.
type enrolledFactor struct {
	methods []string
	has     func(context.Context, string) (bool, error)
}

const codeInsufficient = "insufficient_user_authentication" // RFC 9470, section 3

var (
	errAnonymous = errors.New("stepup: the request is anonymous")
	errOther     = fmt.Errorf("stepup: the request was authenticated without a %v", reflect.TypeFor[guard.AuthContext]())
	errNoTime    = errors.New("stepup: when the subject signed in is unknown")
	errFuture    = errors.New("stepup: the subject signed in in the future: the clock was set back, or that of another server is fast")
	errOld       = errors.New("stepup: the subject signed in too long ago")
	errFactor    = errors.New("stepup: the subject signed in without a factor that is required")
	errACR       = errors.New("stepup: the authentication context class is none of those that are required")
)

// leeway is how fast the clock may be of the server that signed the subject in.
const leeway = 5 * time.Second

// check returns nil if the credential of ctx satisfies p.
func (p *policy) check(ctx context.Context) error {
	c, err := guard.AuthenticatedBy[guard.AuthContext](ctx)
	if err != nil {
		n := identity.From(ctx)
		switch {
		case n != nil && !n.Authenticated():
			return p.refuse(ctx, errAnonymous)
		case identity.Otherwise[guard.AuthContext](ctx): // no failure of ours: any client with a key could cause it
			return p.refuse(ctx, errOther)
		}
		return err
	}
	for _, list := range p.factors {
		if !usedOneOf(c, list) {
			return p.withoutFactor(ctx, c)
		}
	}
	for _, f := range p.ifEnrolled {
		if usedOneOf(c, f.methods) {
			continue
		}
		if has, known, err := hasFactor(ctx, c, f.has); err != nil {
			return err
		} else if has || !known {
			return p.refuse(ctx, errFactor)
		}
	}
	if len(p.acr) > 0 && !slices.Contains(p.acr, c.ACR()) {
		return p.refuse(ctx, errACR)
	}
	if p.within == 0 {
		return nil
	}
	at := c.AuthTime()
	switch age := time.Since(at); {
	case at.IsZero():
		return p.refuse(ctx, errNoTime)
	case age < -leeway:
		return p.refuse(ctx, errFuture)
	case age >= p.within:
		return p.refuse(ctx, errOld)
	}
	return nil
}

// usedOneOf reports whether the subject signed in with one of these methods.
func usedOneOf(c guard.AuthContext, methods []string) bool {
	return slices.ContainsFunc(c.AMR(), func(method string) bool { return slices.Contains(methods, method) })
}

// hasFactor calls has for the subject of c. known is false if c has none.
func hasFactor(ctx context.Context, c guard.AuthContext, has func(context.Context, string) (bool, error)) (result, known bool, err error) {
	subject, ok := c.(guard.Subject)
	if !ok || subject.Sub() == "" {
		return false, false, nil
	}
	if result, err = has(ctx, subject.Sub()); err != nil {
		return false, true, guard.Unavailable(fmt.Errorf("stepup: whether the subject has a factor: %w", err))
	}
	return result, true, nil
}

// withoutFactor refuses a subject that signed in without a factor: it is sent to enroll
// one where it has none.
func (p *policy) withoutFactor(ctx context.Context, c guard.AuthContext) error {
	e := p.refuse(ctx, errFactor)
	if p.has == nil {
		return e
	}
	switch has, known, err := hasFactor(ctx, c, p.has); {
	case err != nil:
		return err
	case known && !has:
		e.Header = http.Header{"Location": {p.enroll}}
	}
	return e
}

// refuse is the 401, whose challenges say what is required (RFC 9470, section 3).
func (p *policy) refuse(ctx context.Context, cause error) *guard.Error {
	params := []string{`error="` + codeInsufficient + `"`}
	if len(p.acr) > 0 {
		params = append(params, `acr_values="`+strings.Join(p.acr, " ")+`"`)
	}
	if p.within > 0 {
		params = append(params, `max_age="`+strconv.FormatInt(int64(p.within/time.Second), 10)+`"`)
	}
	return &guard.Error{
		Status: http.StatusUnauthorized, Code: codeInsufficient, Message: "Recent authentication required",
		Challenges: refusal.Challenged(identity.From(ctx).Challenges(), strings.Join(params, ", ")), Err: cause,
	}
}
