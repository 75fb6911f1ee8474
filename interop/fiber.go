package interop

import (
	"net/http"
	"strings"

	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/middleware/adaptor"

	"github.com/go-guard/guard"
)

// Fiber mounts the routes on fiber, which does not use net/http. FiberHandler adapts a
// guarded net/http handler, including streaming and hijacking. FiberGuard adapts a
// guard to fiber's handlers, which read c.Context(). UnescapePath decodes parameters
// as every other router does.
func Fiber(g *Guards) *fiber.App {
	reader := guard.Chain(g.Keys.Wrap, g.Roles.RequireAll(Read))

	app := fiber.New(fiber.Config{UnescapePath: true})
	app.Get("/posts/:id", FiberGuard(guard.Chain(reader, g.Posts.Load)), func(c fiber.Ctx) error {
		user, _ := guard.PrincipalFrom[User](c.Context())
		return c.JSON(g.view(c.Context(), user))
	})
	app.Put("/posts/:id", FiberHandler(guard.Chain(reader, g.Posts.Require(ByAuthor))(http.HandlerFunc(g.Show))))
	app.Delete("/posts/:id", FiberHandler(guard.Chain(reader, g.Roles.RequireRole("admin"), g.Posts.Load)(http.HandlerFunc(g.Delete))))
	app.Get("/stream", FiberHandler(g.Keys.Wrap(http.HandlerFunc(g.Stream))))
	app.Get("/hijack", FiberHandler(g.Keys.Wrap(http.HandlerFunc(g.Hijack))))
	return app
}

// FiberHandler adapts a net/http handler, and sets the path values from fiber's
// parameters. Of repeated header fields the adaptor retains only the last; FiberHandler
// restores the others, since a request with two credentials must be refused.
func FiberHandler(h http.Handler) fiber.Handler {
	type key struct{}
	type call struct {
		params map[string]string
		header http.Header
	}
	serve := adaptor.HTTPHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		call := r.Context().Value(key{}).(call)
		for name, value := range call.params {
			r.SetPathValue(name, value)
		}
		for name, values := range call.header {
			if len(values) > 1 {
				r.Header[name] = values
			}
		}
		h.ServeHTTP(w, r)
	}))
	return func(c fiber.Ctx) error {
		call := call{map[string]string{}, http.Header{}}
		for _, name := range c.Route().Params {
			call.params[name] = strings.Clone(c.Params(name)) // fiber reuses the memory of its strings
		}
		for name, value := range c.Request().Header.All() {
			call.header.Add(string(name), string(value))
		}
		c.RequestCtx().SetUserValue(key{}, call)
		return serve(c)
	}
}

// FiberGuard adapts a guard to fiber's middleware. Subsequent handlers find the values
// of the guard in c.Context().
func FiberGuard(m guard.Middleware) fiber.Handler {
	type key struct{}
	serve := FiberHandler(m(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		*r.Context().Value(key{}).(**http.Request) = r
	})))
	return func(c fiber.Ctx) error {
		var passed *http.Request
		c.RequestCtx().SetUserValue(key{}, &passed)
		if err := serve(c); err != nil || passed == nil {
			return err
		}
		c.SetContext(passed.Context())
		return c.Next()
	}
}
