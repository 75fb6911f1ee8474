package main_test

import (
	"strings"
	"testing"
)

const (
	everyone = `{"users":[{"id":"1","email":"alice@example.com","role":"admin"},{"id":"2","email":"bob@example.com","role":"user"},{"id":"3","email":"carol@example.com","role":"moderator"}]}`
	post2    = `{"id":"2","title":"Post 2","author_id":"2","published":true}`
)

// logins are the headers of every kind of caller.
func (p *process) logins(t *testing.T, path string) (admin, user, moderator []string) {
	t.Helper()
	return bearer(p.login(t, path, alice).Access), bearer(p.login(t, path, bob).Access), bearer(p.login(t, path, carol).Access)
}

func TestRBAC(t *testing.T) {
	t.Parallel()
	p := start(t)
	admin, user, moderator := p.logins(t, "/jwt/login")
	unknown := bearer(sign(secret, hs256, claims("jwt", map[string]any{"role": "root"})))
	users := func(h []string) call { return call{do: "GET /rbac/admin/users", header: h} }
	remove := func(id string, h []string) call { return call{do: "DELETE /rbac/posts/" + id, header: h} }
	needsAdmin, needsModerator := e(403, "Admin access required"), e(403, "Moderator or admin access required")
	p.rows(t, []row{
		{"anonymous", users(nil), 401, e(401, "JWT token required"), nil},
		{"user", users(user), 403, needsAdmin, nil},
		{"moderator", users(moderator), 403, needsAdmin, nil},
		{"unknown role", users(unknown), 403, needsAdmin, nil},
		{"admin", users(admin), 200, everyone, nil},
		{"delete, anonymous", remove("2", nil), 401, e(401, "JWT token required"), nil},
		{"delete, anonymous, missing", remove("9", nil), 401, e(401, "JWT token required"), nil},
		{"delete, user", remove("2", user), 403, needsModerator, nil},
		{"delete, user, missing", remove("9", user), 403, needsModerator, nil},
		{"delete, unknown role", remove("2", unknown), 403, needsModerator, nil},
		{"delete, moderator, missing", remove("9", moderator), 404, e(404, ""), nil},
		{"delete, moderator", remove("2", moderator), 204, "", nil},
		{"delete, moderator, again", remove("2", moderator), 404, e(404, ""), nil},
		{"delete, admin", remove("1", admin), 204, "", nil},
		{"each prefix has its own posts", call{do: "GET /optional/posts", header: user}, 200, "~Post 1.*Post 2.*Draft", nil},
	})
}

func TestPermissions(t *testing.T) {
	t.Parallel()
	p := start(t)
	admin, user, moderator := p.logins(t, "/jwt/login")
	unknown := bearer(sign(secret, hs256, claims("jwt", map[string]any{"role": "root"})))
	missing := bearer(sign(secret, hs256, claims("jwt", map[string]any{"role": nil})))
	users := func(h []string) call { return call{do: "GET /permissions/users", header: h} }
	remove := func(id string, h []string) call { return call{do: "DELETE /permissions/users/" + id, header: h} }
	needsRead, needsDelete := e(403, "Permission 'users:read' required"), e(403, "Permission 'users:delete' required")
	p.rows(t, []row{
		{"anonymous", users(nil), 401, e(401, "JWT token required"), nil},
		{"user", users(user), 403, needsRead, nil},
		{"unknown role", users(unknown), 403, needsRead, nil},
		{"missing role", users(missing), 403, needsRead, nil},
		{"moderator", users(moderator), 200, everyone, nil},
		{"admin", users(admin), 200, everyone, nil},
		{"delete, anonymous", remove("3", nil), 401, e(401, "JWT token required"), nil},
		{"delete, anonymous, missing", remove("9", nil), 401, e(401, "JWT token required"), nil},
		{"delete, user", remove("3", user), 403, needsDelete, nil},
		{"delete, moderator", remove("3", moderator), 403, needsDelete, nil},
		{"delete, moderator, missing", remove("9", moderator), 403, needsDelete, nil},
		{"delete, admin, missing", remove("9", admin), 404, e(404, ""), nil},
		{"delete, admin", remove("3", admin), 204, "", nil},
		{"gone", users(admin), 200, strings.Replace(everyone, `,{"id":"3","email":"carol@example.com","role":"moderator"}`, "", 1), nil},
		{"each prefix has its own users", call{do: "GET /rbac/admin/users", header: admin}, 200, everyone, nil},
	})
}

