package e2e

import (
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/coder/websocket"

	"github.com/gapless-rooms/gapless/localdev/stack"
	"github.com/gapless-rooms/gapless/pkg/auth"
)

// handshake asks with a token and returns the status.
func handshake(t *testing.T, s *stack.Running, token string) int {
	t.Helper()
	socket, response, err := websocket.Dial(t.Context(), s.URL, &websocket.DialOptions{Subprotocols: []string{"gapless.v1", "bearer." + token}})
	if response == nil {
		t.Fatal(err)
	}
	if err == nil {
		_ = socket.CloseNow()
	}
	return response.StatusCode
}

// TestSecretIsRotatedUnderRunningFunctions is the whole way: functions that
// know the old secret take tokens that the new one signs, with no deployment.
func TestSecretIsRotatedUnderRunningFunctions(t *testing.T) {
	t.Parallel()
	s := stack.RunT(t, stack.Config{NoSchedule: true})
	old, err := s.Token("ada", nil)
	if err != nil {
		t.Fatal(err)
	}
	if status := handshake(t, s, old); status != http.StatusSwitchingProtocols {
		t.Fatalf("with the first secret: %d", status)
	}
	const fresh = "another secret of at least thirty-two bytes"
	_, err = secretsmanager.NewFromConfig(s.AWS()).PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{
		SecretId: aws.String(stack.TokenSecret), SecretString: aws.String(fresh),
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Advance(time.Minute)
	signer, err := auth.NewSharedSecret(fresh, s.Clock)
	if err != nil {
		t.Fatal(err)
	}
	rotated, err := signer.Sign("ada", time.Hour, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, token := range map[string]string{"new": rotated, "previous": old} {
		if status := handshake(t, s, token); status != http.StatusSwitchingProtocols {
			t.Errorf("with the %s secret: %d", name, status)
		}
	}
	bob := dial(t, s, nil)
	call[helloResult](bob, m{"action": "hello", "token": rotated})
}

// TestNobodyGetsInWithoutTheSecret breaks Secrets Manager.
func TestNobodyGetsInWithoutTheSecret(t *testing.T) {
	t.Parallel()
	var broken atomic.Bool
	broken.Store(true)
	s := stack.RunT(t, stack.Config{NoSchedule: true, Environ: map[string]string{"GAPLESS_AUTH_GRACE": "1h"}, Transport: func(_ string, next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			if broken.Load() && strings.HasPrefix(r.Header.Get("X-Amz-Target"), "secretsmanager.") {
				return nil, errors.New("secrets manager cannot be reached")
			}
			return next.RoundTrip(r)
		})
	}})
	token, err := s.Token("ada", nil)
	if err != nil {
		t.Fatal(err)
	}
	if status := handshake(t, s, token); status != http.StatusServiceUnavailable {
		t.Errorf("a good token that cannot be checked: %d", status)
	}
	ada := dial(t, s, nil)
	if e := ada.refused(m{"action": "hello", "token": token}); !e.Temporary || strings.Contains(e.Message, "secret") {
		t.Errorf("hello: %+v", e)
	}
	broken.Store(false)
	s.Advance(time.Minute)
	call[helloResult](ada, m{"action": "hello", "token": token})
}
