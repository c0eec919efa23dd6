package service

import (
	"encoding/binary"
	"encoding/xml"
	"net/http"
	"regexp"
	"strings"
)

// scope finds the access key's id and the service's name in a Signature Version
// 4 header
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html).
var scope = regexp.MustCompile(`Credential=([^/]*)/[0-9]{8}/[^/]+/([^/]+)/aws4_request`)

// Signed returns the access key's id and the service's name of a signed request.
// The signature is not checked: there is no secret to check it with.
func Signed(r *http.Request) (accessKey, service string, ok bool) {
	match := scope.FindStringSubmatch(r.Header.Get("Authorization"))
	if match == nil {
		return "", "", false
	}
	return match[1], match[2], true
}

// isQuery reports whether a request is one of the Query protocol.
func isQuery(r *http.Request) bool {
	return strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded")
}

// Refuse answers with an error in the form of the request's own protocol, so
// that the caller's SDK reads it whatever service it meant.
func Refuse(w http.ResponseWriter, r *http.Request, e *Error, requestID string) {
	h := w.Header()
	h.Set("X-Amzn-Requestid", requestID)
	target := r.Header.Get("X-Amz-Target")
	switch {
	case r.Header.Get("Smithy-Protocol") == "rpc-v2-cbor":
		// https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html
		h.Set("Smithy-Protocol", "rpc-v2-cbor")
		h.Set("Content-Type", "application/cbor")
		w.WriteHeader(e.HTTPStatus())
		body := []byte{0xa2} // a map of two
		for _, text := range []string{"__type", e.Code, "message", e.Message} {
			body = append(binary.BigEndian.AppendUint32(append(body, 0x7a), uint32(len(text))), text...) //nolint:gosec // a message's length fits
		}
		_, _ = w.Write(body)
	case target != "":
		contentType := "application/x-amz-json-1.0"
		if strings.Contains(r.Header.Get("Content-Type"), "1.1") {
			contentType = "application/x-amz-json-1.1"
		}
		WriteJSON(w, e.HTTPStatus(), contentType, failure{e.Code, e.Message})
	case isQuery(r):
		writeXML(w, e.HTTPStatus(), queryFailure(e, "", requestID))
	default:
		if _, service, _ := Signed(r); service == "s3" {
			writeXML(w, e.HTTPStatus(), struct {
				XMLName       xml.Name `xml:"Error"`
				Code, Message string
				RequestID     string `xml:"RequestId"`
			}{Code: e.Code, Message: e.Message, RequestID: requestID})
			return
		}
		RefuseREST(w, e)
	}
}

// RefuseREST answers with an error of the REST-JSON protocol, in the form that
// Lambda and API Gateway give it
// (https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html#operation-error-serialization).
func RefuseREST(w http.ResponseWriter, e *Error) {
	w.Header().Set("X-Amzn-Errortype", e.Code)
	kind := "User"
	if !e.Sender() {
		kind = "Server"
	}
	WriteJSON(w, e.HTTPStatus(), "application/json", struct {
		Reason  string `json:"Reason,omitempty"`
		Type    string `json:"Type"`
		Message string `json:"message"`
	}{e.Reason, kind, e.Message})
}
