package secretsmanager_test

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/gapless-rooms/gapless/localdev/secretsmanager"
)

func Example() {
	s := secretsmanager.New(secretsmanager.Config{}) // in a test: secretsmanager.RunT(t, secretsmanager.Config{})
	defer s.Close()
	if err := s.Create("app/password", "v1", "one"); err != nil {
		panic(err)
	}
	if err := s.Put("app/password", "v2", "two"); err != nil { // the end of a rotation
		panic(err)
	}
	for _, stage := range []string{"AWSCURRENT", "AWSPREVIOUS"} {
		out, err := s.Client().GetSecretValue(context.Background(), &sdk.GetSecretValueInput{
			SecretId: aws.String("app/password"), VersionStage: aws.String(stage),
		})
		if err != nil {
			panic(err)
		}
		fmt.Println(stage, *out.SecretString)
	}
	// Output:
	// AWSCURRENT two
	// AWSPREVIOUS one
}
