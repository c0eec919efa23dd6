package secretsmanager_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/smithy-go"

	"github.com/gapless-rooms/gapless/localdev/clock"
	"github.com/gapless-rooms/gapless/localdev/inproc"
	"github.com/gapless-rooms/gapless/localdev/secretsmanager"
	adapter "github.com/gapless-rooms/gapless/pkg/aws/secretsmanager"
)

const name = "gapless/test/tokens"

func setup(t *testing.T) (*secretsmanager.Service, aws.Config, *clock.Movable) {
	t.Helper()
	at := clock.NewMovable()
	s := secretsmanager.RunT(t, secretsmanager.Config{Clock: at})
	return s, aws.Config{
		Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
		HTTPClient: &http.Client{Transport: inproc.Transport{Handler: s}}, Retryer: func() aws.Retryer { return aws.NopRetryer{} },
	}, at
}

func TestRotation(t *testing.T) {
	t.Parallel()
	s, config, at := setup(t)
	client := sdk.NewFromConfig(config)
	from := at.Now().Truncate(time.Millisecond)
	made, err := client.CreateSecret(t.Context(), &sdk.CreateSecretInput{Name: aws.String(name), SecretString: aws.String("one")})
	if err != nil || aws.ToString(made.ARN) != s.ARN(name) {
		t.Fatalf("%v, %v", made, err)
	}
	until := at.Now()
	within := func(t time.Time, after time.Duration) bool {
		return !t.Before(from.Add(after)) && !t.After(until.Add(after))
	}
	get := func(in sdk.GetSecretValueInput) string {
		t.Helper()
		out, err := client.GetSecretValue(t.Context(), &in)
		if err != nil {
			t.Fatal(err)
		}
		return aws.ToString(out.SecretString)
	}
	if v := get(sdk.GetSecretValueInput{SecretId: aws.String(name)}); v != "one" {
		t.Errorf("current %q", v)
	}
	vault := adapter.New(config, s.ARN(name))
	if v, err := vault.Secret(t.Context()); err != nil || v.Current != "one" || v.Previous != "" || !within(v.Rotated, 0) {
		t.Errorf("before a rotation: %+v, %v", v, err)
	}
	at.Advance(time.Hour)
	from = at.Now().Truncate(time.Millisecond).Add(-time.Hour)
	put := &sdk.PutSecretValueInput{SecretId: made.ARN, SecretString: aws.String("two"), ClientRequestToken: aws.String(strings.Repeat("v", 32))}
	for range 2 { // the second is the same one
		if _, err := client.PutSecretValue(t.Context(), put); err != nil {
			t.Fatal(err)
		}
	}
	until = at.Now().Add(-time.Hour)
	if v, err := vault.Secret(t.Context()); err != nil || v.Current != "two" || v.Previous != "one" || !within(v.Rotated, time.Hour) {
		t.Errorf("after a rotation: %+v, %v", v, err)
	}
	if v := get(sdk.GetSecretValueInput{SecretId: made.ARN, VersionId: made.VersionId}); v != "one" {
		t.Errorf("by its id %q", v)
	}
	if v := get(sdk.GetSecretValueInput{SecretId: made.ARN, VersionId: put.ClientRequestToken, VersionStage: aws.String("AWSCURRENT")}); v != "two" {
		t.Errorf("by id and label %q", v)
	}
	described, err := client.DescribeSecret(t.Context(), &sdk.DescribeSecretInput{SecretId: aws.String(name)})
	if err != nil || len(described.VersionIdsToStages) != 2 || described.VersionIdsToStages[*made.VersionId][0] != "AWSPREVIOUS" {
		t.Errorf("%+v, %v", described, err)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	s, config, _ := setup(t)
	client := sdk.NewFromConfig(config)
	if err := s.Create(name, "v1", "one"); err != nil {
		t.Fatal(err)
	}
	get := func(in sdk.GetSecretValueInput) error {
		_, err := client.GetSecretValue(t.Context(), &in)
		return err
	}
	create := func(in sdk.CreateSecretInput) error {
		_, err := client.CreateSecret(t.Context(), &in)
		return err
	}
	for what, test := range map[string]struct {
		err  error
		code string
	}{
		"no such secret":  {get(sdk.GetSecretValueInput{SecretId: aws.String("x")}), "ResourceNotFoundException"},
		"no such label":   {get(sdk.GetSecretValueInput{SecretId: aws.String(name), VersionStage: aws.String("AWSPREVIOUS")}), "ResourceNotFoundException"},
		"no such version": {get(sdk.GetSecretValueInput{SecretId: aws.String(name), VersionId: aws.String(strings.Repeat("x", 32))}), "ResourceNotFoundException"},
		"another's label": {get(sdk.GetSecretValueInput{SecretId: aws.String(name), VersionId: aws.String(strings.Repeat("x", 32)), VersionStage: aws.String("AWSCURRENT")}), "InvalidRequestException"},
		"name taken":      {create(sdk.CreateSecretInput{Name: aws.String(name), SecretString: aws.String("x")}), "ResourceExistsException"},
		"bad name":        {create(sdk.CreateSecretInput{Name: aws.String("a b"), SecretString: aws.String("x")}), "InvalidParameterException"},
		"too large":       {create(sdk.CreateSecretInput{Name: aws.String("a"), SecretString: aws.String(strings.Repeat("x", 65537))}), "InvalidParameterException"},
		"parameter":       {create(sdk.CreateSecretInput{Name: aws.String("a"), KmsKeyId: aws.String("k")}), "UnsupportedOperationException"},
		"operation": {func() error {
			_, err := client.DeleteSecret(t.Context(), &sdk.DeleteSecretInput{SecretId: aws.String(name)})
			return err
		}(), "UnsupportedOperationException"},
	} {
		var refusal smithy.APIError
		if !errors.As(test.err, &refusal) || refusal.ErrorCode() != test.code {
			t.Errorf("%s: %v, want %s", what, test.err, test.code)
		}
	}
	if err := s.Put(name, "v1", "two"); !errors.Is(err, secretsmanager.ErrExists) {
		t.Errorf("a version with another value: %v", err)
	}
	// A secret that is not there is no secret, not an empty one.
	if _, err := adapter.New(config, "x").Secret(context.WithoutCancel(t.Context())); !errors.As(err, new(*types.ResourceNotFoundException)) {
		t.Errorf("vault: %v", err)
	}
}
