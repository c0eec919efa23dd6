package sns

import "strings"

type topicResult struct {
	TopicARN string `xml:"TopicArn"`
}

func (s *Service) doCreateTopic(q *query) (any, error) {
	name, attributes := q.get("Name"), q.stringMap("Attributes")
	if err := q.unread(); err != nil {
		return nil, err
	}
	arn, err := s.createTopic(name, attributes)
	return topicResult{arn}, err
}

func (s *Service) doDeleteTopic(q *query) (any, error) {
	arn, err := topicARN(q)
	if err != nil {
		return nil, err
	}
	s.DeleteTopic(arn)
	return nil, nil
}

// topicARN reads TopicArn as the only parameter that is left.
func topicARN(q *query) (string, error) {
	arn := q.get("TopicArn")
	if err := q.unread(); err != nil {
		return "", err
	}
	if !strings.HasPrefix(arn, "arn:aws:sns:") {
		return "", invalidParameter("TopicArn Reason: An ARN must have at least 6 elements, not %d", strings.Count(arn, ":")+1)
	}
	return arn, nil
}

type attributesResult struct {
	Attributes entries
}

func (s *Service) doGetTopicAttributes(q *query) (any, error) {
	arn, err := topicARN(q)
	if err != nil {
		return nil, err
	}
	attributes, err := s.topicAttributes(arn)
	return attributesResult{attributes}, err
}

// doListTopics answers all topics in one page.
func (s *Service) doListTopics(q *query) (any, error) {
	if err := q.unread(); err != nil {
		return nil, err
	}
	var result struct {
		Topics []topicResult `xml:"Topics>member"`
	}
	for _, arn := range s.Topics() {
		result.Topics = append(result.Topics, topicResult{arn})
	}
	return result, nil
}

type subscriptionResult struct {
	SubscriptionARN string `xml:"SubscriptionArn"`
}

func (s *Service) doSubscribe(q *query) (any, error) {
	sub := Subscription{TopicARN: q.get("TopicArn"), Protocol: q.get("Protocol"), Endpoint: q.get("Endpoint")}
	q.get("ReturnSubscriptionArn") // the ARN is always known: nothing is to be confirmed
	for name, value := range q.stringMap("Attributes") {
		if err := sub.setAttribute(name, value); err != nil {
			return nil, err
		}
	}
	if err := q.unread(); err != nil {
		return nil, err
	}
	arn, err := s.Subscribe(sub)
	return subscriptionResult{arn}, err
}

func (s *Service) doUnsubscribe(q *query) (any, error) {
	arn := q.get("SubscriptionArn")
	if err := q.unread(); err != nil {
		return nil, err
	}
	s.Unsubscribe(arn)
	return nil, nil
}

func (s *Service) doGetSubscriptionAttributes(q *query) (any, error) {
	arn := q.get("SubscriptionArn")
	if err := q.unread(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t, i := s.find(arn)
	if t == nil {
		return nil, notFound("Subscription")
	}
	return attributesResult{t.subscriptions[i].attributes(s.cfg.AccountID)}, nil
}

func (s *Service) doSetSubscriptionAttributes(q *query) (any, error) {
	arn, name, value := q.get("SubscriptionArn"), q.get("AttributeName"), q.get("AttributeValue")
	if err := q.unread(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t, i := s.find(arn)
	if t == nil {
		return nil, notFound("Subscription")
	}
	sub := t.subscriptions[i].Subscription
	if err := sub.setAttribute(name, value); err != nil {
		return nil, err
	}
	changed, err := s.newSubscription(sub)
	if err != nil {
		return nil, err
	}
	changed.ARN = arn
	t.subscriptions[i] = changed
	return nil, nil
}

// doListSubscriptions answers all subscriptions, or all of one topic, in one
// page.
func (s *Service) doListSubscriptions(q *query) (any, error) {
	arn := ""
	if q.values.Get("Action") == "ListSubscriptionsByTopic" {
		var err error
		if arn, err = topicARN(q); err != nil {
			return nil, err
		}
		if _, err := s.topicAttributes(arn); err != nil {
			return nil, err
		}
	} else if err := q.unread(); err != nil {
		return nil, err
	}
	type member struct {
		SubscriptionARN string `xml:"SubscriptionArn"`
		Owner           string
		Protocol        string
		Endpoint        string
		TopicARN        string `xml:"TopicArn"`
	}
	var result struct {
		Subscriptions []member `xml:"Subscriptions>member"`
	}
	for _, sub := range s.Subscriptions(arn) {
		result.Subscriptions = append(result.Subscriptions, member{sub.ARN, s.cfg.AccountID, sub.Protocol, sub.Endpoint, sub.TopicARN})
	}
	return result, nil
}

type publishResult struct {
	MessageID string `xml:"MessageId"`
}

func (s *Service) doPublish(q *query) (any, error) {
	arn := q.get("TopicArn")
	if target := q.get("TargetArn"); arn == "" {
		arn = target
	}
	if arn == "" && !q.under("PhoneNumber") {
		return nil, invalidParameter("TopicArn or TargetArn Reason: no value for required parameter")
	}
	m, err := q.message("")
	if err != nil {
		return nil, err
	}
	if err := q.unread(); err != nil {
		return nil, err
	}
	id, err := s.Publish(arn, m)
	return publishResult{id}, err
}

func (s *Service) doPublishBatch(q *query) (any, error) {
	arn, batch := q.get("TopicArn"), q.batch()
	if err := q.unread(); err != nil {
		return nil, err
	}
	results, err := s.PublishBatch(arn, batch)
	if err != nil {
		return nil, err
	}
	type success struct {
		ID        string `xml:"Id"`
		MessageID string `xml:"MessageId"`
	}
	type failure struct {
		ID          string `xml:"Id"`
		Code        string
		Message     string
		SenderFault bool
	}
	var answer struct {
		Successful []success `xml:"Successful>member"`
		Failed     []failure `xml:"Failed>member"`
	}
	for _, r := range results {
		if r.Err != nil {
			answer.Failed = append(answer.Failed, failure{r.ID, r.Err.Code, r.Err.Message, r.Err.Sender()})
		} else {
			answer.Successful = append(answer.Successful, success{r.ID, r.MessageID})
		}
	}
	return answer, nil
}
