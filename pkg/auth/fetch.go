package auth

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// maxKeySetBytes limits the size of an issuer's key set.
const maxKeySetBytes = 256 << 10

// fetcher returns a function that reads a JWK set. It does not follow redirects,
// which would let anybody who controls one page of the issuer choose our keys.
func fetcher(client *http.Client, url string) func(ctx context.Context) (map[keyID]crypto.PublicKey, error) {
	own := *client
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return func(ctx context.Context) (map[keyID]crypto.PublicKey, error) {
		keys, err := fetchKeys(ctx, &own, url)
		if err != nil {
			return nil, fmt.Errorf("fetch keys from %s: %w", url, err)
		}
		return keys, nil
	}
}

func fetchKeys(ctx context.Context, client *http.Client, url string) (map[keyID]crypto.PublicKey, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/jwk-set+json, application/json")
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %d", response.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxKeySetBytes+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxKeySetBytes {
		return nil, errors.New("answer is too large")
	}
	return parseKeys(body)
}
