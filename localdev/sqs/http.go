package sqs

import (
	"net/http"
	"strings"

	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/gapless-rooms/gapless/localdev/inproc"
	"github.com/gapless-rooms/gapless/localdev/service"
)

var _ http.Handler = (*Service)(nil)

// ServeHTTP serves SQS' JSON protocol, AWS JSON 1.0
// (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-making-api-requests-json.html).
// Signatures are not checked. An operation or a parameter that the emulator does
// not have is refused with UnsupportedOperation.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.front.ServeHTTP(w, r) }

// Transport calls the service in process, whatever host a request names.
func (s *Service) Transport() http.RoundTripper { return inproc.Transport{Handler: s} }

// Client is an SDK client that calls the service in process. The options come
// after its own.
func (s *Service) Client(options ...func(*awssqs.Options)) *awssqs.Client {
	return awssqs.NewFromConfig(inproc.AWS(s, s.cfg.Region), options...)
}

// Observe calls f for each request of the API from now on, once it is answered
// and in its goroutine. It does not see Go calls such as Send. stop ends it.
func (s *Service) Observe(f func(service.Call)) (stop func()) { return s.calls.Observe(f) }

// SetFault replaces Config.Fault; nil ends all faults.
func (s *Service) SetFault(f service.FaultFunc) { s.fault.Set(f) }

// newFront puts the JSON protocol before a service.
func newFront(s *Service) *service.JSON[*Service] {
	return &service.JSON[*Service]{
		Service: s, Version: "1.0", Target: "AmazonSQS.", Namespace: "com.amazonaws.sqs#",
		Operations: operations, MaxRequest: maxRequest, RequestID: s.ids.UUID,
		Unsupported: unsupported, Internal: "InternalError", Calls: &s.calls, Fault: &s.fault,
	}
}

// operations are the supported operations by name.
var operations = map[string]service.Operation[*Service]{
	"CreateQueue":                  service.Decode((*Service).doCreateQueue),
	"DeleteQueue":                  service.Decode((*Service).doDeleteQueue),
	"GetQueueUrl":                  service.Decode((*Service).doGetQueueURL),
	"ListQueues":                   service.Decode((*Service).doListQueues),
	"GetQueueAttributes":           service.Decode((*Service).doGetQueueAttributes),
	"SetQueueAttributes":           service.Decode((*Service).doSetQueueAttributes),
	"PurgeQueue":                   service.Decode((*Service).doPurgeQueue),
	"SendMessage":                  service.Decode((*Service).doSendMessage),
	"SendMessageBatch":             service.Decode((*Service).doSendMessageBatch),
	"ReceiveMessage":               service.Decode((*Service).doReceiveMessage),
	"DeleteMessage":                service.Decode((*Service).doDeleteMessage),
	"DeleteMessageBatch":           service.Decode((*Service).doDeleteMessageBatch),
	"ChangeMessageVisibility":      service.Decode((*Service).doChangeMessageVisibility),
	"ChangeMessageVisibilityBatch": service.Decode((*Service).doChangeMessageVisibilityBatch),
}

// urlFor is a queue's URL as the caller of r reaches it: some SDKs call the host
// of the URL, whatever their endpoint. A request that names a host of AWS came
// in process; its answer must not lead there.
func (s *Service) urlFor(r *http.Request, name string) string {
	if s.cfg.URL != "" || r.Host == "" || strings.HasSuffix(r.Host, ".amazonaws.com") {
		return s.URL(name)
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + r.Host + "/" + s.cfg.AccountID + "/" + name
}
