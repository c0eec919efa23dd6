package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"syscall"
)

// ports are where the dev command listens; all but gateway may be nil.
type ports struct {
	gateway net.Listener
	aws     net.Listener
	bridge  net.Listener // aws, for containers
	console net.Listener
}

// open opens all ports, or none.
func (c *devCommand) open(ctx context.Context) (ports, error) {
	p, err := c.openEach(ctx)
	if err != nil {
		return ports{}, errors.Join(err, p.close())
	}
	return p, nil
}

func (c *devCommand) openEach(ctx context.Context) (p ports, err error) {
	if p.gateway, err = listen(ctx, c.gatewayAddress()); err != nil {
		return p, err
	}
	if c.AWSListen != "" {
		if p.aws, err = listen(ctx, c.AWSListen); err != nil {
			return p, err
		}
	}
	if c.SAM != "" || c.LocalStack != "" || c.Containers {
		if p.aws == nil {
			return p, errors.New("containers call the local AWS: --aws-listen must not be empty")
		}
		if p.bridge, err = listenOnBridge(ctx, c.Bridge, p.aws.Addr().(*net.TCPAddr).Port); err != nil {
			return p, err
		}
	}
	if c.Console != "" {
		p.console, err = listen(ctx, c.Console)
		if errors.Is(err, syscall.EADDRINUSE) {
			// Nothing but a person needs to know this port.
			p.console, err = listen(ctx, "localhost:0")
		}
	}
	return p, err
}

func (p ports) close() error {
	var errs []error
	for _, one := range []net.Listener{p.gateway, p.aws, p.bridge, p.console} {
		if one != nil {
			errs = append(errs, one.Close())
		}
	}
	return errors.Join(errs...)
}

// gatewayAddress is c.Listen, unless SAM has that port: 3001 is the default of
// both.
func (c *devCommand) gatewayAddress() string {
	sam, err := url.Parse(c.SAM)
	if err != nil || c.SAM == "" || sam.Port() == "" {
		return c.Listen
	}
	if host, port, err := net.SplitHostPort(c.Listen); err == nil && port == sam.Port() {
		return net.JoinHostPort(host, "3003")
	}
	return c.Listen
}

// listen opens a port on loopback and explains what to do if it is taken.
func listen(ctx context.Context, address string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("address %q is not host:port", address)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("%s is not on loopback: the local stack has no security of its own", address)
	}
	return open(ctx, address)
}

func open(ctx context.Context, address string) (net.Listener, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		_, port, _ := net.SplitHostPort(address)
		return nil, &portError{port}
	}
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	return listener, nil
}

// portError is returned when a port is taken.
type portError struct{ port string }

func (e *portError) Error() string {
	return "port " + e.port + " is in use: stop what listens there, or choose another with --listen or --aws-listen"
}

func (e *portError) Unwrap() error { return syscall.EADDRINUSE }

// listenOnBridge opens a port for the containers of a Docker Engine of this
// machine, and for nobody else. It returns nil if there is no such bridge, as
// with Docker Desktop, whose containers come in over loopback.
func listenOnBridge(ctx context.Context, name string, port int) (net.Listener, error) {
	bridge, err := net.InterfaceByName(name)
	if err != nil {
		return nil, nil //nolint:nilnil,nilerr // said above
	}
	addresses, err := bridge.Addrs()
	if err != nil {
		return nil, fmt.Errorf("read the addresses of %s: %w", name, err)
	}
	for _, a := range addresses {
		network, ok := a.(*net.IPNet)
		if !ok || network.IP.To4() == nil {
			continue
		}
		listener, err := open(ctx, net.JoinHostPort(network.IP.String(), fmt.Sprint(port)))
		if err != nil {
			return nil, err
		}
		return within{listener, network}, nil
	}
	return nil, fmt.Errorf("%s has no IPv4 address", name)
}

// within accepts connections from one network only: whoever else routes packets
// to a bridge's address is no container of this machine.
type within struct {
	net.Listener
	network *net.IPNet
}

func (l within) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if peer, ok := conn.RemoteAddr().(*net.TCPAddr); ok && l.network.Contains(peer.IP) {
			return conn, nil
		}
		_ = conn.Close() // its peer learns enough
	}
}
