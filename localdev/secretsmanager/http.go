package secretsmanager

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

var _ http.Handler = (*Service)(nil)

// maxRequest is where the emulator stops reading a request, in bytes.
const maxRequest = 1 << 20

// ServeHTTP serves Secrets Manager's JSON protocol, AWS JSON 1.1
// (https://docs.aws.amazon.com/secretsmanager/latest/apireference/Welcome.html).
// Signatures are not checked. An operation or a parameter that the emulator does
// not have is refused by name.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	result, err := s.serve(r)
	status := http.StatusOK
	if err != nil {
		var e *Error
		if !errors.As(err, &e) {
			e = &Error{Status: http.StatusInternalServerError, Type: "InternalServiceError", Message: err.Error()}
		}
		status, result = e.Status, map[string]string{"__type": e.Type, "Message": e.Message}
	}
	out, err := json.Marshal(result)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.WriteHeader(status)
	_, _ = w.Write(out) // the caller has gone if this fails
}

func (s *Service) serve(r *http.Request) (any, error) {
	name, ok := strings.CutPrefix(r.Header.Get("X-Amz-Target"), "secretsmanager.")
	if !ok || r.Method != http.MethodPost {
		return nil, unsupported("a request without X-Amz-Target secretsmanager.{operation}")
	}
	operation := operations[name]
	if operation == nil {
		return nil, unsupported("the operation " + name)
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRequest))
	if err != nil {
		return nil, invalidParameter("The request cannot be read.")
	}
	return operation(s, body)
}

// operations are the supported operations by name.
var operations = map[string]func(*Service, []byte) (any, error){
	"CreateSecret":   decoded((*Service).createSecret),
	"DescribeSecret": decoded((*Service).describeSecret),
	"GetSecretValue": decoded((*Service).getSecretValue),
	"PutSecretValue": decoded((*Service).putSecretValue),
}

// decoded makes an operation of a method with a typed request. A field that the
// type does not have is refused by name.
func decoded[T any](f func(*Service, T) (any, error)) func(*Service, []byte) (any, error) {
	return func(s *Service, body []byte) (any, error) {
		var request T
		d := json.NewDecoder(bytes.NewReader(body))
		d.DisallowUnknownFields()
		if err := d.Decode(&request); err != nil {
			if field, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
				return nil, unsupported("the parameter " + field)
			}
			return nil, invalidParameter("The request is not the JSON that it should be.")
		}
		return f(s, request)
	}
}

type createRequest struct{ Name, Description, ClientRequestToken, SecretString string }

func (s *Service) createSecret(r createRequest) (any, error) {
	if err := s.Create(r.Name, r.ClientRequestToken, r.SecretString); err != nil {
		return nil, err
	}
	return map[string]any{"ARN": s.ARN(r.Name), "Name": r.Name, "VersionId": r.ClientRequestToken}, nil
}

type putRequest struct{ SecretId, ClientRequestToken, SecretString string }

func (s *Service) putSecretValue(r putRequest) (any, error) {
	if err := s.Put(r.SecretId, r.ClientRequestToken, r.SecretString); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	secret, err := s.find(r.SecretId)
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"ARN": secret.arn, "Name": secret.name, "VersionId": r.ClientRequestToken,
		"VersionStages": secret.labels(r.ClientRequestToken),
	}, nil
}

type getRequest struct{ SecretId, VersionId, VersionStage string }

func (s *Service) getSecretValue(r getRequest) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	secret, v, err := s.value(r.SecretId, r.VersionId, r.VersionStage)
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"ARN": secret.arn, "Name": secret.name, "VersionId": v.id, "VersionStages": secret.labels(v.id),
		"SecretString": v.value, "CreatedDate": epoch(v.created),
	}, nil
}

type describeRequest struct{ SecretId string }

func (s *Service) describeSecret(r describeRequest) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	secret, err := s.find(r.SecretId)
	if err != nil {
		return nil, err
	}
	stages := map[string][]string{}
	for id := range secret.versions {
		if labels := secret.labels(id); len(labels) > 0 {
			stages[id] = labels
		}
	}
	return map[string]any{
		"ARN": secret.arn, "Name": secret.name, "CreatedDate": epoch(secret.created), "VersionIdsToStages": stages,
	}, nil
}

// labels are the staging labels of a version, in order.
func (s *secret) labels(id string) []string {
	out := []string{}
	for label, staged := range s.staged {
		if staged == id {
			out = append(out, label)
		}
	}
	slices.Sort(out)
	return out
}

// epoch is how the protocol writes a date: seconds, with the milliseconds
// behind the point.
func epoch(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }
