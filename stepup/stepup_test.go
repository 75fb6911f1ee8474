package stepup_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/format"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/stepup"
)

// A signIn is a credential that the tests make up.
type signIn struct {
	subject string
	at      time.Time
	amr     []string
	acr     string
}

func (s signIn) Sub() string         { return s.subject }
func (s signIn) AuthTime() time.Time { return s.at }
func (s signIn) AMR() []string       { return s.amr }
func (s signIn) ACR() string         { return s.acr }

// as is an authentication step that found s.
func as(s signIn) guard.Middleware {
	return guard.Require(authenticator(func() (signIn, error) { return s, nil }))
}

type authenticator func() (signIn, error)

func (a authenticator) Authenticate(*http.Request) (signIn, error) { return a() }
func (authenticator) Scheme() guard.Scheme                         { return guard.Scheme{Challenge: `Bearer realm="a"`} }

func TestRequire(t *testing.T) {
	ago := func(d time.Duration) time.Time { return time.Now().Add(-d) }
	within := stepup.Within(5 * time.Minute)
	otp := stepup.Factor("otp", "hwk")
	gold := stepup.ACR("gold", "silver")
	has := func(_ context.Context, subject string) (bool, error) { return subject == "has", nil }
	own := stepup.FactorIfEnrolled(has, "otp", "hwk")
	const maxAge, acrValues = `, max_age="300"`, `, acr_values="gold silver"`
	tests := []struct {
		name         string
		requirements []stepup.Requirement
		signIn       signIn
		want         string // "" for success, or the reason
		params       string
	}{
		{"recent", []stepup.Requirement{within}, signIn{at: ago(time.Minute)}, "", ""},
		{"now", []stepup.Requirement{within}, signIn{at: time.Now()}, "", ""},
		{"a clock that is a little fast", []stepup.Requirement{within}, signIn{at: ago(-4 * time.Second)}, "", ""},
		{"too long ago", []stepup.Requirement{within}, signIn{at: ago(5 * time.Minute)}, "too long ago", maxAge},
		{"in the future", []stepup.Requirement{within}, signIn{at: ago(-time.Hour)}, "in the future", maxAge},
		{"far in the future", []stepup.Requirement{within}, signIn{at: time.Unix(1<<40, 0)}, "in the future", maxAge},
		{"in 1970", []stepup.Requirement{within}, signIn{at: time.Unix(0, 0)}, "too long ago", maxAge},
		{"unknown", []stepup.Requirement{within}, signIn{}, "is unknown", maxAge},
		{"the shorter of two", []stepup.Requirement{within, stepup.Within(time.Minute)}, signIn{at: ago(2 * time.Minute)}, "too long ago", `, max_age="60"`},
		{"the shorter of two, first", []stepup.Requirement{stepup.Within(time.Minute), within}, signIn{at: ago(2 * time.Minute)}, "too long ago", `, max_age="60"`},
		{"a factor", []stepup.Requirement{otp}, signIn{amr: []string{"pwd", "hwk"}}, "", ""},
		{"no factor", []stepup.Requirement{otp}, signIn{}, "without a factor", ""},
		{"another factor", []stepup.Requirement{otp}, signIn{amr: []string{"pwd", "OTP", "otp2", ""}}, "without a factor", ""},
		{"one of two factors", []stepup.Requirement{otp, stepup.Factor("pwd")}, signIn{amr: []string{"otp"}}, "without a factor", ""},
		{"two factors", []stepup.Requirement{otp, stepup.Factor("pwd")}, signIn{amr: []string{"pwd", "otp"}}, "", ""},
		{"a class", []stepup.Requirement{gold}, signIn{acr: "silver"}, "", ""},
		{"no class", []stepup.Requirement{gold}, signIn{}, "class is none", acrValues},
		{"another class", []stepup.Requirement{gold}, signIn{acr: "gold silver"}, "class is none", acrValues},
		{"of one who has a factor", []stepup.Requirement{within, own}, signIn{"has", time.Now(), []string{"pwd"}, ""}, "without a factor", maxAge},
		{"of one who has and used it", []stepup.Requirement{within, own}, signIn{"has", time.Now(), []string{"pwd", "otp"}, ""}, "", ""},
		{"of one who has and used it long ago", []stepup.Requirement{within, own}, signIn{"has", ago(time.Hour), []string{"pwd", "otp"}, ""}, "too long ago", maxAge},
		{"of one who has none", []stepup.Requirement{own, within}, signIn{"none", time.Now(), []string{"pwd"}, ""}, "", ""},
		{"of one who has none, long ago", []stepup.Requirement{within, own}, signIn{"none", ago(time.Hour), []string{"pwd"}, ""}, "too long ago", maxAge},
		{"of no one", []stepup.Requirement{within, own}, signIn{"", time.Now(), []string{"pwd"}, ""}, "without a factor", maxAge},
		{"of one who has one of two", []stepup.Requirement{within, own, stepup.FactorIfEnrolled(has, "swk")}, signIn{"has", time.Now(), []string{"otp"}, ""}, "without a factor", maxAge},
		{"all", []stepup.Requirement{within, otp, gold}, signIn{"1", time.Now(), []string{"otp"}, "gold"}, "", ""},
		{"all but the time", []stepup.Requirement{within, otp, gold}, signIn{"1", time.Time{}, []string{"otp"}, "gold"}, "is unknown", acrValues + maxAge},
		{"all but the factor", []stepup.Requirement{within, otp, gold}, signIn{"1", time.Now(), []string{"pwd"}, "gold"}, "without a factor", acrValues + maxAge},
		{"all but the class", []stepup.Requirement{within, otp, gold}, signIn{"1", time.Now(), []string{"otp"}, ""}, "class is none", acrValues + maxAge},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var decisions []guard.Decision
			observe := guard.Observe(func(_ *http.Request, d guard.Decision) { decisions = append(decisions, d) })
			w, reached := harness.Serve(t, guard.Chain(observe, as(tt.signIn), stepup.Require(tt.requirements...)), nil, harness.Request("/"))
			d := decisions[len(decisions)-1]
			if d.Package != "stepup" || d.Guard == "" {
				t.Errorf("%+v", d)
			}
			if tt.want == "" {
				if w.Code != 200 || !reached || d.Outcome != guard.Allowed {
					t.Errorf("%d %s, %+v", w.Code, w.Body, d)
				}
				return
			}
			const body = `{"error":"Unauthorized","message":"Recent authentication required"}`
			if w.Code != 401 || reached || w.Body.String() != body || d.Outcome != guard.Refused || d.Status != 401 || !strings.Contains(d.Reason, tt.want) {
				t.Errorf("%d %s, reached %t, %+v; want %q", w.Code, w.Body, reached, d, tt.want)
			}
			want := []string{`Bearer realm="a", error="insufficient_user_authentication"` + tt.params}
			if got := w.Header()["Www-Authenticate"]; !slices.Equal(got, want) || w.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("challenges %q, want %q", got, want)
			}
		})
	}
}

