package sim

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// answer makes a response as the service would.
func (c *call) answer(status int, header http.Header, body string) *http.Response {
	if header == nil {
		header = http.Header{}
	}
	return &http.Response{
		Status: http.StatusText(status), StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, Body: io.NopCloser(bytes.NewReader([]byte(body))), ContentLength: int64(len(body)), Request: c.request,
	}
}

// throttled is how the service refuses a call that comes too fast.
func (c *call) throttled() *http.Response {
	switch c.service {
	case "execute-api":
		return c.answer(http.StatusTooManyRequests, http.Header{"X-Amzn-Errortype": {"LimitExceededException"}}, "{}")
	case "sns":
		return c.snsError(http.StatusTooManyRequests, "Throttled", "Rate exceeded")
	case "sqs":
		return c.jsonError(http.StatusBadRequest, "com.amazonaws.sqs#RequestThrottled")
	case "secretsmanager":
		return c.jsonError(http.StatusBadRequest, "ThrottlingException")
	default:
		return c.jsonError(http.StatusBadRequest, "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException")
	}
}

// failed is how the service says that it failed.
func (c *call) failed() *http.Response {
	switch c.service {
	case "execute-api":
		return c.answer(http.StatusInternalServerError, http.Header{"X-Amzn-Errortype": {"InternalServerException"}}, "{}")
	case "sns":
		return c.snsError(http.StatusInternalServerError, "InternalError", "internal error")
	case "sqs":
		return c.jsonError(http.StatusInternalServerError, "com.amazonaws.sqs#InternalError")
	case "secretsmanager":
		return c.jsonError(http.StatusInternalServerError, "InternalServiceError")
	default:
		return c.jsonError(http.StatusInternalServerError, "com.amazonaws.dynamodb.v20120810#InternalServerError")
	}
}

// partial is SNS's answer to a batch of which it took some entries.
func (c *call) partial(taken, refused []string) *http.Response {
	var b strings.Builder
	b.WriteString(`<PublishBatchResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishBatchResult><Successful>`)
	for _, id := range taken {
		fmt.Fprintf(&b, "<member><Id>%s</Id><MessageId>taken-%s</MessageId></member>", id, id)
	}
	b.WriteString("</Successful><Failed>")
	for _, id := range refused {
		fmt.Fprintf(&b, "<member><Id>%s</Id><Code>InternalError</Code><Message>injected</Message><SenderFault>false</SenderFault></member>", id)
	}
	b.WriteString("</Failed></PublishBatchResult><ResponseMetadata><RequestId>injected</RequestId></ResponseMetadata></PublishBatchResponse>")
	return c.answer(http.StatusOK, http.Header{"Content-Type": {"text/xml"}}, b.String())
}

func (c *call) jsonError(status int, kind string) *http.Response {
	return c.answer(status, http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
		fmt.Sprintf(`{"__type":%q,"message":"injected"}`, kind))
}

func (c *call) snsError(status int, code, message string) *http.Response {
	return c.answer(status, http.Header{"Content-Type": {"text/xml"}}, fmt.Sprintf(
		`<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><Error><Type>Receiver</Type><Code>%s</Code><Message>%s</Message></Error><RequestId>injected</RequestId></ErrorResponse>`,
		code, message))
}
