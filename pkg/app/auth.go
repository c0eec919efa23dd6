package app

import (
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/gapless-rooms/gapless/pkg/auth"
	"github.com/gapless-rooms/gapless/pkg/aws/secretsmanager"
	"github.com/gapless-rooms/gapless/pkg/config"
	"github.com/gapless-rooms/gapless/pkg/handler"
)

// verifier returns the verifier for the configured way of checking tokens. It
// reads the secret or the issuers' keys when the first token comes.
func (h Host) verifier(c config.Auth, sdk aws.Config) (handler.Verifier, error) {
	rules := auth.Rules{
		Audiences: c.Audiences, Leeway: c.Leeway, MaxLifetime: c.MaxLifetime, RoomsClaim: c.RoomsClaim,
	}
	if c.SecretARN != "" {
		return auth.NewStoredSecret(secretsmanager.New(sdk, c.SecretARN), rules, h.Clock), nil
	}
	issuers, err := auth.ParseIssuers(c.Issuers, c.KeyURLs)
	if err != nil {
		return nil, fmt.Errorf("configuration: GAPLESS_JWKS_URLS: %w", err)
	}
	verifier, err := auth.NewIssuers(issuers, rules, http.DefaultClient, h.Clock)
	if err != nil {
		return nil, fmt.Errorf("configuration: GAPLESS_JWT_ISSUERS: %w", err)
	}
	return verifier, nil
}