// TestWithoutSignIn: anonymous clients are refused as the others are; what no client
// could satisfy is a failure of ours.
func TestWithoutSignIn(t *testing.T) {
	none := guard.Optional(authenticator(func() (signIn, error) { return signIn{}, guard.ErrNoCredentials }))
	byHand := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r.WithContext(guard.WithPrincipal(r.Context(), "alice")))
		})
	}
	mapped := guard.Require(guard.Map(authenticator(func() (signIn, error) { return signIn{at: time.Now()}, nil }),
		func(context.Context, signIn) (string, bool, error) { return "alice", true, nil }))
	for _, tt := range []struct {
		name   string
		step   guard.Middleware
		want   int
		reason string
	}{
		{"anonymous", none, 401, "anonymous"},
		{"no step", guard.Chain(), 500, "no authentication step is in front"},
		{"a principal that has signed in nowhere", byHand, 500, "authenticated as string"},
		{"one inside of a step with sign-ins", guard.Chain(as(signIn{at: time.Now()}), byHand), 200, ""},
		{"one inside of a step with another sign-in", guard.Chain(none, byHand), 401, "without a guard.AuthContext"},
		{"a mapped sign-in", mapped, 200, ""},
	} {
		var d guard.Decision
		observe := guard.Observe(func(_ *http.Request, last guard.Decision) { d = last })
		w, reached := harness.Serve(t, guard.Chain(observe, tt.step, stepup.Require(stepup.Within(time.Minute))), nil, harness.Request("/"))
		if w.Code != tt.want || reached != (tt.want == 200) || !strings.Contains(d.Reason, tt.reason) {
			t.Errorf("%s: %d, reached %t, %+v", tt.name, w.Code, reached, d)
		}
	}
}

