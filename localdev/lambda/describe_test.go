package lambda_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	awslambda "github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/go-cmp/cmp"

	"github.com/gapless-rooms/gapless/localdev/lambda"
)

func TestFunctionsAreListedAndDescribed(t *testing.T) {
	t.Parallel()
	s := lambda.RunT(t, lambda.Config{})
	for _, name := range []string{"b", "a", "c"} {
		register(t, s, lambda.Function{
			Name: name, FullName: "app-" + name, Env: map[string]string{"NAME": name}, ReservedConcurrency: lambda.Reserve(3),
			DeadLetterARN: "arn:aws:sqs:us-east-1:000000000000:dead", New: handler(func() (string, error) { return name, nil }),
		})
	}
	client := s.Client()
	pages := sdk.NewListFunctionsPaginator(client, &sdk.ListFunctionsInput{MaxItems: aws.Int32(2)})
	var names []string
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range page.Functions {
			names = append(names, *f.FunctionName)
		}
	}
	if diff := cmp.Diff([]string{"app-a", "app-b", "app-c"}, names); diff != "" {
		t.Error(diff)
	}
	for _, ref := range []string{"a", "app-a", "a:$LATEST", s.ARN("a"), s.ARN("app-a"), "000000000000:function:app-a"} {
		got, err := client.GetFunction(t.Context(), &sdk.GetFunctionInput{FunctionName: &ref})
		if err != nil {
			t.Fatalf("%s: %v", ref, err)
		}
		c := got.Configuration
		if *c.FunctionName != "app-a" || *c.FunctionArn != s.ARN("app-a") || c.Environment.Variables["NAME"] != "a" ||
			*c.DeadLetterConfig.TargetArn != "arn:aws:sqs:us-east-1:000000000000:dead" || *c.LoggingConfig.LogGroup != "/aws/lambda/app-a" ||
			*c.Timeout != 3 || *c.MemorySize != 128 || c.State != types.StateActive || *got.Concurrency.ReservedConcurrentExecutions != 3 {
			t.Errorf("%s: %+v", ref, c)
		}
		configuration, err := client.GetFunctionConfiguration(t.Context(), &sdk.GetFunctionConfigurationInput{FunctionName: &ref})
		if err != nil || *configuration.FunctionName != "app-a" {
			t.Errorf("%s: %+v, %v", ref, configuration, err)
		}
		out, err := client.Invoke(t.Context(), &sdk.InvokeInput{FunctionName: &ref})
		if err != nil || string(out.Payload) != `"a"` {
			t.Errorf("invoke %s: %+v, %v", ref, out, err)
		}
	}
	for _, ref := range []string{"d", "a:1", "app-"} {
		if _, err := client.GetFunction(t.Context(), &sdk.GetFunctionInput{FunctionName: &ref}); !errors.As(err, new(*types.ResourceNotFoundException)) {
			t.Errorf("%s: %v", ref, err)
		}
	}
}

func TestLogs(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var lines []string
	s := lambda.RunT(t, lambda.Config{Log: func(l lambda.LogLine) {
		mu.Lock()
		defer mu.Unlock()
		text := l.Text
		if l.RequestID != "" {
			text = strings.ReplaceAll(text, l.RequestID, "ID")
		}
		if strings.HasPrefix(text, "REPORT") {
			text, _, _ = strings.Cut(text, "\t")
		}
		lines = append(lines, fmt.Sprint(l.Function, " ", l.Environment, " ", text))
	}})
	register(t, s, lambda.Function{Name: "f", New: func(log io.Writer) (awslambda.Handler, error) {
		_, _ = fmt.Fprintln(log, "init")
		return awslambda.NewHandler(func(fail bool) error {
			_, _ = fmt.Fprint(log, "one\ntwo\nthr")
			_, _ = fmt.Fprint(log, "ee")
			if fail {
				return errors.New("no")
			}
			return nil
		}), nil
	}})
	tail := func(payload string) string {
		out, err := s.Client().Invoke(t.Context(), &sdk.InvokeInput{FunctionName: aws.String("f"), Payload: []byte(payload), LogType: types.LogTypeTail})
		if err != nil {
			t.Fatal(err)
		}
		text, err := base64.StdEncoding.DecodeString(aws.ToString(out.LogResult))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	if got := tail("false"); !strings.HasPrefix(got, "START RequestId: ") || !strings.Contains(got, "\none\ntwo\nthree\nEND RequestId: ") ||
		!strings.Contains(got, "\tMemory Size: 128 MB\tInit Duration: ") || !strings.HasSuffix(got, " ms\n") {
		t.Errorf("tail %q", got)
	}
	if got := tail("true"); !strings.Contains(got, "three\n") || strings.Contains(got, "Init Duration") || strings.Count(got, "START") != 1 {
		t.Errorf("tail of a failure %q", got)
	}
	out, err := s.Client().Invoke(t.Context(), &sdk.InvokeInput{FunctionName: aws.String("f"), Payload: []byte("false")})
	if err != nil || out.LogResult != nil {
		t.Errorf("a tail that nobody asked for: %v, %v", out, err)
	}
	run := []string{"f 1 START RequestId: ID Version: $LATEST", "f 1 one", "f 1 two", "f 1 three"}
	ends := []string{"f 1 END RequestId: ID", "f 1 REPORT RequestId: ID"}
	var want []string
	want = append(append(append(want, "f 1 init"), run...), ends...)
	want = append(append(append(want, run...), "f 1 ID no"), ends...)
	want = append(append(want, run...), ends...)
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Error(diff)
	}
}
