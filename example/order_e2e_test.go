package main_test

import "testing"

// TestOrder is the guide's order table for each route that has a resource: who
// learns what about one that exists and one that does not. 0 is a column that
// a route does not have.
func TestOrder(t *testing.T) {
	t.Parallel()
	p := start(t)
	for _, tt := range []struct {
		login, do                         string // the id is behind do
		existing, own                     string // of nobody who asks, but own is bob's
		anonymous, user, moderator, owner int    // for what exists
		missingUser, missingModerator     int
	}{
		{"/jwt/login", "DELETE /rbac/posts/", "1", "2", 401, 403, 204, 403, 403, 404},
		{"/jwt/login", "DELETE /permissions/users/", "1", "2", 401, 403, 403, 403, 403, 403},
		{"/jwt/login", "PUT /owner/posts/", "1", "2", 401, 403, 403, 200, 404, 404},
		{"/complete/login", "DELETE /complete/posts/", "1", "2", 401, 403, 403, 204, 404, 404},
		{"/complete/login", "GET /complete/posts/", "1", "3", 401, 200, 200, 200, 404, 404},
	} {
		t.Run(tt.do, func(t *testing.T) {
			admin, user, moderator := p.logins(t, tt.login)
			ask := func(id string, h []string) call { return call{do: tt.do + id, header: h, body: "{}"} }
			p.rows(t, []row{
				{"anonymous, existing", ask(tt.existing, nil), tt.anonymous, e(401, ""), nil},
				{"anonymous, missing", ask("99", nil), tt.anonymous, e(401, ""), nil},
				{"user, missing", ask("99", user), tt.missingUser, "", nil},
				{"moderator, missing", ask("99", moderator), tt.missingModerator, "", nil},
				{"admin, missing", ask("99", admin), 404, e(404, ""), nil},
				{"user, another's", ask(tt.existing, user), tt.user, "", nil},
				{"owner", ask(tt.own, user), tt.owner, "", nil},
				{"moderator, another's", ask(tt.existing, moderator), tt.moderator, "", nil},
			})
			// What strangers get is the same to the byte, whatever there is.
			one, other := p.send(t, ask(tt.existing, nil)), p.send(t, ask("99", nil))
			one.header.Del("Date")
			other.header.Del("Date")
			if one.String() != other.String() {
				t.Errorf("%v, but %v", one, other)
			}
		})
	}
}
