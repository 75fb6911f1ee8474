package guardtest_test

import (
	"fmt"
	"net/http/httptest"

	"github.com/go-guard/guard/guardtest"
)

// Every guard inside Observe is recorded.
func ExampleRecorder_Observe() {
	var rec guardtest.Recorder
	h := rec.Observe(Routes(guardtest.Authenticator[User]()))

	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/profile", nil))
	fmt.Println(&rec)
	// Output: guardtest: refused 401: guard: no credentials
}

// A test of a single decision.
func ExampleRecorder_Decisions() {
	var rec guardtest.Recorder
	h := rec.Observe(Routes(guardtest.Authenticator[User]()))

	r := guardtest.As(httptest.NewRequest("GET", "/profile", nil), User{"2", "user"}, guardtest.Session("2", Profile{"Bob"}))
	h.ServeHTTP(httptest.NewRecorder(), r)
	for _, d := range rec.Decisions() {
		fmt.Println(d.Package, d.Outcome, d.Subject)
	}
	// Output: guardtest allowed 2
}

// One recorder for several requests.
func ExampleRecorder_Reset() {
	var rec guardtest.Recorder
	h := rec.Observe(Routes(guardtest.Authenticator[User]()))

	for _, path := range []string{"/profile", "/admin/users"} {
		rec.Reset()
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", path, nil))
		fmt.Println(path, len(rec.Decisions()))
	}
	// Output:
	// /profile 1
	// /admin/users 1
}