// TestLookupFails: whether a factor is enrolled is unknown, which allows nothing.
func TestLookupFails(t *testing.T) {
	has := func(context.Context, string) (bool, error) { return false, errors.New("down") }
	var last guard.Decision
	observe := guard.Observe(func(_ *http.Request, d guard.Decision) { last = d })
	manage := stepup.Require(stepup.Within(time.Minute), stepup.FactorIfEnrolled(has, "otp"))
	w, reached := harness.Serve(t, guard.Chain(observe, as(signIn{"1", time.Now(), []string{"pwd"}, ""}), manage), nil, harness.Request("/"))
	if w.Code != 503 || reached || strings.Contains(w.Body.String(), "down") || last.Outcome != guard.Failed || last.Reason != "stepup: whether the subject has a factor: down" {
		t.Errorf("%d %s, reached %t, %+v", w.Code, w.Body, reached, last)
	}
}

// TestBrowser: a page that needs a recent sign-in leads to the login page, and one that
// needs a factor to where it is set up, if the subject has none.
func TestBrowser(t *testing.T) {
	down := errors.New("down")
	has := func(_ context.Context, subject string) (bool, error) {
		if subject == "broken" {
			return false, down
		}
		return subject == "has", nil
	}
	sudo := stepup.Require(stepup.Within(5*time.Minute), stepup.Factor("otp"), stepup.Enroll("/factors?new=1", has))
	const login, enroll = "/login?next=%2Ftransfer%3Fto%3D1", "/factors?new=1&next=%2Ftransfer%3Fto%3D1"
	const html = "text/html"
	for _, tt := range []struct {
		name, method, accept string
		signIn               signIn
		code                 int
		want                 string // Location, or what the body has
	}{
		{"enrolled, and recent", "GET", html, signIn{"has", time.Now(), []string{"otp"}, ""}, 200, ""},
		{"enrolled, and not recent", "GET", html, signIn{"has", time.Time{}, []string{"otp"}, ""}, 303, login},
		{"enrolled, and signed in without the factor", "GET", html, signIn{"has", time.Now(), []string{"pwd"}, ""}, 303, login},
		{"without a factor", "GET", html, signIn{"none", time.Now(), []string{"pwd"}, ""}, 303, enroll},
		{"without a factor, and not recent", "GET", html, signIn{"none", time.Time{}, nil, ""}, 303, enroll},
		{"without a subject", "GET", html, signIn{"", time.Now(), nil, ""}, 303, login},
		{"the lookup fails", "GET", html, signIn{"broken", time.Now(), nil, ""}, 503, "<h1>Service Unavailable</h1>"},
		{"a form of one who signed in long ago", "POST", html, signIn{"has", time.Time{}, []string{"otp"}, ""}, 401, "<h1>Sign in again</h1><p>Recent authentication required</p><p>Nothing was changed. Sign in again, then repeat it.</p><p><a href=\"/login\">"},
		{"a form of one without a factor", "POST", html, signIn{"none", time.Now(), nil, ""}, 401, "<p>Nothing was changed.</p><p><a href=\"/factors?new=1\">Continue</a>"},
		{"a program", "GET", "application/json", signIn{"none", time.Now(), nil, ""}, 401, `"message":"Recent authentication required"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := harness.Request("/transfer?to=1", "Accept", tt.accept)
			r.Method = tt.method
			w, reached := harness.Serve(t, guard.Chain(guard.OnError(format.HTML("/login", nil)), as(tt.signIn), sudo), nil, r)
			if w.Code != tt.code || reached != (tt.code == 200) {
				t.Fatalf("%d %s, reached %t", w.Code, w.Body, reached)
			}
			if got := w.Header().Get("Location"); tt.code == 303 && got != tt.want || tt.code != 303 && !strings.Contains(w.Body.String(), tt.want) {
				t.Errorf("Location %q, %s; want %q", got, w.Body, tt.want)
			}
			if strings.Contains(w.Body.String(), "down") {
				t.Error("the failure's text is in the answer")
			}
		})
	}
}

func TestWiring(t *testing.T) {
	has := func(context.Context, string) (bool, error) { return true, nil }
	for want, f := range map[string]func(){
		"needs Within, Factor or ACR":             func() { stepup.Require() },
		"Require needs Within":                    func() { stepup.Require(stepup.Enroll("/factors", has)) },
		"a Requirement is nil":                    func() { stepup.Require(nil) },
		"the handler to wrap is nil":              func() { stepup.Require(stepup.Factor("otp"))(nil) },
		"Within(0s)":                              func() { stepup.Within(0) },
		"Within(-1m0s)":                           func() { stepup.Within(-time.Minute) },
		"Within(300ns)":                           func() { stepup.Within(300) },
		`Factor: ""`:                              func() { stepup.Factor("otp", "") },
		`ACR: "a b"`:                              func() { stepup.ACR("a b") },
		`ACR: "a\"" is not printable`:             func() { stepup.ACR(`a"`) },
		`ACR: "é" is not printable`:               func() { stepup.ACR("é") },
		"ACR is there twice":                      func() { stepup.Require(stepup.ACR("a"), stepup.ACR("b")) },
		`Enroll("//evil.example")`:                func() { stepup.Enroll("//evil.example", has) },
		`Enroll("https://evil.example/")`:         func() { stepup.Enroll("https://evil.example/", has) },
		"Enroll needs Factor":                     func() { stepup.Require(stepup.Within(time.Minute), stepup.Enroll("/factors", has)) },
		"FactorIfEnrolled needs Within":           func() { stepup.Require(stepup.FactorIfEnrolled(has, "otp"), stepup.ACR("a")) },
		"FactorIfEnrolled needs Within: it":       func() { stepup.Require(stepup.FactorIfEnrolled(has, "otp")) },
		"the function of FactorIfEnrolled is nil": func() { stepup.FactorIfEnrolled(nil, "otp") },
		`FactorIfEnrolled: ""`:                    func() { stepup.FactorIfEnrolled(has, "") },
		"Enroll is there twice": func() {
			stepup.Require(stepup.Factor("otp"), stepup.Enroll("/a", has), stepup.Enroll("/b", has))
		},
		"the function of Enroll is nil": func() { stepup.Enroll("/factors", nil) },
	} {
		func() {
			defer func() {
				if got, _ := recover().(string); !strings.HasPrefix(got, "stepup: ") || !strings.Contains(got, want) {
					t.Errorf("panic %q, want %q", got, want)
				}
			}()
			f()
		}()
	}
}

func TestAllocations(t *testing.T) {
	h := guard.Chain(as(signIn{"1", time.Now(), []string{"otp"}, "gold"}))(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		passed := stepup.Require(stepup.Within(time.Minute), stepup.Factor("otp"), stepup.ACR("gold"))(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		if n := testing.AllocsPerRun(100, func() { passed.ServeHTTP(nil, r) }); n > 1 { // the credential as an interface
			t.Errorf("%v allocations", n)
		}
	}))
	h.ServeHTTP(harness.NewDiscard(), harness.Request("/"))
}
