package main_test

import (
	"testing"
)

// TestStepUp: an action that needs a recent sign-in with a second factor.
func TestStepUp(t *testing.T) {
	t.Parallel()
	p := start(t)
	challenge := []string{`WWW-Authenticate: Session error="insufficient_user_authentication", max_age="300"`}
	html := []string{"Accept: text/html"}
	plain := p.signIn(t, bob)
	p.rows(t, []row{
		{"anonymous", call{do: "POST /stepup/transfer"}, 401, notRecent, challenge},
		{"anonymous, to read", call{do: "GET /stepup/transfer"}, 401, notRecent, challenge},
		{"a browser", call{do: "GET /stepup/transfer", header: html}, 303, "", []string{"Location: /app/login?next=%2Fstepup%2Ftransfer"}},
		{"by the password alone", call{do: "POST /stepup/transfer", header: cookie(plain)}, 401, notRecent, challenge},
		{"by the password alone, a browser", call{do: "GET /stepup/transfer", header: append(html, cookie(plain)...)}, 303, "", []string{"Location: /app/login?next=%2Fstepup%2Ftransfer"}},
		{"a browser's form", call{do: "POST /stepup/transfer", header: append(html, cookie(plain)...)}, 401, "~/app/login", challenge},
	})
	link := newPerson()
	row{status: 200, body: loggedIn}.check(t, link.post(t, p, "/link/login", map[string]string{"token": p.link(t, "/link/login", "bob@example.com")}))
	row{call: call{do: "by a link"}, status: 401, body: notRecent}.check(t, link.do(t, p, call{do: "POST /stepup/transfer"}))

	_, secret, recovery := enroll(t, p, bob)
	for name, code := range map[string]string{"a code": codeAt(secret, 0), "a recovery code": recovery[0]} {
		v := half(t, p, "/session/login", bob)
		row{status: 200}.check(t, v.verify(t, p, code))
		row{call: call{do: name}, status: 200, body: transferred}.check(t, v.do(t, p, call{do: "POST /stepup/transfer"}))
		row{call: call{do: name + ", page"}, status: 200, body: `~(?s)<form method="post" action="/stepup/transfer">`, header: []string{"Cache-Control: no-store"}}.
			check(t, v.do(t, p, call{do: "GET /stepup/transfer", header: html}))
		row{call: call{do: name + ", form"}, status: 200, body: `~<h1>Transferred</h1>`}.check(t, v.do(t, p, call{do: "POST /stepup/transfer", header: html}))
		row{call: call{do: name + ", another site"}, status: 403}.check(t, v.do(t, p, call{do: "POST /stepup/transfer", header: []string{"Sec-Fetch-Site: cross-site"}}))
	}
}
