package secretsmanager

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/gapless-rooms/gapless/localdev/inproc"
	"github.com/gapless-rooms/gapless/localdev/service"
)

var _ http.Handler = (*Service)(nil)

// maxRequest is where the emulator stops reading a request, in bytes.
const maxRequest = 1 << 20

// ServeHTTP serves Secrets Manager's JSON protocol, AWS JSON 1.1
// (https://docs.aws.amazon.com/secretsmanager/latest/apireference/Welcome.html).
// Signatures are not checked. An operation or a parameter that the emulator does
// not have is refused by name.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.front.ServeHTTP(w, r) }

// Transport calls the service in process, whatever host a request names.
func (s *Service) Transport() http.RoundTripper { return inproc.Transport{Handler: s} }

// Client is an SDK client that calls the service in process. The options come
// after its own.
func (s *Service) Client(options ...func(*sdk.Options)) *sdk.Client {
	return sdk.NewFromConfig(inproc.AWS(s, s.cfg.Region), options...)
}

// Observe calls f for each request of the API from now on, once it is answered
// and in its goroutine. It does not see Go calls such as Put. stop ends it.
func (s *Service) Observe(f func(service.Call)) (stop func()) { return s.calls.Observe(f) }

// SetFault replaces Config.Fault; nil ends all faults.
func (s *Service) SetFault(f service.FaultFunc) { s.fault.Set(f) }

// newFront puts the JSON protocol before a service.
func newFront(s *Service) *service.JSON[*Service] {
	return &service.JSON[*Service]{
		Service: s, Version: "1.1", Target: "secretsmanager.", Operations: operations, MaxRequest: maxRequest,
		RequestID: s.ids.UUID, Unsupported: unsupported, Internal: "InternalServiceError", Calls: &s.calls, Fault: &s.fault,
	}
}

// operations are the supported operations by name.
var operations = map[string]service.Operation[*Service]{
	"CreateSecret":   service.Decode((*Service).createSecret),
	"DescribeSecret": service.Decode((*Service).describeSecret),
	"GetSecretValue": service.Decode((*Service).getSecretValue),
	"ListSecrets":    service.Decode((*Service).listSecrets),
	"PutSecretValue": service.Decode((*Service).putSecretValue),
}

type createRequest struct{ Name, Description, ClientRequestToken, SecretString string }

func (s *Service) createSecret(_ *http.Request, r createRequest) (any, error) {
	if err := s.Create(r.Name, r.ClientRequestToken, r.SecretString); err != nil {
		return nil, err
	}
	return map[string]any{"ARN": s.ARN(r.Name), "Name": r.Name, "VersionId": r.ClientRequestToken}, nil
}

type putRequest struct{ SecretId, ClientRequestToken, SecretString string }

func (s *Service) putSecretValue(_ *http.Request, r putRequest) (any, error) {
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

func (s *Service) getSecretValue(_ *http.Request, r getRequest) (any, error) {
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

func (s *Service) describeSecret(_ *http.Request, r describeRequest) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	secret, err := s.find(r.SecretId)
	if err != nil {
		return nil, err
	}
	return secret.describe("VersionIdsToStages"), nil
}

// describe is a secret without its values. DescribeSecret and ListSecrets call
// the map of versions by different names.
func (s *secret) describe(versions string) map[string]any {
	stages := map[string][]string{}
	changed := s.created
	for id, v := range s.versions {
		if labels := s.labels(id); len(labels) > 0 {
			stages[id] = labels
		}
		if v.created.After(changed) {
			changed = v.created
		}
	}
	return map[string]any{
		"ARN": s.arn, "Name": s.name, "CreatedDate": epoch(s.created), "LastChangedDate": epoch(changed), versions: stages,
	}
}

type listRequest struct {
	MaxResults             *int
	NextToken              string
	SortOrder              string
	IncludePlannedDeletion bool // nothing is deleted here
}

// maxPage is the largest page of ListSecrets
// (https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_ListSecrets.html).
const maxPage = 100

// listSecrets answers a page in the order of names. Its token is the name of the
// last secret of the page before.
func (s *Service) listSecrets(_ *http.Request, r listRequest) (any, error) {
	limit := maxPage
	if r.MaxResults != nil {
		limit = *r.MaxResults
	}
	switch {
	case limit < 1 || limit > maxPage:
		return nil, invalidParameter("MaxResults must be from 1 to 100.")
	case r.SortOrder != "" && r.SortOrder != "asc" && r.SortOrder != "desc":
		return nil, invalidParameter("SortOrder must be asc or desc.")
	}
	order := cmp.Compare[string]
	if r.SortOrder == "desc" {
		order = func(a, b string) int { return cmp.Compare(b, a) }
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	names := slices.SortedFunc(maps.Keys(s.secrets), order)
	if r.NextToken != "" {
		names = slices.DeleteFunc(names, func(name string) bool { return order(name, r.NextToken) <= 0 })
	}
	answer := map[string]any{}
	if len(names) > limit {
		names = names[:limit]
		answer["NextToken"] = names[limit-1]
	}
	page := make([]map[string]any, 0, len(names))
	for _, name := range names {
		page = append(page, s.secrets[name].describe("SecretVersionsToStages"))
	}
	answer["SecretList"] = page
	return answer, nil
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
