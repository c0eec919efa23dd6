package sqs

import (
	"net/http"
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

// with does f with the queue of a URL, while it holds mu.
func (s *Service) with(url string, f func(*queue) error) error {
	name, err := nameOf(url)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.queue(name)
	if err != nil {
		return err
	}
	return f(q)
}

type queueURL struct {
	QueueURL string `json:"QueueUrl"`
}

type createQueueRequest struct {
	QueueName  string
	Attributes map[string]string
}

func (s *Service) doCreateQueue(from *http.Request, r createQueueRequest) (any, error) {
	if _, err := s.CreateQueue(r.QueueName, r.Attributes); err != nil {
		return nil, err
	}
	return queueURL{s.urlFor(from, r.QueueName)}, nil
}

func (s *Service) doDeleteQueue(_ *http.Request, r queueURL) (any, error) {
	return nil, s.with(r.QueueURL, func(q *queue) error {
		s.deleteQueue(q)
		return nil
	})
}

type getQueueURLRequest struct {
	QueueName              string
	QueueOwnerAWSAccountID string `json:"QueueOwnerAWSAccountId"`
}

func (s *Service) doGetQueueURL(from *http.Request, r getQueueURLRequest) (any, error) {
	if r.QueueOwnerAWSAccountID != "" && r.QueueOwnerAWSAccountID != s.cfg.AccountID {
		return nil, queueNotFound()
	}
	if _, err := s.Counts(r.QueueName); err != nil {
		return nil, err
	}
	return queueURL{s.urlFor(from, r.QueueName)}, nil
}

type listQueuesRequest struct {
	QueueNamePrefix string
}

// doListQueues answers all queues in one page.
func (s *Service) doListQueues(from *http.Request, r listQueuesRequest) (any, error) {
	urls := []string{}
	for _, name := range s.Queues() {
		if strings.HasPrefix(name, r.QueueNamePrefix) {
			urls = append(urls, s.urlFor(from, name))
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

func (s *Service) doGetQueueAttributes(_ *http.Request, r getQueueAttributesRequest) (any, error) {
	var all map[string]string
	var counts Counts
	err := s.with(r.QueueURL, func(q *queue) error {
		all, counts = q.attributes(), q.counts(s.clock.Now())
		return nil
	})
	if err != nil {
		return nil, err
	}
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

func (s *Service) doSetQueueAttributes(_ *http.Request, r setQueueAttributesRequest) (any, error) {
	return nil, s.with(r.QueueURL, func(q *queue) error {
		if err := s.apply(q, r.Attributes); err != nil {
			return err
		}
		q.modified = s.clock.Now()
		return nil
	})
}

func (s *Service) doPurgeQueue(_ *http.Request, r queueURL) (any, error) {
	return nil, s.with(r.QueueURL, func(q *queue) error {
		now := s.clock.Now()
		if now.Sub(q.purged) < purgeInterval {
			return refuse(ErrInvalid, "PurgeQueueInProgress", "AWS.SimpleQueueService.PurgeQueueInProgress",
				"Only one PurgeQueue operation on "+q.name+" is allowed every 60 seconds.")
		}
		q.purged, q.messages = now, nil
		return nil
	})
}
