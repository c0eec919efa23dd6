package proxy

import (
	"flag"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/goleak"

	"github.com/gapless-rooms/gapless/localdev/stack"
)

// scale divides every time: proxies end connections after 60 s of silence,
// clients ping after 45 s, nothing is said for 5 minutes, connections are cut
// every 20 s.
var scale = flag.Float64("scale", 0, "by how much to divide the times of the tests; 0 skips them")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func scaled(t *testing.T, d time.Duration) time.Duration {
	t.Helper()
	if *scale <= 0 {
		t.Skip("NOT TESTED: takes minutes; make test-proxies runs it")
	}
	return time.Duration(float64(d) / *scale)
}

// behind runs a test with each proxy and each SDK.
func behind(t *testing.T, test func(t *testing.T, s *stack.Running, d daemon, p peer)) {
	t.Helper()
	idle, heartbeat := scaled(t, 60*time.Second), scaled(t, 45*time.Second)
	for _, name := range []string{"nginx", "haproxy"} {
		for sdk, open := range sdks() {
			t.Run(name+"/"+sdk, func(t *testing.T) {
				t.Parallel()
				s := stack.RunT(t, stack.Config{Environ: map[string]string{
					"GAPLESS_HEARTBEAT": heartbeat.String(), "GAPLESS_PUBLISH_RATE": "10000",
				}})
				d := start(t, name, s.URL[len("ws://"):len(s.URL)-len("/"+stack.Stage)], idle)
				d.url += "/" + stack.Stage
				p := open(t, s, d.url, "ada")
				p.next(t, func(e event) bool { return e.Joined })
				test(t, s, d, p)
			})
		}
	}
}

// TestSilence: five minutes in which nobody says anything leave the connection
// as it is, though the proxy ends after one minute what is silent.
func TestSilence(t *testing.T) {
	t.Parallel()
	silence := scaled(t, 5*time.Minute)
	behind(t, func(t *testing.T, s *stack.Running, d daemon, p peer) {
		began := time.Now()
		silent(t, s, d.url)
		cut := time.Since(began)
		if cut >= silence {
			t.Fatalf("a client that does not ping lives for %s: the time-out is not in force", cut)
		}
		t.Logf("a client that does not ping was cut after %s", cut.Round(time.Millisecond))
		select {
		case <-time.After(silence - cut): // the subject of this test
		case <-t.Context().Done():
		}
		goPeer(t, s, s.URL, "bob").publish("hello")
		p.next(t, func(e event) bool {
			if e.State == "reconnecting" || e.State == "closed" {
				t.Fatalf("the connection is %s", e.State)
			}
			return e.Data == "hello"
		})
	})
}

// silent connects without ever saying anything and returns when it was cut.
func silent(t *testing.T, s *stack.Running, url string) {
	t.Helper()
	token, err := s.Token("mute", nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	socket, _, err := websocket.Dial(t.Context(), url, &websocket.DialOptions{
		HTTPClient: &http.Client{Transport: transport},
		HTTPHeader: http.Header{"Authorization": {"Bearer " + token}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.CloseNow() //nolint:errcheck // it is gone
	if _, frame, err := socket.Read(t.Context()); err == nil {
		t.Fatalf("got %s", frame)
	}
}

// TestCuts: connections that are cut every 20 s lose nothing, double nothing and
// keep the order, both ways.
func TestCuts(t *testing.T) {
	t.Parallel()
	every := scaled(t, 20*time.Second)
	const cuts = 6
	behind(t, func(t *testing.T, s *stack.Running, d daemon, ada peer) {
		bob := goPeer(t, s, d.url, "bob")
		cut, say := time.NewTicker(every), time.NewTicker(40*time.Millisecond)
		defer cut.Stop()
		defer say.Stop()
		said := 0
		for n := 0; n < cuts; {
			select {
			case <-cut.C:
				d.cut(t)
				n++
			case <-say.C:
				ada.publish(fmt.Sprint("ada ", said))
				bob.publish(fmt.Sprint("bob ", said))
				said++
			case <-t.Context().Done():
				t.Fatal("no time left")
			}
		}
		reconnects := complete(t, ada, "ada", said)
		complete(t, bob, "bob", said)
		if reconnects < cuts/2 { // one may come while the last is being recovered from
			t.Errorf("%d reconnects after %d cuts: the proxy did not cut", reconnects, cuts)
		}
		t.Logf("%d messages, %d reconnects", 2*said, reconnects)
	})
}

// complete waits until a peer has got everything, and its own acknowledged, and
// returns how often it has lost its connection.
func complete(t *testing.T, p peer, user string, said int) (reconnects int) {
	t.Helper()
	next := map[string]int{}
	acknowledged := map[string]uint64{}
	numbers := map[string]uint64{}
	last := uint64(0)
	for got := 0; got < 2*said || len(acknowledged) < said; {
		e := p.next(t, func(event) bool { return true })
		switch {
		case e.State == "reconnecting":
			reconnects++
		case e.Published != "":
			acknowledged[e.Published] = e.Seq
		case e.Data != "":
			author, n := e.Data[:3], 0
			if _, err := fmt.Sscan(e.Data[4:], &n); err != nil || e.Seq <= last || n != next[author] {
				t.Fatalf("%s got %q as %d after %d, where %d of %s is next", user, e.Data, e.Seq, last, next[author], author)
			}
			last, numbers[e.Data] = e.Seq, e.Seq
			next[author]++
			got++
		}
	}
	for data, seq := range acknowledged {
		if numbers[data] != seq {
			t.Errorf("%s: %q was acknowledged as %d and came as %d", user, data, seq, numbers[data])
		}
	}
	return reconnects
}
