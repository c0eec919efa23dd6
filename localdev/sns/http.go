package sns

import (
	"encoding/xml"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
)

var _ http.Handler = (*Service)(nil)

const namespace = "http://sns.amazonaws.com/doc/2010-03-31/"

// ServeHTTP serves SNS' Query protocol
// (https://docs.aws.amazon.com/sns/latest/api/CommonParameters.html). Signatures
// are not checked. An action or a parameter that the emulator does not have is
// refused with InvalidAction or InvalidParameter.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Body == nil { // a client's request that is handed over in process
		r.Body = http.NoBody
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRequest+1))
	if err == nil && len(body) > maxRequest {
		err = errors.New("request too large")
	}
	var values url.Values
	if err == nil {
		values, err = url.ParseQuery(string(body))
	}
	if err != nil || r.Method != http.MethodPost {
		s.writeError(w, senderError(http.StatusBadRequest, "MalformedQueryString", "The request is no form-encoded POST", ErrInvalidParameter))
		return
	}
	name := values.Get("Action")
	action, ok := actions[name]
	if !ok {
		s.writeError(w, invalidAction(name))
		return
	}
	q := newQuery(values)
	result, err := action(s, q)
	if err != nil {
		s.writeError(w, err)
		return
	}
	s.writeResult(w, name, result)
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

func (s *Service) requestID() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.newID()
}

func (s *Service) writeResult(w http.ResponseWriter, action string, result any) {
	type metadata struct {
		RequestID string `xml:"RequestId"`
	}
	envelope := struct {
		XMLName  xml.Name
		Result   any
		Metadata metadata `xml:"ResponseMetadata"`
	}{
		XMLName:  xml.Name{Space: namespace, Local: action + "Response"},
		Result:   wrapped{action + "Result", result},
		Metadata: metadata{s.requestID()},
	}
	writeXML(w, http.StatusOK, envelope.Metadata.RequestID, envelope)
}

func (s *Service) writeError(w http.ResponseWriter, err error) {
	var e *Error
	if !errors.As(err, &e) {
		e = internalError()
		e.Message = err.Error()
	}
	type detail struct {
		Type    string
		Code    string
		Message string
	}
	body := struct {
		XMLName   xml.Name
		Error     detail
		RequestID string `xml:"RequestId"`
	}{
		XMLName:   xml.Name{Space: namespace, Local: "ErrorResponse"},
		Error:     detail{"Receiver", e.Code, e.Message},
		RequestID: s.requestID(),
	}
	if e.Sender {
		body.Error.Type = "Sender"
	}
	writeXML(w, e.Status, body.RequestID, body)
}

func writeXML(w http.ResponseWriter, status int, requestID string, body any) {
	out, err := xml.Marshal(body)
	if err != nil {
		// The bodies are the types of this package, which all marshal.
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/xml")
	w.Header().Set("X-Amzn-Requestid", requestID)
	w.WriteHeader(status)
	_, _ = w.Write(out) // the caller has gone if this fails
}

// wrapped is a result under its element's name.
type wrapped struct {
	name   string
	result any
}

func (r wrapped) MarshalXML(e *xml.Encoder, start xml.StartElement) error {
	start.Name = xml.Name{Local: r.name}
	if r.result == nil {
		r.result = struct{}{}
	}
	return e.EncodeElement(r.result, start)
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
