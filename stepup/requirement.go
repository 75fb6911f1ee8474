package stepup

import (
	"context"
	"strings"
	"time"

	"github.com/go-guard/guard/internal/localpath"
	"github.com/go-guard/guard/internal/wiring"
)

// A Requirement is what [Require] requires of a sign-in: [Within], [Factor] or [ACR]. For
// those who lack a factor there are [Enroll] and [FactorIfEnrolled].
type Requirement func(*policy)

// Within requires that the subject signed in less than d ago. d is at least a second: a
// shorter one panics. Of several, the shortest counts.
func Within(d time.Duration) Requirement {
	if d < time.Second {
		wiring.Panic("stepup", "Within(%v): at least a second is needed", d)
	}
	return func(p *policy) {
		if p.within == 0 || d < p.within {
			p.within = d
		}
		p.names = append(p.names, "within "+d.String())
	}
}

// Factor requires that the subject signed in with one of these methods, as its AMR names
// them (RFC 8176, section 2), such as "otp", "hwk" for a key in hardware and "swk" for
// one in software, as synced passkeys are. Several Factor must all hold. A method that is not
// printable ASCII, or has a space or quote, panics.
func Factor(method string, or ...string) Requirement {
	methods := listOf("Factor", append([]string{method}, or...))
	return func(p *policy) {
		p.factors = append(p.factors, methods)
		p.names = append(p.names, "factor "+strings.Join(methods, " or "))
	}
}

// FactorIfEnrolled requires one of these methods, as [Factor] does, of subjects who have a
// factor, and nothing of others. It is for pages that enroll, replace or remove factors: with
// Within alone, someone who knows the password would replace the second factor. has reports
// whether a subject has a factor; its error is 503. A credential without a subject is
// refused. Require needs Within beside it: otherwise an old session would enroll the first.
func FactorIfEnrolled(has func(ctx context.Context, subject string) (bool, error), method string, or ...string) Requirement {
	methods := listOf("FactorIfEnrolled", append([]string{method}, or...))
	if has == nil {
		wiring.Panic("stepup", "the function of FactorIfEnrolled is nil")
	}
	return func(p *policy) {
		p.ifEnrolled = append(p.ifEnrolled, enrolledFactor{methods, has})
		p.names = append(p.names, "factor "+strings.Join(methods, " or ")+" if enrolled")
	}
}

// ACR requires that the authentication context class is one of these values, as the
// authorization server names them (OpenID Connect Core 1.0, section 2). The preferred one is
// first. A value that is not printable ASCII, or has a space or quote, panics, and so does
// Require of two ACR.
func ACR(value string, or ...string) Requirement {
	values := listOf("ACR", append([]string{value}, or...))
	return func(p *policy) {
		if p.acr != nil {
			wiring.Panic("stepup", "ACR is there twice, and a sign-in has one: list the values in one ACR")
		}
		p.acr = values
		p.names = append(p.names, "acr "+strings.Join(values, " or "))
	}
}

// Enroll names the page for a subject that has no factor which satisfies Factor: format.HTML
// redirects browsers to path in place of the login page, with the path of the request as
// next. has reports whether a subject has a factor; its error is 503. path is one of this
// site. The page itself requires [FactorIfEnrolled], and not Factor. Without Factor,
// Require panics.
func Enroll(path string, has func(ctx context.Context, subject string) (bool, error)) Requirement {
	if !localpath.Is(path) {
		wiring.Panic("stepup", "Enroll(%q): write a path of this site, such as \"/factors\"", path)
	}
	if has == nil {
		wiring.Panic("stepup", "the function of Enroll is nil")
	}
	return func(p *policy) {
		if p.has != nil {
			wiring.Panic("stepup", "Enroll is there twice: one page is for all factors of a Require")
		}
		p.enroll, p.has = path, has
		p.names = append(p.names, "enroll "+path)
	}
}

// listOf returns values that fit into a challenge.
func listOf(name string, values []string) []string {
	for _, v := range values {
		if v == "" || strings.ContainsFunc(v, func(c rune) bool { return c <= ' ' || c > '~' || c == '"' || c == '\\' }) {
			wiring.Panic("stepup", "%s: %q is not printable ASCII without spaces and quotes", name, v)
		}
	}
	return values
}
