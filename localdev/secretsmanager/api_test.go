package secretsmanager_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/gapless-rooms/gapless/localdev/secretsmanager"
	"github.com/gapless-rooms/gapless/localdev/service"
)

func TestListSecrets(t *testing.T) {
	t.Parallel()
	s := secretsmanager.RunT(t, secretsmanager.Config{})
	for n := range 5 {
		if err := s.Create(fmt.Sprintf("s%d", n), "v1", "x"); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Put("s0", "v2", "y"); err != nil {
		t.Fatal(err)
	}
	for order, want := range map[types.SortOrderType][]string{
		"": {"s0", "s1", "s2", "s3", "s4"}, types.SortOrderTypeDesc: {"s4", "s3", "s2", "s1", "s0"},
	} {
		pages := sdk.NewListSecretsPaginator(s.Client(), &sdk.ListSecretsInput{MaxResults: aws.Int32(2), SortOrder: order})
		var names []string
		for pages.HasMorePages() {
			page, err := pages.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, secret := range page.SecretList {
				names = append(names, *secret.Name)
				if *secret.ARN != s.ARN(*secret.Name) || secret.SecretVersionsToStages["v1"] == nil || secret.CreatedDate == nil {
					t.Errorf("%+v", secret)
				}
			}
		}
		if diff := cmp.Diff(want, names); diff != "" {
			t.Error(diff)
		}
	}
	for _, bad := range []*sdk.ListSecretsInput{{MaxResults: aws.Int32(101)}, {SortOrder: "up"}} {
		var refusal smithy.APIError
		if _, err := s.Client().ListSecrets(t.Context(), bad); !errors.As(err, &refusal) || refusal.ErrorCode() != "InvalidParameterException" {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

func TestFaultsAndTheEnd(t *testing.T) {
	t.Parallel()
	s := secretsmanager.RunT(t, secretsmanager.Config{Fault: func(string, []byte) service.Fault { return service.FailAfter }})
	var seen []string
	defer s.Observe(func(c service.Call) { seen = append(seen, c.Operation+" "+c.Error) })()
	once := func(o *sdk.Options) { o.Retryer = aws.NopRetryer{} }
	in := &sdk.CreateSecretInput{Name: aws.String("s"), SecretString: aws.String("x"), ClientRequestToken: aws.String("v1")}
	if _, err := s.Client(once).CreateSecret(t.Context(), in); !errors.As(err, new(*types.InternalServiceError)) {
		t.Errorf("with a fault: %v", err)
	}
	if v, err := s.Value("s"); v != "x" || err != nil {
		t.Errorf("its effect: %q, %v", v, err)
	}
	if diff := cmp.Diff([]string{"CreateSecret InternalServiceError"}, seen); diff != "" {
		t.Error(diff)
	}
	s.SetFault(nil)
	s.Close()
	if _, err := s.Value("s"); !errors.Is(err, secretsmanager.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}
