package proxy

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// daemon is a proxy that runs in the foreground, for the length of a test.
type daemon struct {
	// url is where clients connect.
	url string
	// cut ends all connections through the proxy, as a new deployment of it does.
	cut func(t *testing.T)
}

// start runs a proxy in front of a gateway with the sample configuration, its
// addresses and its time-outs of 60 s replaced.
func start(t *testing.T, name, gateway string, idle time.Duration) daemon {
	t.Helper()
	binary, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("NOT TESTED: no %s here; Debian has it: apt-get install nginx-light haproxy", name)
	}
	dir, err := os.MkdirTemp("", "gapless") // short, for a socket's name
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	sample, listen := "nginx.conf", "127.0.0.1:8080"
	if name == "haproxy" {
		sample, listen = "haproxy.cfg", "127.0.0.1:8081"
	}
	config, err := os.ReadFile(sample)
	if err != nil {
		t.Fatal(err)
	}
	for try := 0; ; try++ {
		address := freePort(t)
		text := replaced(t, string(config), map[string]string{
			listen: address, "127.0.0.1:3001": gateway, "60s": fmt.Sprintf("%dms", idle.Milliseconds()),
		})
		file := filepath.Join(dir, sample)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		d := daemon{url: "ws://" + address}
		var command *exec.Cmd
		if name == "haproxy" {
			command, d.cut = haproxy(t, binary, dir, file)
		} else {
			command, d.cut = nginx(t, binary, dir, file)
		}
		if run(t, command, address) {
			return d
		}
		if try == 3 {
			t.Fatalf("%s does not start", name)
		}
	}
}

func replaced(t *testing.T, config string, by map[string]string) string {
	t.Helper()
	for old, value := range by {
		if !strings.Contains(config, old) {
			t.Fatalf("no %q in the sample", old)
		}
		config = strings.ReplaceAll(config, old, value)
	}
	return config
}

func freePort(t *testing.T) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close() //nolint:errcheck // it goes anyway
	return listener.Addr().String()
}

// nginx runs with everything that it writes in dir, and needs no root for it.
func nginx(t *testing.T, binary, dir, sample string) (*exec.Cmd, func(*testing.T)) {
	t.Helper()
	main := filepath.Join(dir, "main.conf")
	err := os.WriteFile(main, fmt.Appendf(nil, `
daemon off;
pid %[1]s/pid;
error_log stderr warn;
worker_processes 1;
worker_shutdown_timeout 100ms;
events { worker_connections 256; }
http {
    access_log off;
    client_body_temp_path %[1]s/body;
    proxy_temp_path %[1]s/proxy;
    fastcgi_temp_path %[1]s/fastcgi;
    uwsgi_temp_path %[1]s/uwsgi;
    scgi_temp_path %[1]s/scgi;
    include %[2]s;
}
`, dir, sample), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(binary, "-p", dir, "-c", main, "-e", "stderr") //nolint:gosec,noctx // ends by its own signal, see run
	return command, func(t *testing.T) {
		t.Helper()
		if err := command.Process.Signal(syscall.SIGHUP); err != nil {
			t.Errorf("reload nginx: %v", err)
		}
	}
}

// haproxy runs with a control socket beside the sample.
func haproxy(t *testing.T, binary, dir, sample string) (*exec.Cmd, func(*testing.T)) {
	t.Helper()
	socket := filepath.Join(dir, "control")
	control := filepath.Join(dir, "control.cfg")
	if err := os.WriteFile(control, []byte("global\n    stats socket "+socket+" mode 600 level admin\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.Command(binary, "-db", "-f", control, "-f", sample) //nolint:gosec,noctx // ends by its own signal, see run
	return command, func(t *testing.T) {
		t.Helper()
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "unix", socket)
		if err != nil {
			t.Errorf("control haproxy: %v", err)
			return
		}
		defer conn.Close() //nolint:errcheck // it has answered
		if _, err := fmt.Fprintln(conn, "shutdown sessions server gapless/gateway"); err != nil {
			t.Errorf("control haproxy: %v", err)
		}
		answer := make([]byte, 1000)
		if n, _ := conn.Read(answer); len(bytes.TrimSpace(answer[:n])) > 0 {
			t.Errorf("haproxy says %s", answer[:n])
		}
	}
}

// run starts a proxy and waits until it listens. It reports false if it has
// ended before, as when another has taken its port. The test's end ends it.
func run(t *testing.T, command *exec.Cmd, address string) bool {
	t.Helper()
	var says bytes.Buffer
	command.Stdout, command.Stderr = &says, &says
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = command.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGTERM) // of nginx, its workers end with it
		<-ended
		if t.Failed() {
			t.Logf("%s said:\n%s", command.Path, says.String())
		}
	})
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		cancel()
		if err == nil {
			_ = conn.Close()
			return true
		}
		select {
		case <-look.C:
		case <-ended:
			t.Logf("%s has ended: %s", command.Path, says.String())
			return false
		}
	}
}
