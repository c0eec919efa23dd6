package console

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"time"

	"github.com/gapless-rooms/gapless/localdev/gateway"
	"github.com/gapless-rooms/gapless/pkg/connection"
	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// page is what browsers load.
//
//go:embed page
var page embed.FS

// Handler serves the page and what it asks for, to this machine's own
// browsers: see guard.
func (c *Console) Handler() http.Handler {
	files, err := fs.Sub(page, "page")
	if err != nil {
		panic(err) // the directory is embedded above
	}
	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServerFS(files))
	mux.HandleFunc("GET /api/events", c.events)
	mux.HandleFunc("GET /api/config", c.config)
	mux.HandleFunc("POST /api/token", c.token)
	mux.HandleFunc("POST /api/advance", c.advance)
	mux.HandleFunc("POST /api/fault/{fault}", c.fault)
	return guard(mux, c.url)
}

func (c *Console) events(w http.ResponseWriter, r *http.Request) {
	c.board.serve(w, r, func() { c.refresh(r.Context()) })
}

func (c *Console) config(w http.ResponseWriter, _ *http.Request) {
	answer(w, struct {
		URL string `json:"url"`
	}{c.url})
}

// token signs a token for any user, as `gapless token` does.
func (c *Console) token(w http.ResponseWriter, r *http.Request) {
	var ask struct{ User string }
	if !read(w, r, &ask) {
		return
	}
	if !protocol.ValidUser(ask.User) {
		refuse(w, http.StatusBadRequest, "a user is 1 to 128 bytes without control characters")
		return
	}
	token, err := c.stack.Token(ask.User, nil)
	if err != nil {
		refuse(w, http.StatusInternalServerError, err.Error())
		return
	}
	answer(w, struct {
		Token string `json:"token"`
	}{token})
}

// maxAdvance bounds one step of time: to go on in steps lets clients live
// through it.
const maxAdvance = 24 * time.Hour

// settle bounds how long a step of time waits for what it has started.
const settle = 5 * time.Second

// advance moves the stack's time forward when no function runs, and answers
// when those that this has started are done.
func (c *Console) advance(w http.ResponseWriter, r *http.Request) {
	var ask struct{ Seconds int64 }
	if !read(w, r, &ask) {
		return
	}
	step := time.Duration(ask.Seconds) * time.Second
	if ask.Seconds <= 0 || step > maxAdvance {
		refuse(w, http.StatusBadRequest, "seconds must be 1 to 86400")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), settle)
	defer cancel()
	// A function that runs would have run for so long and time out. One that
	// goes on all the same is seen on the page.
	_ = c.stack.Lambda.Idle(ctx)
	c.stack.Advance(step)
	_ = c.stack.Lambda.Idle(ctx)
	c.touch()
	answer(w, clockView{At: c.stack.Clock.Now().UnixMilli(), OffsetMs: c.offset().Milliseconds()})
}

// fault breaks something: {fault} names it, the body may name a connection.
func (c *Console) fault(w http.ResponseWriter, r *http.Request) {
	var ask struct{ Connection string }
	if !read(w, r, &ask) {
		return
	}
	var err error
	switch name := r.PathValue("fault"); name {
	case "kill-broadcaster":
		err = c.faults.killBroadcaster()
	case "sweep":
		err = c.stack.Sweep(r.Context())
	default:
		err = c.faults.connectionFault(r.Context(), c.view, name, ask.Connection)
	}
	c.touch()
	switch {
	case err == nil:
		answer(w, struct{}{})
	case errors.Is(err, gateway.ErrNoConnection), errors.Is(err, connection.ErrNotFound), errors.Is(err, errNoToken):
		refuse(w, http.StatusConflict, "the connection is not there any more, or not yet")
	case errors.Is(err, errElsewhere):
		refuse(w, http.StatusConflict, err.Error())
	case errors.Is(err, errUnknownFault):
		refuse(w, http.StatusNotFound, err.Error())
	default:
		refuse(w, http.StatusInternalServerError, err.Error())
	}
}

// maxBody bounds a request.
const maxBody = 4 << 10

func read(w http.ResponseWriter, r *http.Request, into any) bool {
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(into); err != nil {
		refuse(w, http.StatusBadRequest, "the body is not the JSON object that this takes")
		return false
	}
	return true
}

func answer(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(value) // the page is gone
}

func refuse(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(struct { // the page is gone
		Message string `json:"message"`
	}{message})
}
