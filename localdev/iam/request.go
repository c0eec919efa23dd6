package iam

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/gapless-rooms/gapless/localdev/service"
)

// ErrUnknownCall is returned for a request whose action or resource is not
// known here.
var ErrUnknownCall = errors.New("iam: unknown call")

// denials are how services call a refusal, by their names in signatures; nil
// for a service that is not known here.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
// https://docs.aws.amazon.com/sns/latest/api/CommonErrors.html
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/CommonErrors.html
// https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-control-access-iam.html
var denials = map[string]*service.Error{
	"dynamodb":       {Code: "AccessDeniedException"},
	"sns":            {Code: "AuthorizationError", Status: http.StatusForbidden},
	"sqs":            {Code: "AccessDeniedException"},
	"secretsmanager": {Code: "AccessDeniedException"},
	"execute-api":    {Code: "AccessDeniedException", Status: http.StatusForbidden},
}

// read says what a request asks for.
func (t *transport) read(r *http.Request, body []byte) (*service.Error, Call, error) {
	_, name, ok := service.Signed(r)
	if !ok {
		return nil, Call{}, fmt.Errorf("%w: not signed: %s %s", ErrUnknownCall, r.Method, r.URL.Path)
	}
	denial := denials[name]
	var call Call
	var err error
	switch name {
	case "dynamodb":
		call, err = t.dynamodb(r, body)
	case "sns":
		call, err = t.sns(body)
	case "sqs":
		call, err = t.sqs(r, body)
	case "secretsmanager":
		call, err = secret(r, body)
	case "execute-api":
		call = Call{"execute-api:ManageConnections", t.arn("execute-api",
			t.APIID+stageOf(r.URL.Path)+"/"+r.Method+"/@connections/"+path.Base(r.URL.Path))}
	}
	if err == nil && denial == nil {
		err = fmt.Errorf("%w: service %s", ErrUnknownCall, name)
	}
	return denial, call, err
}

// stageOf is /stage, with which the path of @connections begins.
func stageOf(urlPath string) string {
	stage, _, _ := strings.Cut(urlPath, "/@connections/")
	return stage
}

func (t *transport) arn(service, rest string) string {
	return "arn:aws:" + service + ":" + t.Region + ":" + t.AccountID + ":" + rest
}

// operation is the end of X-Amz-Target.
func operation(r *http.Request) string {
	_, name, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	return name
}

func (t *transport) dynamodb(r *http.Request, body []byte) (Call, error) {
	var request struct{ TableName, IndexName string }
	if err := json.Unmarshal(body, &request); err != nil || request.TableName == "" {
		return Call{}, fmt.Errorf("%w: dynamodb:%s, which names no one table", ErrUnknownCall, operation(r))
	}
	resource := "table/" + strings.TrimPrefix(request.TableName, t.arn("dynamodb", "table/"))
	if request.IndexName != "" {
		resource += "/index/" + request.IndexName
	}
	return Call{"dynamodb:" + operation(r), t.arn("dynamodb", resource)}, nil
}

// sns reads a form. PublishBatch is granted by sns:Publish
// (https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsns.html).
func (t *transport) sns(body []byte) (Call, error) {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return Call{}, fmt.Errorf("read request: %w", err)
	}
	switch action := form.Get("Action"); action {
	case "Publish", "PublishBatch":
		return Call{"sns:Publish", form.Get("TopicArn")}, nil
	default:
		return Call{}, fmt.Errorf("%w: sns:%s", ErrUnknownCall, action)
	}
}

// secret takes secrets by their ARN only: a policy is about an ARN, and a name
// does not tell its end.
func secret(r *http.Request, body []byte) (Call, error) {
	var request struct {
		SecretID string `json:"SecretId"`
	}
	if err := json.Unmarshal(body, &request); err != nil || !strings.HasPrefix(request.SecretID, "arn:") {
		return Call{}, fmt.Errorf("%w: secretsmanager:%s, which names no secret by its ARN", ErrUnknownCall, operation(r))
	}
	return Call{"secretsmanager:" + operation(r), request.SecretID}, nil
}

func (t *transport) sqs(r *http.Request, body []byte) (Call, error) {
	var request struct {
		QueueURL string `json:"QueueUrl"`
	}
	if err := json.Unmarshal(body, &request); err != nil || request.QueueURL == "" {
		return Call{}, fmt.Errorf("%w: sqs:%s, which names no queue", ErrUnknownCall, operation(r))
	}
	return Call{"sqs:" + operation(r), t.arn("sqs", path.Base(request.QueueURL))}, nil
}
