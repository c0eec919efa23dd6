// Package secretsmanager is the local AWS' Secrets Manager: secrets with
// versions and the staging labels that a rotation moves, behind the JSON
// protocol of the SDKs. README.md lists what it does and what it does not.
package secretsmanager

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gapless-rooms/gapless/localdev/clock"
	"github.com/gapless-rooms/gapless/localdev/service"
)

// Config configures a Service. The zero value works.
type Config struct {
	// Clock dates versions; default clock.System().
	Clock clock.Clock
	// Region and AccountID go into ARNs; default us-east-1 and 000000000000.
	Region    string
	AccountID string
	// Rand makes request ids; default a random seed. Nothing else may use it.
	Rand *rand.Rand
	// Fault, if not nil, is asked before each request what shall go wrong in it.
	Fault service.FaultFunc
}

func (c Config) withDefaults() Config {
	service.Default(&c.Clock, &c.Region, &c.AccountID)
	return c
}

// The staging labels that PutSecretValue moves
// (https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html).
const (
	current  = "AWSCURRENT"
	previous = "AWSPREVIOUS"
)

// Service is the local Secrets Manager. It is safe for concurrent use and has
// no goroutine of its own.
type Service struct {
	cfg Config

	ids   *service.IDs
	front http.Handler
	calls service.Observers[service.Call]
	fault service.Hook[service.FaultFunc]

	mu      sync.Mutex
	closed  bool
	secrets map[string]*secret // by name
}

// New returns a service with no secrets.
func New(cfg Config) *Service {
	s := &Service{cfg: cfg.withDefaults(), ids: service.NewIDs(cfg.Rand), secrets: map[string]*secret{}}
	s.fault.Set(cfg.Fault)
	s.front = newFront(s)
	return s
}

// RunT returns a service that is closed when the test ends.
func RunT(t service.Tester, cfg Config) *Service {
	t.Helper()
	return service.RunT(t, New(cfg))
}

// Close refuses new calls. It may be called again.
func (s *Service) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
}

// Names returns the names of all secrets in order.
func (s *Service) Names() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.secrets))
}

// Value returns a secret's current value, by its name or ARN.
func (s *Service) Value(id string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, v, err := s.value(id, "", "")
	return v.value, err
}

type secret struct {
	name, arn string
	created   time.Time
	versions  map[string]version // by id
	staged    map[string]string  // staging label → version's id
}

type version struct {
	id, value string
	created   time.Time
}

// Suffix ends every ARN here. On AWS it is six random characters.
const Suffix = "-local0"

// ARN is the ARN of a secret of this service, existing or not.
func (s *Service) ARN(name string) string {
	return fmt.Sprintf("arn:aws:secretsmanager:%s:%s:secret:%s%s", s.cfg.Region, s.cfg.AccountID, name, Suffix)
}

// secretName is what a name may hold
// (https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html).
var secretName = regexp.MustCompile(`^[A-Za-z0-9/_+=.@-]{1,512}$`)

// maxValue is the largest value in bytes
// (https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html).
const maxValue = 65536

// Create adds a secret with a first version.
func (s *Service) Create(name, versionID, value string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	if !secretName.MatchString(name) {
		return invalidParameter("Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!")
	}
	if s.secrets[name] != nil {
		return refuse(ErrExists, "ResourceExistsException", "The operation failed because the secret "+name+" already exists.")
	}
	secret := &secret{
		name: name, arn: s.ARN(name), created: s.cfg.Clock.Now(), versions: map[string]version{}, staged: map[string]string{},
	}
	if err := s.put(secret, versionID, value); err != nil {
		return err
	}
	s.secrets[name] = secret
	return nil
}

// Put makes a value the current one, and the current one the previous: what
// the end of a rotation does.
func (s *Service) Put(id, versionID, value string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	secret, err := s.find(id)
	if err != nil {
		return err
	}
	return s.put(secret, versionID, value)
}

// put adds a version, unless it is there with the same value. The caller holds
// mu.
func (s *Service) put(secret *secret, id, value string) error {
	if value == "" || len(value) > maxValue {
		return invalidParameter(fmt.Sprintf("SecretString must have 1 to %d bytes.", maxValue))
	}
	if v, ok := secret.versions[id]; ok {
		if v.value != value {
			return refuse(ErrExists, "ResourceExistsException", "A resource with the ID you requested already exists.")
		}
		return nil
	}
	if now, ok := secret.staged[current]; ok {
		secret.staged[previous] = now
	}
	secret.versions[id] = version{id, value, s.cfg.Clock.Now()}
	secret.staged[current] = id
	return nil
}

// find takes a name or an ARN. The caller holds mu.
func (s *Service) find(id string) (*secret, error) {
	if s.closed {
		return nil, ErrClosed
	}
	for _, secret := range s.secrets {
		// The last hyphen and six characters may be left out of an ARN.
		if id == secret.name || id == secret.arn || id == strings.TrimSuffix(secret.arn, Suffix) {
			return secret, nil
		}
	}
	return nil, notFound("Secrets Manager can't find the specified secret.")
}

// value returns a version of a secret by its id or its staging label; the
// current one if both are empty. The caller holds mu.
func (s *Service) value(id, versionID, stage string) (*secret, version, error) {
	secret, err := s.find(id)
	if err != nil {
		return nil, version{}, err
	}
	if versionID == "" && stage == "" {
		stage = current
	}
	staged, labelled := secret.staged[stage]
	switch {
	case stage != "" && !labelled:
		return nil, version{}, notFound("Secrets Manager can't find the specified secret value for staging label: " + stage)
	case versionID == "":
		versionID = staged
	case stage != "" && staged != versionID:
		return nil, version{}, refuse(ErrInvalid, "InvalidRequestException", "You provided a VersionStage that is not associated to the provided VersionId.")
	}
	v, ok := secret.versions[versionID]
	if !ok {
		return nil, version{}, notFound("Secrets Manager can't find the specified secret value for VersionId: " + versionID)
	}
	return secret, v, nil
}
