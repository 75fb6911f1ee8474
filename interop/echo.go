package interop

import (
	"net/http"

	"github.com/labstack/echo/v5"

	"github.com/go-guard/guard"
)

// Echo mounts the routes on echo, whose WrapMiddleware accepts every guard and sets the
// path values. Handlers read the context of c.Request(). Middleware of Use runs after
// routing, middleware of Pre before it.
func Echo(g *Guards) http.Handler {
	wrap := echo.WrapMiddleware
	e := echo.New()
	posts := e.Group("/posts/:id", wrap(g.Keys.Wrap), wrap(g.Roles.RequireAll(Read)))
	posts.GET("", func(c *echo.Context) error {
		ctx := c.Request().Context()
		user, _ := guard.PrincipalFrom[User](ctx)
		return c.JSON(http.StatusOK, g.view(ctx, user))
	}, wrap(g.Posts.Load))
	posts.PUT("", echo.WrapHandler(http.HandlerFunc(g.Show)), wrap(g.Posts.Require(ByAuthor)))
	posts.DELETE("", echo.WrapHandler(http.HandlerFunc(g.Delete)), wrap(g.Roles.RequireRole("admin")), wrap(g.Posts.Load))
	e.GET("/stream", echo.WrapHandler(http.HandlerFunc(g.Stream)), wrap(g.Keys.Wrap))
	e.GET("/hijack", echo.WrapHandler(http.HandlerFunc(g.Hijack)), wrap(g.Keys.Wrap))
	return e
}
