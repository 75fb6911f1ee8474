package interop

import (
	"context"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/go-guard/guard"
)

// Gin mounts the routes on gin. Handlers read the context of c.Request.
func Gin(g *Guards) http.Handler {
	e := gin.New()
	posts := e.Group("/posts/:id", GinGuard(g.Keys.Wrap), GinGuard(g.Roles.RequireAll(Read)))
	posts.GET("", GinGuard(g.Posts.Load), func(c *gin.Context) {
		ctx := c.Request.Context()
		user, _ := guard.PrincipalFrom[User](ctx)
		c.JSON(http.StatusOK, g.view(ctx, user))
	})
	posts.PUT("", GinGuard(g.Posts.Require(ByAuthor)), gin.WrapF(g.Show))
	posts.DELETE("", GinGuard(guard.Chain(g.Roles.RequireRole("admin"), g.Posts.Load)), gin.WrapF(g.Delete))
	e.GET("/stream", GinGuard(g.Keys.Wrap), gin.WrapF(g.Stream))
	e.GET("/hijack", GinGuard(g.Keys.Wrap), gin.WrapF(g.Hijack))
	return e
}

// GinGuard adapts a guard to gin's middleware. It sets the path values from gin's
// parameters, and aborts the chain if the guard refuses the request.
func GinGuard(m guard.Middleware) gin.HandlerFunc {
	type key struct{}
	type call struct {
		c      *gin.Context
		passed bool
	}
	h := m(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		call := r.Context().Value(key{}).(*call)
		call.passed, call.c.Request = true, r
		call.c.Next()
	}))
	return func(c *gin.Context) {
		call := &call{c: c}
		r := c.Request.WithContext(context.WithValue(c.Request.Context(), key{}, call))
		for _, p := range c.Params {
			r.SetPathValue(p.Key, p.Value)
		}
		h.ServeHTTP(c.Writer, r)
		if !call.passed {
			c.Abort()
		}
	}
}
