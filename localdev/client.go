package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/coder/websocket"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// clientFlags say where to connect and as whom.
type clientFlags struct {
	secretFlag
	URL   string `default:"ws://localhost:3001/local" help:"WebSocket URL, local or deployed." env:"GAPLESS_URL"`
	User  string `default:"cli" help:"User to sign a token for."`
	Token string `help:"Token to use rather than signing one." env:"GAPLESS_TOKEN"`
}

// defaultURL is where `make dev` listens; it stands in a tag of clientFlags too.
const defaultURL = "ws://localhost:3001/local"

// client is one connection of the command line.
type client struct {
	socket *websocket.Conn
	nextID int
}

// frame is any frame of the server.
type frame struct {
	ID    int             `json:"id"`
	OK    jsontext.Value  `json:"ok"`
	Error *protocol.Error `json:"error"`

	Push     protocol.Push    `json:"push"`
	Room     string           `json:"room"`
	Epoch    string           `json:"epoch"`
	Messages []protocol.Entry `json:"messages"`
	User     string           `json:"user"`
	Data     jsontext.Value   `json:"data"`
	Joined   []string         `json:"joined"`
	Left     []string         `json:"left"`
	Reason   string           `json:"reason"`
}

// page is a join result as a client sees it.
type page struct {
	Epoch     string           `json:"epoch"`
	Head      uint64           `json:"head"`
	Recovered bool             `json:"recovered"`
	Messages  []protocol.Entry `json:"messages"`
	More      bool             `json:"more"`
}

const dialTimeout = 10 * time.Second

// dial connects and authenticates.
func (f clientFlags) dial(ctx context.Context) (*client, error) {
	token := f.Token
	if token == "" {
		var err error
		if token, err = f.sign(f.User, time.Hour, nil); err != nil {
			return nil, err
		}
	}
	dialing, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	socket, response, err := websocket.Dial(dialing, f.URL, &websocket.DialOptions{
		HTTPHeader: http.Header{"Authorization": {"Bearer " + token}},
	})
	if err != nil {
		if response != nil {
			return nil, fmt.Errorf("connect to %s: refused with %s", f.URL, response.Status)
		}
		return nil, fmt.Errorf("connect to %s (is `make dev` running?): %w", f.URL, err)
	}
	socket.SetReadLimit(1 << 20)
	return &client{socket: socket}, nil
}

// close says goodbye; it never fails visibly.
func (c *client) close() { _ = c.socket.Close(websocket.StatusNormalClosure, "") }

// call sends a command and waits for its reply, handing pushes that come in
// between to onPush.
func (c *client) call(ctx context.Context, command map[string]any, into any, onPush func(frame)) error {
	id, err := c.send(ctx, command)
	if err != nil {
		return err
	}
	for {
		f, err := c.receive(ctx)
		if err != nil {
			return err
		}
		switch {
		case f.Push != "":
			onPush(f)
		case f.ID != id:
		case f.Error != nil:
			return f.Error
		default:
			return json.Unmarshal(f.OK, into)
		}
	}
}

func (c *client) send(ctx context.Context, command map[string]any) (int, error) {
	c.nextID++
	command["id"] = c.nextID
	b, err := protocol.Marshal(command)
	if err != nil {
		return 0, err
	}
	if err := c.socket.Write(ctx, websocket.MessageText, b); err != nil {
		return 0, fmt.Errorf("send: %w", err)
	}
	return c.nextID, nil
}

func (c *client) receive(ctx context.Context) (frame, error) {
	_, b, err := c.socket.Read(ctx)
	if err != nil {
		if closed := (websocket.CloseError{}); errors.As(err, &closed) {
			return frame{}, fmt.Errorf("connection closed by the server: %d %s", closed.Code, closed.Reason)
		}
		return frame{}, fmt.Errorf("receive: %w", err)
	}
	var f frame
	if err := json.Unmarshal(b, &f); err != nil {
		return frame{}, fmt.Errorf("frame that cannot be read: %w", err)
	}
	return f, nil
}

// line is a message as the command line prints it.
func line(e protocol.Entry) string {
	return fmt.Sprintf("%d %s %s: %s", e.Seq, time.UnixMilli(e.At).Format(time.TimeOnly), e.User, e.Data)
}

// payload is what a user typed: JSON as it is, anything else as a string.
func payload(typed string) jsontext.Value {
	if v := jsontext.Value(typed); v.IsValid() {
		return v
	}
	b, _ := json.Marshal(typed) //nolint:errchkjson // a string
	return b
}
