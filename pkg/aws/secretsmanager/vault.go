// Package secretsmanager reads the secret that signs tokens from AWS Secrets
// Manager: it implements auth.Vault.
package secretsmanager

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/gapless-rooms/gapless/pkg/auth"
	"github.com/gapless-rooms/gapless/pkg/aws/fault"
)

var _ auth.Vault = (*Vault)(nil)

// The staging labels that every rotation moves
// (https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html).
const (
	current  = "AWSCURRENT"
	previous = "AWSPREVIOUS"
)

// Vault reads one secret. It is safe for concurrent use.
type Vault struct {
	client *secretsmanager.Client
	id     string
}

// New returns a Vault for the secret with the given ARN. It uses the SDK's
// standard retries.
func New(cfg aws.Config, arn string) *Vault {
	return &Vault{secretsmanager.NewFromConfig(cfg), arn}
}

// Secret reads the secret: two calls of GetSecretValue.
func (v *Vault) Secret(ctx context.Context) (auth.Versions, error) {
	now, err := v.read(ctx, current)
	if err != nil {
		return auth.Versions{}, fault.Wrap("read secret", err)
	}
	out := auth.Versions{Current: aws.ToString(now.SecretString), Rotated: aws.ToTime(now.CreatedDate)}
	before, err := v.read(ctx, previous)
	var none *types.ResourceNotFoundException
	switch {
	case err == nil:
		out.Previous = aws.ToString(before.SecretString)
	case !errors.As(err, &none): // no previous version: never rotated
		return auth.Versions{}, fault.Wrap("read previous secret", err)
	}
	return out, nil
}

func (v *Vault) read(ctx context.Context, stage string) (*secretsmanager.GetSecretValueOutput, error) {
	return v.client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &v.id, VersionStage: &stage})
}
