package interop_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/go-guard/guard/interop"
)

func TestConnect(t *testing.T) {
	server := httptest.NewServer(interop.Connect(interop.NewGuards()))
	t.Cleanup(server.Close)
	tests := []struct {
		name, key, post, procedure string
		code                       connect.Code // 0: success
		want                       string
	}{
		{"anonymous", "", "1", interop.ShowPost, connect.CodeUnauthenticated, "API key required"},
		{"anonymous, missing", "", "99", interop.ShowPost, connect.CodeUnauthenticated, "API key required"},
		{"unknown key", "key_eve", "1", interop.ShowPost, connect.CodeUnauthenticated, "Invalid API key"},
		{"no permission", "key_carol", "99", interop.ShowPost, connect.CodePermissionDenied, "Permission 'posts:read' required"},
		{"missing", "key_bob", "99", interop.ShowPost, connect.CodeNotFound, ""},
		{"reads", "key_bob", "1", interop.ShowPost, 0, "{User:Bob Write:true Post:Post 1}"},
		{"owner writes", "key_bob", "2", interop.EditPost, 0, "{User:Bob Write:true Post:Post 2}"},
		{"other's post", "key_bob", "1", interop.EditPost, connect.CodePermissionDenied, ""},
		{"not admin", "key_bob", "99", interop.DeletePost, connect.CodePermissionDenied, ""},
		{"admin", "key_alice", "1", interop.DeletePost, 0, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			client := connect.NewClient[emptypb.Empty, wrapperspb.StringValue](http.DefaultClient, server.URL+"/posts/"+tt.post+tt.procedure)
			call := connect.NewRequest(&emptypb.Empty{})
			if tt.key != "" {
				call.Header().Set("X-API-Key", tt.key)
			}
			res, err := client.CallUnary(context.Background(), call)
			if tt.code == 0 {
				if err != nil || res.Msg.Value != tt.want {
					t.Fatalf("got %v, %v; want %q", res, err, tt.want)
				}
				return
			}
			var refused *connect.Error
			if !errors.As(err, &refused) || refused.Code() != tt.code || !strings.Contains(refused.Message(), tt.want) {
				t.Fatalf("got %v, want %v: %s", err, tt.code, tt.want)
			}
			if tt.code == connect.CodeUnauthenticated && refused.Meta().Get("WWW-Authenticate") == "" {
				t.Error("no challenge")
			}
		})
	}
}

// TestConnectErrorsAsJSON: clients that do not use the Connect protocol get JSON errors.
func TestConnectErrorsAsJSON(t *testing.T) {
	server := httptest.NewServer(interop.Connect(interop.NewGuards()))
	t.Cleanup(server.Close)
	got := send(t, "POST", server.URL+"/posts/1"+interop.ShowPost, nil)
	if got.status != 401 || got.body != `{"error":"Unauthorized","message":"API key required"}` {
		t.Errorf("got %d %s", got.status, got.body)
	}
}
