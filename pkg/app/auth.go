package app

import (
	"fmt"
	"net/http"

	"github.com/gapless-rooms/gapless/pkg/auth"
	"github.com/gapless-rooms/gapless/pkg/config"
	"github.com/gapless-rooms/gapless/pkg/handler"
)

// verifier checks tokens in the one way that is configured. Issuers' keys are
// read over HTTP when the first token comes.
func (h Host) verifier(c config.Auth) (handler.Verifier, error) {
	rules := auth.Rules{
		Audiences: c.Audiences, Leeway: c.Leeway, MaxLifetime: c.MaxLifetime, RoomsClaim: c.RoomsClaim,
	}
	if c.Secret != "" {
		shared, err := auth.NewSharedSecret(c.Secret, h.Clock)
		if err != nil {
			return nil, fmt.Errorf("configuration: GAPLESS_AUTH_SECRET: %w", err)
		}
		return shared.WithRules(rules), nil
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
