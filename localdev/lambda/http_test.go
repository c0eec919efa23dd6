package lambda_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/gapless-rooms/gapless/localdev/lambda"
)

// inProcess calls a handler without a socket.
type inProcess struct{ handler http.Handler }

func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	p.handler.ServeHTTP(w, r)
	return w.Result(), nil
}

func newClient(s http.Handler) *sdk.Client {
	return sdk.New(sdk.Options{
		Region: "us-east-1", BaseEndpoint: aws.String("http://lambda.local"),
		Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""),
		HTTPClient:  &http.Client{Transport: inProcess{s}},
		Retryer:     aws.NopRetryer{},
	})
}

func TestInvokeBySDK(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := lambda.RunT(t, lambda.Config{})
		client := newClient(s)
		var seen []string
		register(t, s, lambda.Function{Name: "f", New: handler(func(ctx context.Context, in map[string]string) (string, error) {
			lc, _ := lambdacontext.FromContext(ctx)
			seen = append(seen, in["a"]+lc.ClientContext.Custom["c"])
			if in["fail"] != "" {
				return "", errors.New("failed")
			}
			return "ok", nil
		})})
		clientContext := base64.StdEncoding.EncodeToString([]byte(`{"custom":{"c":"!"}}`))
		out, err := client.Invoke(t.Context(), &sdk.InvokeInput{FunctionName: aws.String("f"), Payload: []byte(`{"a":"1"}`), ClientContext: &clientContext})
		if err != nil {
			t.Fatal(err)
		}
		if string(out.Payload) != `"ok"` || out.FunctionError != nil || out.StatusCode != http.StatusOK || *out.ExecutedVersion != "$LATEST" {
			t.Errorf("answer %+v", out)
		}
		out, err = client.Invoke(t.Context(), &sdk.InvokeInput{FunctionName: aws.String(s.ARN("f")), Payload: []byte(`{"fail":"x"}`)})
		if err != nil {
			t.Fatal(err)
		}
		if aws.ToString(out.FunctionError) != "Unhandled" || !strings.Contains(string(out.Payload), `"errorMessage":"failed"`) {
			t.Errorf("answer %+v", out)
		}
		out, err = client.Invoke(t.Context(), &sdk.InvokeInput{FunctionName: aws.String("f"), InvocationType: types.InvocationTypeEvent, Payload: []byte(`{"a":"2"}`)})
		if err != nil || out.StatusCode != http.StatusAccepted || len(out.Payload) != 0 {
			t.Errorf("event: %+v, %v", out, err)
		}
		if err := s.Idle(t.Context()); err != nil {
			t.Fatal(err)
		}
		out, err = client.Invoke(t.Context(), &sdk.InvokeInput{FunctionName: aws.String("f"), InvocationType: types.InvocationTypeDryRun})
		if err != nil || out.StatusCode != http.StatusNoContent {
			t.Errorf("dry run: %+v, %v", out, err)
		}
		if got := strings.Join(seen, ","); got != "1!,,2" {
			t.Errorf("seen %q", got)
		}
	})
}

func TestRefusalsBySDK(t *testing.T) {
	t.Parallel()
	s := lambda.RunT(t, lambda.Config{})
	client := newClient(s)
	register(t, s, lambda.Function{Name: "f", ReservedConcurrency: lambda.Reserve(0), New: handler(func() {})})
	call := func(in sdk.InvokeInput) error {
		_, err := client.Invoke(t.Context(), &in)
		return err
	}
	var notFound *types.ResourceNotFoundException
	if err := call(sdk.InvokeInput{FunctionName: aws.String("g")}); !errors.As(err, &notFound) {
		t.Errorf("unknown function: %v", err)
	}
	if err := call(sdk.InvokeInput{FunctionName: aws.String("f"), Qualifier: aws.String("live")}); !errors.As(err, &notFound) {
		t.Errorf("unknown alias: %v", err)
	}
	if err := call(sdk.InvokeInput{FunctionName: aws.String("g"), InvocationType: types.InvocationTypeDryRun}); !errors.As(err, &notFound) {
		t.Errorf("dry run of an unknown function: %v", err)
	}
	var tooMany *types.TooManyRequestsException
	if err := call(sdk.InvokeInput{FunctionName: aws.String("f")}); !errors.As(err, &tooMany) || tooMany.Reason != types.ThrottleReasonReservedFunctionConcurrentInvocationLimitExceeded {
		t.Errorf("throttled: %v", err)
	}
	var invalid *types.InvalidRequestContentException
	if err := call(sdk.InvokeInput{FunctionName: aws.String("f"), Payload: []byte("{")}); !errors.As(err, &invalid) {
		t.Errorf("no JSON: %v", err)
	}
	if err := call(sdk.InvokeInput{FunctionName: aws.String("f"), ClientContext: aws.String("?")}); !errors.As(err, &invalid) {
		t.Errorf("bad client context: %v", err)
	}
	var tooLarge *types.RequestTooLargeException
	big := []byte(`"` + strings.Repeat("x", 1<<20) + `"`)
	if err := call(sdk.InvokeInput{FunctionName: aws.String("f"), InvocationType: types.InvocationTypeEvent, Payload: big}); !errors.As(err, &tooLarge) {
		t.Errorf("too large: %v", err)
	}
	s.SetFault(func(lambda.Invocation) lambda.FaultPlan { return lambda.FaultPlan{Fault: lambda.FaultService} })
	var fault *types.ServiceException
	if err := call(sdk.InvokeInput{FunctionName: aws.String("f")}); !errors.As(err, &fault) {
		t.Errorf("injected fault: %v", err)
	}
}

func TestWhatIsNotSupportedAnswersLoudly(t *testing.T) {
	t.Parallel()
	s := lambda.RunT(t, lambda.Config{})
	register(t, s, lambda.Function{Name: "f", New: handler(func() {})})
	invocation := func(header, value string) *http.Request {
		r := httptest.NewRequest(http.MethodPost, "/2015-03-31/functions/f/invocations", nil)
		r.Header.Set(header, value)
		return r
	}
	for name, r := range map[string]*http.Request{
		"other operation": httptest.NewRequest(http.MethodDelete, "/2015-03-31/functions/f", nil),
		"log type":        invocation("X-Amz-Log-Type", "Head"),
		"invocation type": invocation("X-Amz-Invocation-Type", "Stream"),
	} {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		var body struct{ Message string }
		if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || w.Code != http.StatusNotImplemented ||
			w.Header().Get("X-Amzn-Errortype") != "UnsupportedByLocalAWSException" || !strings.Contains(body.Message, "does not support") {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
}
