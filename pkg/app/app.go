// Package app composes each function from its environment. One constructor per
// function shows its adapters, and so the AWS calls that it can make. The
// deployed functions and the local stack use the same constructors.
package app

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	mathrand "math/rand/v2"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"

	"github.com/gapless-rooms/gapless/pkg/clock"
	"github.com/gapless-rooms/gapless/pkg/config"
	"github.com/gapless-rooms/gapless/pkg/hook"
)

// Host holds a function's surroundings.
type Host struct {
	// Environ is the function's environment.
	Environ map[string]string
	// AWS returns the SDK's configuration: region, credentials, transport.
	AWS func(ctx context.Context) (aws.Config, error)
	// Clock is the function's clock.
	Clock clock.Clock
	// Log receives the function's log, one JSON object per line.
	Log io.Writer
	// NewID returns an id, never the same twice.
	NewID func() string
	// Random returns a number uniform in [0, n).
	Random func(n int64) int64
	// Hooks makes the application's own rules, once for each environment of
	// connect, message and sweep; nil means none.
	Hooks func(ctx context.Context, h Host) (hook.Hooks, error)
}

// Process returns the host of a function that runs as its own process, as Lambda
// starts it.
func Process() Host {
	environ := map[string]string{}
	for _, pair := range os.Environ() {
		name, value, _ := strings.Cut(pair, "=")
		environ[name] = value
	}
	return Host{
		Environ: environ,
		AWS:     func(ctx context.Context) (aws.Config, error) { return awsconfig.LoadDefaultConfig(ctx) },
		Clock:   clock.System(),
		Log:     os.Stderr,
		NewID:   NewID,
		Random:  mathrand.Int64N,
	}
}

// NewID returns 16 characters with 96 random bits.
func NewID() string {
	var b [12]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// load reads a function's configuration and the SDK's.
func load[T any](ctx context.Context, h Host) (T, aws.Config, error) {
	c, err := config.Load[T](h.Environ)
	if err != nil {
		return c, aws.Config{}, err
	}
	sdk, err := h.AWS(ctx)
	if err != nil {
		return c, aws.Config{}, fmt.Errorf("load AWS configuration: %w", err)
	}
	return c, sdk, nil
}

// loadFunction is load for a function, which also logs.
func loadFunction[T interface{ Level() string }](ctx context.Context, h Host) (T, aws.Config, *slog.Logger, error) {
	c, sdk, err := load[T](ctx, h)
	if err != nil {
		return c, sdk, nil, err
	}
	logger, err := h.logger(c.Level())
	return c, sdk, logger, err
}

func (h Host) logger(name string) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(name)); err != nil {
		return nil, fmt.Errorf("configuration: GAPLESS_LOG_LEVEL must be debug, info, warn or error, not %q", name)
	}
	return slog.New(slog.NewJSONHandler(h.Log, &slog.HandlerOptions{Level: level})), nil
}
