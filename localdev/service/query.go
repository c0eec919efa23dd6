package service

import (
	"encoding/xml"
	"net/http"
	"net/url"
)

// Query answers the Query protocol, with XML in return
// (https://smithy.io/2.0/aws/protocols/aws-query-protocol.html). Signatures are
// not checked. All fields are required.
type Query struct {
	// Namespace is the XML namespace of answers.
	Namespace string
	// MaxRequest is the largest request in bytes.
	MaxRequest int64
	// RequestID makes the answer's id.
	RequestID func() string
	// Do performs an action. The result is marshalled below {Action}Result.
	Do func(r *http.Request, action string, parameters url.Values) (any, error)
}

// ServeHTTP answers one request.
func (q *Query) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := ReadBody(w, r, q.MaxRequest)
	var values url.Values
	if err == nil {
		values, err = url.ParseQuery(string(body))
	}
	if err != nil || r.Method != http.MethodPost {
		q.fail(w, &Error{Code: "MalformedQueryString", Message: "The request is not a form-encoded POST"})
		return
	}
	action := values.Get("Action")
	result, err := q.Do(r, action, values)
	if err != nil {
		q.fail(w, Refusal(err, "InternalError"))
		return
	}
	id := q.RequestID()
	w.Header().Set("X-Amzn-Requestid", id)
	type metadata struct {
		RequestID string `xml:"RequestId"`
	}
	writeXML(w, http.StatusOK, struct {
		XMLName  xml.Name
		Result   any
		Metadata metadata `xml:"ResponseMetadata"`
	}{xml.Name{Space: q.Namespace, Local: action + "Response"}, named{action + "Result", result}, metadata{id}})
}

func (q *Query) fail(w http.ResponseWriter, e *Error) {
	id := q.RequestID()
	w.Header().Set("X-Amzn-Requestid", id)
	writeXML(w, e.HTTPStatus(), queryFailure(e, q.Namespace, id))
}

func queryFailure(e *Error, namespace, requestID string) any {
	type detail struct{ Type, Code, Message string }
	body := struct {
		XMLName   xml.Name
		Error     detail
		RequestID string `xml:"RequestId"`
	}{
		xml.Name{Space: namespace, Local: "ErrorResponse"},
		detail{"Receiver", e.ReportedCode(), e.Message}, requestID,
	}
	if e.Sender() {
		body.Error.Type = "Sender"
	}
	return body
}

func writeXML(w http.ResponseWriter, status int, body any) {
	out, err := xml.Marshal(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError) // an answer that no type of a service has
		return
	}
	w.Header().Set("Content-Type", "text/xml")
	w.WriteHeader(status)
	_, _ = w.Write(out)
}

// named is a result under its element's name.
type named struct {
	name   string
	result any
}

func (n named) MarshalXML(e *xml.Encoder, start xml.StartElement) error {
	start.Name = xml.Name{Local: n.name}
	if n.result == nil {
		n.result = struct{}{}
	}
	return e.EncodeElement(n.result, start)
}
