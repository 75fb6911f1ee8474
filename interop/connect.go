package interop

import (
	"context"
	"fmt"
	"net/http"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/go-guard/guard"
)

// The procedures of a service. Generated code would hold these.
const (
	ShowPost   = "/posts.v1.Posts/Show"
	EditPost   = "/posts.v1.Posts/Edit"
	DeletePost = "/posts.v1.Posts/Delete"
)

// Connect mounts the procedures of a connect-go service, whose handlers are
// http.Handlers. Guards wrap them, and the procedure reads the context.
//
// The procedure reads the body, so that owner's loader must identify the resource by
// the path: the client's base address includes the resource, as in
// NewClient(http, base+"/posts/1"+ShowPost). If the message identifies the resource,
// load it in the procedure and compare with owner.Same.
func Connect(g *Guards) http.Handler {
	reader := guard.Chain(ConnectErrors, g.Keys.Wrap, g.Roles.RequireAll(Read))
	show := connect.NewUnaryHandler(ShowPost, g.show)
	remove := connect.NewUnaryHandler(DeletePost, g.remove)

	mux := http.NewServeMux()
	mux.Handle("POST /posts/{id}"+ShowPost, guard.Chain(reader, g.Posts.Load)(show))
	mux.Handle("POST /posts/{id}"+EditPost, guard.Chain(reader, g.Posts.Require(ByAuthor))(show))
	mux.Handle("POST /posts/{id}"+DeletePost, guard.Chain(reader, g.Roles.RequireRole("admin"), g.Posts.Load)(remove))
	return mux
}

func (g *Guards) show(ctx context.Context, _ *connect.Request[emptypb.Empty]) (*connect.Response[wrapperspb.StringValue], error) {
	user, _ := guard.PrincipalFrom[User](ctx)
	return connect.NewResponse(wrapperspb.String(fmt.Sprintf("%+v", g.view(ctx, user)))), nil
}

func (g *Guards) remove(ctx context.Context, _ *connect.Request[emptypb.Empty]) (*connect.Response[emptypb.Empty], error) {
	_ = g.Posts.From(ctx)
	return connect.NewResponse(&emptypb.Empty{}), nil
}

// ConnectErrors is the error format for clients that use the Connect protocol: they
// get the message and the code of the protocol. Other clients get JSON.
var ConnectErrors = guard.OnError(func(w http.ResponseWriter, r *http.Request, e *guard.Error) {
	code, supported := map[int]connect.Code{
		400: connect.CodeInvalidArgument, 401: connect.CodeUnauthenticated, 403: connect.CodePermissionDenied,
		404: connect.CodeNotFound, 429: connect.CodeResourceExhausted, 503: connect.CodeUnavailable,
	}[e.Status], connectWriter.IsSupported(r)
	if !supported {
		guard.JSON(w, r, e)
		return
	}
	if code == 0 {
		code = connect.CodeInternal
	}
	connectWriter.Write(w, r, connect.NewError(code, fmt.Errorf("%s", e.Message)))
})

var connectWriter = connect.NewErrorWriter()
