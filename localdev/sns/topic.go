package sns

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

type topic struct {
	arn           string
	attributes    map[string]string
	subscriptions []*subscription // in the order of their creation
	deleted       int
}

type subscription struct {
	Subscription
	filter *filter
}

// Subscription is a target of a topic.
type Subscription struct {
	// ARN is set by the service.
	ARN      string
	TopicARN string
	// Protocol is "lambda" or "sqs", Endpoint the ARN of the function or queue.
	Protocol string
	Endpoint string
	// RawDelivery sends a queue the message alone, without SNS' envelope.
	RawDelivery bool
	// FilterPolicy is the JSON of a filter policy; empty lets all through.
	FilterPolicy string
	// FilterPolicyScope is "MessageAttributes" (default) or "MessageBody".
	FilterPolicyScope string
	// DeadLetterARN is the queue for what cannot be delivered.
	DeadLetterARN string
}

// storedTopicAttributes are kept and shown but have no effect here.
var storedTopicAttributes = []string{"DisplayName", "KmsMasterKeyId", "Policy", "SignatureVersion", "TracingConfig"}

var topicName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,256}$`)

// CreateTopic adds a topic and returns its ARN. For a topic that exists it does
// nothing else.
func (s *Service) CreateTopic(name string) (string, error) {
	return s.createTopic(name, nil)
}

func (s *Service) createTopic(name string, attributes map[string]string) (string, error) {
	switch {
	case strings.HasSuffix(name, ".fifo"):
		return "", unsupported("FIFO topics")
	case !topicName.MatchString(name):
		return "", invalidParameter("Topic Name")
	}
	for key, value := range attributes {
		if key == "FifoTopic" && value == "false" {
			continue
		}
		if !slices.Contains(storedTopicAttributes, key) {
			return "", unsupported("the topic attribute %s", key)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return "", ErrClosed
	}
	arn := s.TopicARN(name)
	t := s.topics[arn]
	if t == nil {
		t = &topic{arn: arn, attributes: map[string]string{}}
		s.topics[arn] = t
		s.order = append(s.order, arn)
	}
	maps.Copy(t.attributes, attributes)
	return arn, nil
}

// DeleteTopic removes a topic and its subscriptions, if it exists.
func (s *Service) DeleteTopic(arn string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.topics, arn)
	s.order = slices.DeleteFunc(s.order, func(other string) bool { return other == arn })
}

// TopicARN is the ARN of a topic of this service, existing or not.
func (s *Service) TopicARN(name string) string {
	return fmt.Sprintf("arn:aws:sns:%s:%s:%s", s.cfg.Region, s.cfg.AccountID, name)
}

// Topics returns the ARNs of all topics in the order of their creation.
func (s *Service) Topics() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.order)
}

// Subscribe adds a subscription and returns its ARN. One with the same topic,
// protocol and endpoint must be equal in all else, and is returned then.
func (s *Service) Subscribe(sub Subscription) (string, error) {
	added, err := s.newSubscription(sub)
	if err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return "", ErrClosed
	}
	t := s.topics[sub.TopicARN]
	if t == nil {
		return "", notFound("Topic")
	}
	for _, old := range t.subscriptions {
		if old.Protocol != added.Protocol || old.Endpoint != added.Endpoint {
			continue
		}
		added.ARN = old.ARN
		if added.Subscription != old.Subscription {
			return "", invalidParameter("Attributes Reason: Subscription already exists with different attributes")
		}
		return old.ARN, nil
	}
	added.ARN = t.arn + ":" + s.ids.UUID()
	t.subscriptions = append(t.subscriptions, added)
	return added.ARN, nil
}

func (s *Service) newSubscription(sub Subscription) (*subscription, error) {
	switch sub.Protocol {
	case "lambda":
		if s.cfg.Lambda == nil {
			return nil, unsupported("protocol lambda without a Lambda")
		}
		if sub.RawDelivery {
			return nil, invalidParameter("Attributes Reason: Delivery protocol [lambda] does not support raw message delivery.")
		}
	case "sqs":
		if s.cfg.Queue == nil {
			return nil, unsupported("protocol sqs without an SQS")
		}
	default:
		return nil, unsupported("protocol %q", sub.Protocol)
	}
	if !strings.HasPrefix(sub.Endpoint, "arn:aws:"+sub.Protocol+":") {
		return nil, invalidParameter("%s endpoint ARN", strings.ToUpper(sub.Protocol))
	}
	if sub.DeadLetterARN != "" && s.cfg.Queue == nil {
		return nil, unsupported("RedrivePolicy without an SQS")
	}
	if sub.FilterPolicyScope == "" {
		sub.FilterPolicyScope = scopeAttributes
	}
	f, err := parseFilter(sub.FilterPolicy, sub.FilterPolicyScope)
	if err != nil {
		return nil, err
	}
	sub.ARN = ""
	return &subscription{Subscription: sub, filter: f}, nil
}

// Unsubscribe removes a subscription, if it exists.
func (s *Service) Unsubscribe(arn string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t, i := s.find(arn); t != nil {
		t.subscriptions = slices.Delete(t.subscriptions, i, i+1)
		t.deleted++
	}
}

// Subscriptions returns a topic's subscriptions in the order of their creation,
// those of all topics for an empty ARN.
func (s *Service) Subscriptions(topicARN string) []Subscription {
	s.mu.Lock()
	defer s.mu.Unlock()
	var subs []Subscription
	for _, arn := range s.order {
		if topicARN != "" && arn != topicARN {
			continue
		}
		for _, sub := range s.topics[arn].subscriptions {
			subs = append(subs, sub.Subscription)
		}
	}
	return subs
}

// find locates a subscription. The caller holds mu.
func (s *Service) find(arn string) (*topic, int) {
	for _, t := range s.topics {
		if i := slices.IndexFunc(t.subscriptions, func(sub *subscription) bool { return sub.ARN == arn }); i >= 0 {
			return t, i
		}
	}
	return nil, 0
}

// topicAttributes is what GetTopicAttributes shows.
func (s *Service) topicAttributes(arn string) (map[string]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.topics[arn]
	if t == nil {
		return nil, notFound("Topic")
	}
	attributes := maps.Clone(t.attributes)
	attributes["TopicArn"] = arn
	attributes["Owner"] = s.cfg.AccountID
	attributes["SubscriptionsConfirmed"] = fmt.Sprint(len(t.subscriptions))
	attributes["SubscriptionsPending"] = "0"
	attributes["SubscriptionsDeleted"] = fmt.Sprint(t.deleted)
	if _, ok := attributes["DisplayName"]; !ok {
		attributes["DisplayName"] = ""
	}
	return attributes, nil
}

// setAttribute applies one subscription attribute of the API.
func (sub *Subscription) setAttribute(name, value string) error {
	switch name {
	case "RawMessageDelivery":
		switch value {
		case "true", "false":
			sub.RawDelivery = value == "true"
		default:
			return invalidParameter("Attributes Reason: RawMessageDelivery: Invalid value [%s]. Must be true or false.", value)
		}
	case "FilterPolicy":
		sub.FilterPolicy = value
	case "FilterPolicyScope":
		sub.FilterPolicyScope = value
	case "RedrivePolicy":
		sub.DeadLetterARN = ""
		if value == "" {
			return nil
		}
		var policy struct {
			Target string `json:"deadLetterTargetArn"`
		}
		if err := json.Unmarshal([]byte(value), &policy); err != nil || !strings.HasPrefix(policy.Target, "arn:aws:sqs:") {
			return invalidParameter("RedrivePolicy: deadLetterTargetArn is an invalid arn")
		}
		sub.DeadLetterARN = policy.Target
	default:
		return unsupported("the subscription attribute %s", name)
	}
	return nil
}

// attributes is what GetSubscriptionAttributes shows.
func (sub Subscription) attributes(owner string) map[string]string {
	attributes := map[string]string{
		"SubscriptionArn": sub.ARN, "TopicArn": sub.TopicARN, "Owner": owner,
		"Protocol": sub.Protocol, "Endpoint": sub.Endpoint,
		"RawMessageDelivery": fmt.Sprint(sub.RawDelivery), "PendingConfirmation": "false",
		"ConfirmationWasAuthenticated": "true", "SubscriptionPrincipal": "arn:aws:iam::" + owner + ":root",
	}
	if sub.FilterPolicy != "" {
		attributes["FilterPolicy"] = sub.FilterPolicy
		attributes["FilterPolicyScope"] = sub.FilterPolicyScope
	}
	if sub.DeadLetterARN != "" {
		policy, err := json.Marshal(map[string]string{"deadLetterTargetArn": sub.DeadLetterARN})
		if err == nil { // strings always marshal
			attributes["RedrivePolicy"] = string(policy)
		}
	}
	return attributes
}
