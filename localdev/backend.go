package main

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/gapless-rooms/gapless/pkg/app"
)

// backendFlags say where the tables are, for what a back end does: it speaks to
// DynamoDB, not to the gateway.
type backendFlags struct {
	AWS   string `default:"http://localhost:3002" help:"Endpoint of the AWS API; empty for AWS itself, by the usual AWS_… variables." env:"GAPLESS_AWS"`
	Table string `default:"gapless-local-connections" help:"Table of connections: the output ConnectionsTable of a deployment." env:"GAPLESS_CONNECTIONS_TABLE"`
}

// host is where a back end's part of pkg/app runs.
func (f backendFlags) host() app.Host {
	h := app.Process()
	h.Environ["GAPLESS_CONNECTIONS_TABLE"] = f.Table
	if f.AWS != "" {
		h.AWS = func(context.Context) (aws.Config, error) {
			return aws.Config{
				Region: "us-east-1", BaseEndpoint: aws.String(f.AWS),
				Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
			}, nil
		}
	}
	return h
}
