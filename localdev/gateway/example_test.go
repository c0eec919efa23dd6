package gateway_test

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigatewaymanagementapi"

	"github.com/gapless-rooms/gapless/localdev/gateway"
)

// accept stands for functions: every handshake is welcome.
type accept struct{}

func (accept) Invoke(context.Context, string, []byte) (gateway.Result, error) {
	return gateway.Result{Payload: []byte(`{"statusCode":200}`)}, nil
}

func Example() {
	ctx := context.Background()
	g, err := gateway.New(gateway.Config{Invoke: accept{}, API: gateway.API{ // in a test: gateway.RunT
		Stage: "local", RouteSelectionExpression: "$request.body.action",
		Routes:       map[string]gateway.Route{"$connect": {Integration: "connect"}},
		Integrations: map[string]gateway.Integration{"connect": {Type: gateway.IntegrationProxy, Function: "connect"}},
	}})
	if err != nil {
		panic(err)
	}
	defer g.Close()
	conn, err := g.Dial(ctx, gateway.DialOptions{}) // or a real socket, by g.Serve
	if err != nil {
		panic(err)
	}
	_, err = g.Client().PostToConnection(ctx, &apigatewaymanagementapi.PostToConnectionInput{
		ConnectionId: aws.String(conn.ID()), Data: []byte("hello"),
	})
	if err != nil {
		panic(err)
	}
	text, err := conn.Receive(ctx)
	if err != nil {
		panic(err)
	}
	fmt.Println(text)
	// Output: hello
}
