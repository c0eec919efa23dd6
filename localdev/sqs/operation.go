package sqs

import (
	"context"
	"slices"
	"strconv"
	"strings"
)

// nameOf is the queue's name in its URL, whatever its host.
func nameOf(url string) (string, error) {
	if url == "" {
		return "", missing("QueueUrl")
	}
	return url[strings.LastIndex(url, "/")+1:], nil
}

type queueURL struct {
	QueueURL string `json:"QueueUrl"`
}

type createQueueRequest struct {
	QueueName  string
	Attributes map[string]string
}

func (s *Service) doCreateQueue(_ context.Context, r createQueueRequest) (any, error) {
	if _, err := s.CreateQueue(r.QueueName, r.Attributes); err != nil {
		return nil, err
	}
	return queueURL{s.URL(r.QueueName)}, nil
}

func (s *Service) doDeleteQueue(_ context.Context, r queueURL) (any, error) {
	name, err := nameOf(r.QueueURL)
	if err != nil {
		return nil, err
	}
	if _, err := s.Counts(name); err != nil {
		return nil, err
	}
	s.DeleteQueue(name)
	return nil, nil
}

type getQueueURLRequest struct {
	QueueName              string
	QueueOwnerAWSAccountID string `json:"QueueOwnerAWSAccountId"`
}

func (s *Service) doGetQueueURL(_ context.Context, r getQueueURLRequest) (any, error) {
	if r.QueueOwnerAWSAccountID != "" && r.QueueOwnerAWSAccountID != s.cfg.AccountID {
		return nil, queueNotFound()
	}
	if _, err := s.Counts(r.QueueName); err != nil {
		return nil, err
	}
	return queueURL{s.URL(r.QueueName)}, nil
}

type listQueuesRequest struct {
	QueueNamePrefix string
}

// doListQueues answers all queues in one page.
func (s *Service) doListQueues(_ context.Context, r listQueuesRequest) (any, error) {
	urls := []string{}
	for _, name := range s.Queues() {
		if strings.HasPrefix(name, r.QueueNamePrefix) {
			urls = append(urls, s.URL(name))
		}
	}
	return struct {
		QueueURLs []string `json:"QueueUrls"`
	}{urls}, nil
}

type getQueueAttributesRequest struct {
	queueURL
	AttributeNames []string
}

func (s *Service) doGetQueueAttributes(_ context.Context, r getQueueAttributesRequest) (any, error) {
	name, err := nameOf(r.QueueURL)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.queue(name)
	if err != nil {
		return nil, err
	}
	all := q.attributes()
	counts := q.counts(s.clock.Now())
	all["ApproximateNumberOfMessages"] = strconv.Itoa(counts.Visible)
	all["ApproximateNumberOfMessagesNotVisible"] = strconv.Itoa(counts.InFlight)
	all["ApproximateNumberOfMessagesDelayed"] = strconv.Itoa(counts.Delayed)
	type answer struct {
		Attributes map[string]string `json:"Attributes,omitempty"`
	}
	if slices.Contains(r.AttributeNames, "All") {
		return answer{all}, nil
	}
	wanted := map[string]string{}
	for _, attribute := range r.AttributeNames {
		value, ok := all[attribute]
		switch {
		case ok:
			wanted[attribute] = value
		case attribute != "RedrivePolicy" && !slices.Contains(storedAttributes, attribute):
			return nil, refuse(ErrInvalid, "InvalidAttributeName", "InvalidAttributeName", "Unknown Attribute "+attribute+".")
		}
	}
	return answer{wanted}, nil
}

type setQueueAttributesRequest struct {
	queueURL
	Attributes map[string]string
}

func (s *Service) doSetQueueAttributes(_ context.Context, r setQueueAttributesRequest) (any, error) {
	name, err := nameOf(r.QueueURL)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.queue(name)
	if err != nil {
		return nil, err
	}
	if err := s.apply(q, r.Attributes); err != nil {
		return nil, err
	}
	q.modified = s.clock.Now()
	return nil, nil
}

func (s *Service) doPurgeQueue(_ context.Context, r queueURL) (any, error) {
	name, err := nameOf(r.QueueURL)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.queue(name)
	if err != nil {
		return nil, err
	}
	now := s.clock.Now()
	if now.Sub(q.purged) < purgeInterval {
		return nil, refuse(ErrInvalid, "PurgeQueueInProgress", "AWS.SimpleQueueService.PurgeQueueInProgress",
			"Only one PurgeQueue operation on "+name+" is allowed every 60 seconds.")
	}
	q.purged, q.messages = now, nil
	return nil, nil
}
