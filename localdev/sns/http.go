package sns

import (
	"encoding/xml"
	"maps"
	"net/http"
	"net/url"
	"slices"

	awssns "github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/gapless-rooms/gapless/localdev/inproc"
)

var _ http.Handler = (*Service)(nil)

const namespace = "http://sns.amazonaws.com/doc/2010-03-31/"

// ServeHTTP serves SNS' Query protocol
// (https://docs.aws.amazon.com/sns/latest/api/CommonParameters.html). Signatures
// are not checked. An action or a parameter that the emulator does not have is
// refused with InvalidAction or InvalidParameter.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.front.ServeHTTP(w, r) }

// Transport calls the service in process, whatever host a request names.
func (s *Service) Transport() http.RoundTripper { return inproc.Transport{Handler: s} }

// Client is an SDK client that calls the service in process. The options come
// after its own.
func (s *Service) Client(options ...func(*awssns.Options)) *awssns.Client {
	return awssns.NewFromConfig(inproc.AWS(s, s.cfg.Region), options...)
}

// act performs one action of the Query protocol.
func (s *Service) act(_ *http.Request, name string, parameters url.Values) (any, error) {
	action, ok := actions[name]
	if !ok {
		return nil, invalidAction(name)
	}
	return action(s, newQuery(parameters))
}

// actions are the supported operations. Each reads its parameters and calls
// query.unread before it has an effect.
var actions = map[string]func(*Service, *query) (any, error){
	"CreateTopic":               (*Service).doCreateTopic,
	"DeleteTopic":               (*Service).doDeleteTopic,
	"GetTopicAttributes":        (*Service).doGetTopicAttributes,
	"ListTopics":                (*Service).doListTopics,
	"Subscribe":                 (*Service).doSubscribe,
	"Unsubscribe":               (*Service).doUnsubscribe,
	"GetSubscriptionAttributes": (*Service).doGetSubscriptionAttributes,
	"SetSubscriptionAttributes": (*Service).doSetSubscriptionAttributes,
	"ListSubscriptions":         (*Service).doListSubscriptions,
	"ListSubscriptionsByTopic":  (*Service).doListSubscriptions,
	"Publish":                   (*Service).doPublish,
	"PublishBatch":              (*Service).doPublishBatch,
}

// entries is a map in the form <entry><key/><value/></entry>….
type entries map[string]string

func (m entries) MarshalXML(e *xml.Encoder, start xml.StartElement) error {
	type entry struct {
		Key   string `xml:"key"`
		Value string `xml:"value"`
	}
	list := make([]entry, 0, len(m))
	for _, key := range slices.Sorted(maps.Keys(m)) {
		list = append(list, entry{key, m[key]})
	}
	return e.EncodeElement(struct {
		Entries []entry `xml:"entry"`
	}{list}, start)
}
