package client

import (
	"context"
	"net/http"
)

// Server is a server in memory without faults, for the examples.
type Server struct{ world *world }

// NewServer starts an empty server. It ends with its connections.
func NewServer() *Server {
	w := newWorld(1)
	w.calm = true
	return &Server{w}
}

// As returns a transport that connects as a user.
func (s *Server) As(user string) Transport { return as{s.world, user} }

type as struct {
	world *world
	user  string
}

func (a as) Dial(ctx context.Context, url string, _ http.Header) (Conn, error) {
	return a.world.Dial(ctx, url, http.Header{"User": {a.user}})
}
