package localstack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	awssns "github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/gapless-rooms/gapless/localdev/sns"
)

// Prefix begins the paths to which SNS delivers.
const Prefix = "/gapless/sns/"

// ErrUnconfirmed is returned when SNS did not reach us to confirm a
// subscription.
var ErrUnconfirmed = errors.New("no confirmation came")

// maxDelivery bounds what SNS sends: a message of 256 KB
// (https://docs.aws.amazon.com/general/latest/gr/sns.html), escaped, in its
// envelope.
const maxDelivery = 2 << 20

// Subscriber is an HTTP endpoint for functions: it confirms subscriptions and
// hands each notification to its function. It is safe for concurrent use.
type Subscriber struct {
	// Client calls the SNS that delivers.
	Client *awssns.Client
	// Invoke queues an event for a function, to be retried and dead-lettered
	// from then on. It returns an error if the function does not exist.
	Invoke func(function string, event []byte) error
	Logger *slog.Logger

	mu   sync.Mutex
	subs map[string]*subscription // by function
}

type subscription struct {
	topic     string
	arn       string
	confirmed chan struct{} // closed when it is
}

// Subscribe subscribes each function at callback, where SNS reaches ServeHTTP,
// such as http://host.docker.internal:3002, and waits until SNS has confirmed
// it or ctx is done. ServeHTTP must be served already.
func (s *Subscriber) Subscribe(ctx context.Context, subscriptions []sns.Subscription, callback string) error {
	for _, one := range subscriptions {
		if err := s.subscribe(ctx, one, callback); err != nil {
			return fmt.Errorf("subscribe %s to %s: %w", one.Endpoint, one.TopicARN, err)
		}
	}
	return nil
}

func (s *Subscriber) subscribe(ctx context.Context, one sns.Subscription, callback string) error {
	if one.Protocol != "lambda" {
		return fmt.Errorf("protocol %s: %w", one.Protocol, errors.ErrUnsupported)
	}
	function := one.Endpoint[strings.LastIndex(one.Endpoint, ":")+1:]
	waiting := &subscription{topic: one.TopicARN, confirmed: make(chan struct{})}
	s.mu.Lock()
	if s.subs == nil {
		s.subs = map[string]*subscription{}
	}
	s.subs[function] = waiting
	s.mu.Unlock()

	attributes := map[string]string{}
	for name, value := range map[string]string{"FilterPolicy": one.FilterPolicy, "FilterPolicyScope": one.FilterPolicyScope} {
		if value != "" {
			attributes[name] = value
		}
	}
	out, err := s.Client.Subscribe(ctx, &awssns.SubscribeInput{
		TopicArn: &one.TopicARN, Protocol: aws.String("http"), Endpoint: aws.String(callback + Prefix + function),
		Attributes: attributes, ReturnSubscriptionArn: true,
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	waiting.arn = aws.ToString(out.SubscriptionArn)
	s.mu.Unlock()
	// One that an earlier process has left stands already.
	found, err := s.Client.GetSubscriptionAttributes(ctx, &awssns.GetSubscriptionAttributesInput{SubscriptionArn: out.SubscriptionArn})
	switch {
	case err != nil && ctx.Err() == nil:
		return err
	case err == nil && found.Attributes["PendingConfirmation"] == "false":
		return nil
	}
	select {
	case <-waiting.confirmed:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%w: does %s lead from there to here?", ErrUnconfirmed, callback)
	}
}

// Unsubscribe takes back what Subscribe has done.
func (s *Subscriber) Unsubscribe(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for function, one := range s.subs {
		if one.arn == "" {
			continue
		}
		if _, err := s.Client.Unsubscribe(ctx, &awssns.UnsubscribeInput{SubscriptionArn: &one.arn}); err != nil {
			errs = append(errs, fmt.Errorf("unsubscribe %s: %w", function, err))
		}
		delete(s.subs, function)
	}
	return errors.Join(errs...)
}

// delivery is what SNS posts
// (https://docs.aws.amazon.com/sns/latest/dg/http-notification-json.html).
type delivery struct {
	Type, MessageID, TopicArn, Subject, Message string
	Token                                       string // of a confirmation
	Timestamp                                   time.Time
	SignatureVersion, Signature                 string
	SigningCertURL, UnsubscribeURL              string
	MessageAttributes                           map[string]any
}

// ServeHTTP takes one delivery. It answers 200 once the event is queued or the
// subscription confirmed: SNS may try again otherwise. Signatures are not
// checked.
func (s *Subscriber) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	function := strings.TrimPrefix(r.URL.Path, Prefix)
	s.mu.Lock()
	sub := s.subs[function]
	s.mu.Unlock()
	var d delivery
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxDelivery)).Decode(&d)
	switch {
	case sub == nil:
		http.Error(w, "no such subscription", http.StatusNotFound)
		return
	case err != nil || d.TopicArn != sub.topic:
		http.Error(w, "not a delivery of this subscription", http.StatusBadRequest)
		return
	}
	switch d.Type {
	case "SubscriptionConfirmation":
		err = s.confirm(r.Context(), sub, d)
	case "Notification":
		err = s.deliver(function, sub, d)
	}
	if err != nil {
		s.Logger.WarnContext(r.Context(), "delivery of SNS not taken", "function", function, "type", d.Type, "error", err)
		http.Error(w, "try again", http.StatusServiceUnavailable)
	}
}

// confirm answers by the token, not by the URL that is sent beside it: that may
// name a host that is not to be had from here.
func (s *Subscriber) confirm(ctx context.Context, sub *subscription, d delivery) error {
	out, err := s.Client.ConfirmSubscription(ctx, &awssns.ConfirmSubscriptionInput{TopicArn: &d.TopicArn, Token: &d.Token})
	if err != nil {
		return fmt.Errorf("confirm subscription: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	sub.arn = aws.ToString(out.SubscriptionArn)
	select {
	case <-sub.confirmed: // delivered twice
	default:
		close(sub.confirmed)
	}
	return nil
}

// deliver makes a notification into the event that a function gets.
func (s *Subscriber) deliver(function string, sub *subscription, d delivery) error {
	s.mu.Lock()
	arn := sub.arn
	s.mu.Unlock()
	event, err := json.Marshal(events.SNSEvent{Records: []events.SNSEventRecord{{
		EventSource: "aws:sns", EventVersion: "1.0", EventSubscriptionArn: arn,
		SNS: events.SNSEntity{
			Type: d.Type, MessageID: d.MessageID, TopicArn: d.TopicArn, Subject: d.Subject, Message: d.Message,
			Timestamp: d.Timestamp, SignatureVersion: d.SignatureVersion, Signature: d.Signature,
			SigningCertURL: d.SigningCertURL, UnsubscribeURL: d.UnsubscribeURL, MessageAttributes: d.MessageAttributes,
		},
	}}})
	if err != nil {
		return fmt.Errorf("encode event: %w", err)
	}
	return s.Invoke(function, event)
}