func TestOwner(t *testing.T) {
	t.Parallel()
	p := start(t)
	admin, user, moderator := p.logins(t, "/jwt/login")
	put := func(id, body string, h []string) call {
		return call{do: "PUT /owner/posts/" + id, header: h, body: body}
	}
	own := e(403, "You can only edit your own posts")
	p.rows(t, []row{
		{"anonymous", put("2", `{}`, nil), 401, e(401, "JWT token required"), nil},
		{"anonymous, missing", put("9", `{}`, nil), 401, e(401, "JWT token required"), nil},
		{"anonymous, bad body", put("9", `{`, nil), 401, e(401, "JWT token required"), nil},
		{"another user", put("1", `{"title":"Mine"}`, user), 403, own, nil},
		{"a moderator", put("2", `{"title":"Mine"}`, moderator), 403, own, nil},
		{"another user, bad body", put("1", `{`, user), 403, own, nil},
		{"missing", put("9", `{"title":"New"}`, user), 404, e(404, ""), nil},
		{"admin, missing", put("9", `{"title":"New"}`, admin), 404, e(404, ""), nil},
		{"owner, nothing", put("2", `{}`, user), 200, post2, nil},
		{"owner, bad body", put("2", `{"title":`, user), 400, e(400, ""), nil},
		{"owner, no body", put("2", "", user), 400, e(400, ""), nil},
		{"owner, a number for a title", put("2", `{"title":7}`, user), 400, e(400, ""), nil},
		{"owner", put("2", `{"title":"New"}`, user), 200, strings.Replace(post2, "Post 2", "New", 1), nil},
		{"id and author stay", put("2", `{"id":"1","author_id":"1","ID":"1","AUTHOR_ID":"1","title":"Post 2"}`, user), 200, post2, nil},
		{"still the owner's", put("2", `{"published":false}`, user), 200, strings.Replace(post2, "true", "false", 1), nil},
		{"admin", put("2", `{"published":true}`, admin), 200, post2, nil},
		{"admin, own", put("1", `{}`, admin), 200, `{"id":"1","title":"Post 1","author_id":"1","published":true}`, nil},
	})
}

func TestOptional(t *testing.T) {
	t.Parallel()
	p := start(t)
	token := p.login(t, "/jwt/login", bob).Access
	get := func(path, token string) call {
		c := call{do: "GET " + path}
		if token != "" {
			c.header = bearer(token)
		}
		return c
	}
	expired := sign(secret, hs256, claims("jwt", map[string]any{"exp": 1}))
	public := `{"posts":[{"id":"1","title":"Post 1","published":true},{"id":"2","title":"Post 2","published":true}]}`
	all := `{"posts":[{"id":"1","title":"Post 1","author_id":"1","published":true},` + post2 + `,{"id":"3","title":"Draft","author_id":"2","published":false}]}`
	always := []string{"Vary: ~Authorization", "Cache-Control: private"}
	refused := []string{"Vary: ~Authorization", "WWW-Authenticate: ~^Bearer"}
	p.rows(t, []row{
		{"anonymous", get("/optional/posts", ""), 200, public, always},
		{"valid", get("/optional/posts", token), 200, all, always},
		{"invalid", get("/optional/posts", "garbage"), 200, public, always},
		{"expired", get("/optional/posts", expired), 200, public, always},
		{"other scheme", call{do: "GET /optional/posts", header: []string{"Authorization: Basic eDp5"}}, 200, public, always},
		{"twice", call{do: "GET /optional/posts", header: append(bearer(token), bearer(token)...)}, 400, e(400, ""), nil},
		{"strict, anonymous", get("/optional/strict/posts", ""), 200, public, always},
		{"strict, valid", get("/optional/strict/posts", token), 200, all, always},
		{"strict, invalid", get("/optional/strict/posts", "garbage"), 401, e(401, "Invalid token"), refused},
		{"strict, expired", get("/optional/strict/posts", expired), 401, e(401, "Token expired"), refused},
	})
}
