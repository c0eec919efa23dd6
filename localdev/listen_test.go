package main

import (
	"io"
	"net"
	"strings"
	"testing"
)

func TestGatewayLeavesSAMItsPort(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ listen, sam, want string }{
		{"localhost:3001", "", "localhost:3001"},
		{"localhost:3001", "http://127.0.0.1:3001", "localhost:3003"},
		{"localhost:3001", "http://127.0.0.1:4001", "localhost:3001"},
		{"127.0.0.1:0", "http://127.0.0.1:3001", "127.0.0.1:0"},
	} {
		c := devCommand{Listen: test.listen, SAM: test.sam}
		if got := c.gatewayAddress(); got != test.want {
			t.Errorf("%s beside %q: %s, want %s", test.listen, test.sam, got, test.want)
		}
	}
}

func TestContainersNeedTheLocalAWS(t *testing.T) {
	t.Parallel()
	c := devCommand{Listen: "127.0.0.1:0", Containers: true}
	_, err := c.open(t.Context())
	if err == nil || !strings.Contains(err.Error(), "--aws-listen") {
		t.Errorf("got %v", err)
	}
}

// TestBridgeAnswersContainersOnly lets a peer in that belongs to the network,
// and hangs up on another.
func TestBridgeAnswersContainersOnly(t *testing.T) {
	t.Parallel()
	for cidr, want := range map[string]string{"127.0.0.1/8": "hello", "172.17.0.1/16": ""} {
		inner, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		_, network, err := net.ParseCIDR(cidr)
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			conn, err := within{inner, network}.Accept()
			if err != nil {
				return // closed below
			}
			_, _ = io.WriteString(conn, "hello")
			_ = conn.Close()
		}()
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := io.ReadAll(conn); string(got) != want {
			t.Errorf("a peer from loopback on the network %s reads %q, want %q", cidr, got, want)
		}
		_ = conn.Close()
		_ = inner.Close()
		<-done
	}
}

func TestNoBridgeNoListener(t *testing.T) {
	t.Parallel()
	listener, err := listenOnBridge(t.Context(), "no-such-bridge", 0)
	if listener != nil || err != nil {
		t.Errorf("got %v, %v", listener, err)
	}
}
