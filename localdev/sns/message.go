package sns

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gapless-rooms/gapless/localdev/sqs"
)

// Message is what a publisher publishes.
type Message struct {
	// Body is the text. In the form that the API calls MessageStructure json, it
	// is what "default" holds.
	Body string
	// Bodies are the texts for single protocols in that form.
	Bodies map[string]string
	// Subject is optional: at most 100 printable ASCII characters.
	Subject string
	// Attributes has the types String, String.Array, Number and Binary.
	Attributes map[string]sqs.Attribute
}

// body is the text for a protocol.
func (m Message) body(protocol string) string {
	if text, ok := m.Bodies[protocol]; ok {
		return text
	}
	return m.Body
}

// size is what the limits count, in bytes.
func (m Message) size() int {
	n := len(m.Body)
	for _, text := range m.Bodies {
		n += len(text)
	}
	for name, a := range m.Attributes {
		n += len(name) + len(a.Type) + len(a.String) + len(a.Binary)
	}
	return n
}

var attributeName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,256}$`)

// validate checks everything but the size.
func (m Message) validate() error {
	switch {
	case m.Body == "":
		return invalidParameter("Empty message")
	case !utf8.ValidString(m.Body):
		return invalidParameter("Message Reason: not valid UTF-8")
	case !validSubject(m.Subject):
		return invalidParameter("Subject")
	}
	for name, a := range m.Attributes {
		if err := validateAttribute(name, a); err != nil {
			return err
		}
	}
	return nil
}

// validSubject: printable ASCII that does not begin with a space, without line
// breaks (https://docs.aws.amazon.com/sns/latest/api/API_Publish.html).
func validSubject(subject string) bool {
	if len(subject) > maxSubject || strings.HasPrefix(subject, " ") {
		return false
	}
	return !strings.ContainsFunc(subject, func(r rune) bool { return r < ' ' || r > '~' })
}

func validateAttribute(name string, a sqs.Attribute) error {
	invalid := func(text string) error {
		return refuse(http.StatusBadRequest, "ParameterValueInvalid", "The message attribute '"+name+"' "+text, ErrInvalidParameter)
	}
	if !attributeName.MatchString(name) {
		return invalid("has an invalid name.")
	}
	base, _, _ := strings.Cut(a.Type, ".")
	switch base {
	case "String", "Number":
		if a.String == "" || a.Binary != nil {
			return invalid("must contain non-empty message attribute value for message attribute type '" + a.Type + "'.")
		}
		if _, err := strconv.ParseFloat(a.String, 64); base == "Number" && err != nil {
			return invalid("with type 'Number' must use field 'String' with a numeric value.")
		}
		if a.Type == "String.Array" {
			var values []any
			if json.Unmarshal([]byte(a.String), &values) != nil {
				return invalid("with type 'String.Array' is no JSON array.")
			}
		}
	case "Binary":
		if len(a.Binary) == 0 || a.String != "" {
			return invalid("must contain non-empty message attribute value for message attribute type '" + a.Type + "'.")
		}
	default:
		return invalid("has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.")
	}
	return nil
}

// shownAttribute is a message attribute as subscribers see it.
type shownAttribute struct {
	Type  string `json:"Type"`
	Value string `json:"Value"`
}

func showAttributes(attributes map[string]sqs.Attribute) map[string]shownAttribute {
	shown := make(map[string]shownAttribute, len(attributes))
	for name, a := range attributes {
		shown[name] = shownAttribute{a.Type, a.Text()}
	}
	return shown
}

// envelope texts that a real topic fills with its signature.
const (
	signatureVersion = "1"
	signature        = "EXAMPLE"
	timeFormat       = "2006-01-02T15:04:05.000Z"
)

func (s *Service) certURL() string {
	return "https://sns." + s.cfg.Region + ".amazonaws.com/SimpleNotificationService-00000000000000000000000000000000.pem"
}

func (s *Service) unsubscribeURL(arn string) string {
	return "https://sns." + s.cfg.Region + ".amazonaws.com/?Action=Unsubscribe&SubscriptionArn=" + arn
}

func formatTime(t time.Time) string { return t.UTC().Format(timeFormat) }

// lambdaEvent is the event of a function: always one record
// (https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html).
func (s *Service) lambdaEvent(d Delivery) ([]byte, error) {
	type entity struct {
		Type              string                    `json:"Type"`
		MessageID         string                    `json:"MessageId"`
		TopicARN          string                    `json:"TopicArn"`
		Subject           *string                   `json:"Subject"`
		Message           string                    `json:"Message"`
		Timestamp         string                    `json:"Timestamp"`
		SignatureVersion  string                    `json:"SignatureVersion"`
		Signature         string                    `json:"Signature"`
		SigningCertURL    string                    `json:"SigningCertUrl"`
		UnsubscribeURL    string                    `json:"UnsubscribeUrl"`
		MessageAttributes map[string]shownAttribute `json:"MessageAttributes"`
	}
	type record struct {
		EventSource          string `json:"EventSource"`
		EventVersion         string `json:"EventVersion"`
		EventSubscriptionARN string `json:"EventSubscriptionArn"`
		SNS                  entity `json:"Sns"`
	}
	r := record{
		EventSource: "aws:sns", EventVersion: "1.0", EventSubscriptionARN: d.SubscriptionARN,
		SNS: entity{
			Type: "Notification", MessageID: d.MessageID, TopicARN: d.TopicARN,
			Message: d.Message.body(d.Protocol), Timestamp: formatTime(d.Published),
			SignatureVersion: signatureVersion, Signature: signature,
			SigningCertURL: s.certURL(), UnsubscribeURL: s.unsubscribeURL(d.SubscriptionARN),
			MessageAttributes: showAttributes(d.Message.Attributes),
		},
	}
	if d.Message.Subject != "" {
		r.SNS.Subject = &d.Message.Subject
	}
	return json.Marshal(struct {
		Records []record `json:"Records"`
	}{[]record{r}})
}

// notification is the envelope in which queues, dead-letter queues among them,
// get a message
// (https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html).
func (s *Service) notification(d Delivery) ([]byte, error) {
	n := struct {
		Type              string                    `json:"Type"`
		MessageID         string                    `json:"MessageId"`
		TopicARN          string                    `json:"TopicArn"`
		Subject           string                    `json:"Subject,omitempty"`
		Message           string                    `json:"Message"`
		Timestamp         string                    `json:"Timestamp"`
		SignatureVersion  string                    `json:"SignatureVersion"`
		Signature         string                    `json:"Signature"`
		SigningCertURL    string                    `json:"SigningCertURL"`
		UnsubscribeURL    string                    `json:"UnsubscribeURL"`
		MessageAttributes map[string]shownAttribute `json:"MessageAttributes,omitempty"`
	}{
		Type: "Notification", MessageID: d.MessageID, TopicARN: d.TopicARN, Subject: d.Message.Subject,
		Message: d.Message.body(d.Protocol), Timestamp: formatTime(d.Published),
		SignatureVersion: signatureVersion, Signature: signature,
		SigningCertURL: s.certURL(), UnsubscribeURL: s.unsubscribeURL(d.SubscriptionARN),
		MessageAttributes: showAttributes(d.Message.Attributes),
	}
	return json.Marshal(n)
}
