// Package template reads what CDK synthesises: CloudFormation templates become
// typed resources, with every reference resolved to what it means locally. The
// local stack is provisioned from the result, so what was tried is what is
// deployed. What it does not know, a resource type or one property of a known
// one, is an error that names it; README.md lists what it knows.
package template

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/gapless-rooms/gapless/localdev/gateway"
	"github.com/gapless-rooms/gapless/localdev/schedule"
	"github.com/gapless-rooms/gapless/localdev/sns"
)

// Options say what a template's values are here. The zero value works.
type Options struct {
	// Region and AccountID stand for the pseudo parameters of those names.
	// Default us-east-1 and 000000000000.
	Region, AccountID string
	// APIID is the id of the WebSocket API. Default "local".
	APIID string
	// GatewayURL, if not empty, takes the place of
	// https://{api}.execute-api.{region}.amazonaws.com wherever a value begins
	// so; like http://localhost:3001.
	GatewayURL string
	// QueueURL gives a queue's URL for its name. Default: the one that it has on
	// AWS.
	QueueURL func(name string) string
	// Secrets are values by the names of secrets, for dynamic references: no
	// template of ours has one any more, but those of earlier versions do.
	Secrets map[string]string
}

func (o Options) withDefaults() Options {
	def := func(s *string, v string) {
		if *s == "" {
			*s = v
		}
	}
	def(&o.Region, "us-east-1")
	def(&o.AccountID, "000000000000")
	def(&o.APIID, "local")
	if o.QueueURL == nil {
		o.QueueURL = func(name string) string {
			return "https://sqs." + o.Region + ".amazonaws.com/" + o.AccountID + "/" + name
		}
	}
	return o
}

// Template is the resources of one or several templates, each kind in the
// order of logical ids.
type Template struct {
	API           gateway.API
	Tables        []Table
	Topics        []Topic
	Queues        []Queue
	Secrets       []Secret
	Subscriptions []sns.Subscription
	Rules         []schedule.Rule
	Functions     []Function
	// Outputs are the outputs' values by name.
	Outputs map[string]string
}

// Table is a DynamoDB table.
type Table struct {
	// Create is what CreateTable takes: name, keys, indexes, billing.
	Create dynamodb.CreateTableInput
	// TTLAttribute is what UpdateTimeToLive takes; empty for none.
	TTLAttribute string
}

// Topic is an SNS topic.
type Topic struct {
	Name, ARN string
	Policy    ResourcePolicy
}

// Queue is an SQS queue. Attributes are as CreateQueue takes them.
type Queue struct {
	Name, ARN, URL string
	Attributes     map[string]string
	Policy         ResourcePolicy
}

// Secret is a secret of Secrets Manager. The template has no value of it.
type Secret struct{ Name, ARN string }

// Function is a Lambda function.
type Function struct {
	// Name is the value of the tag gapless:function, which is the folder's name
	// in functions/: references to the function resolve to it. Without the tag
	// it is the function's own name.
	Name string
	// FullName is the function's name on AWS.
	FullName string
	Env      map[string]string
	Timeout  time.Duration
	MemoryMB int
	// ReservedConcurrency, MaxRetries and MaxEventAge are unset (nil, 0) where
	// the template says nothing.
	ReservedConcurrency *int
	MaxRetries          *int
	MaxEventAge         time.Duration
	DeadLetterARN       string
	// Policy is what the function's role is granted.
	Policy Policy
}

// Function returns a function by its name.
func (t *Template) Function(name string) (Function, bool) {
	i := slices.IndexFunc(t.Functions, func(f Function) bool { return f.Name == name })
	if i < 0 {
		return Function{}, false
	}
	return t.Functions[i], true
}

// document is one template as it is written.
type document struct {
	Resources map[string]resource `json:"Resources"`
	Outputs   map[string]struct {
		Value  any
		Export *struct{ Name any }
	} `json:"Outputs"`
	Parameters map[string]struct {
		Type    string
		Default any
	} `json:"Parameters"`
	Mappings   map[string]any `json:"Mappings"`
	Conditions map[string]any `json:"Conditions"`
	Transform  any            `json:"Transform"`
}

type resource struct {
	Type       string         `json:"Type"`
	Properties map[string]any `json:"Properties"`
	Condition  string         `json:"Condition"`
}

// Parse reads templates that are deployed together, in any order. One may
// import what another exports.
func Parse(options Options, templates ...[]byte) (*Template, error) {
	p := &parser{
		options: options.withDefaults(), exports: map[string]exported{}, out: &Template{Outputs: map[string]string{}},
		wires: wires{roles: map[string][]Statement{}},
	}
	for i, source := range templates {
		d := &document{}
		decoder := json.NewDecoder(bytes.NewReader(source))
		decoder.UseNumber() // a number is written on as it was read
		if err := decoder.Decode(d); err != nil {
			return nil, fmt.Errorf("template %d: %w", i+1, err)
		}
		if err := d.plain(); err != nil {
			return nil, fmt.Errorf("template %d: %w", i+1, err)
		}
		p.scopes = append(p.scopes, &scope{parser: p, document: d, resolving: map[string]bool{}})
	}
	for _, s := range p.scopes {
		if err := s.export(); err != nil {
			return nil, err
		}
	}
	for _, s := range p.scopes {
		if err := s.read(); err != nil {
			return nil, err
		}
	}
	if err := p.connect(); err != nil {
		return nil, err
	}
	return p.out, nil
}

// plain refuses the sections that are not known.
func (d *document) plain() error {
	switch {
	case len(d.Mappings) > 0:
		return unsupported("Mappings")
	case len(d.Conditions) > 0:
		return unsupported("Conditions")
	case d.Transform != nil:
		return unsupported("Transform")
	}
	return nil
}

// parser is one Parse under way.
type parser struct {
	options Options
	scopes  []*scope
	exports map[string]exported // by the name of the export
	out     *Template
	wires   wires
}

// scope is one template: the names that its references know.
type scope struct {
	*parser
	document  *document
	resolving map[string]bool // exports under way, to see a circle
}

// export resolves what the template exports.
func (s *scope) export() error {
	for _, name := range slices.Sorted(maps.Keys(s.document.Outputs)) {
		o := s.document.Outputs[name]
		if o.Export == nil {
			continue
		}
		as, err := s.text(o.Export.Name)
		if err != nil {
			return fmt.Errorf("export of %s: %w", name, err)
		}
		s.exports[as] = exported{s, o.Value}
	}
	return nil
}

// exported is the value of an export, in the scope that it is to be resolved
// in.
type exported struct {
	scope *scope
	value any
}

// read turns every resource into what it is, and resolves the outputs.
func (s *scope) read() error {
	for _, id := range slices.Sorted(maps.Keys(s.document.Resources)) {
		r := s.document.Resources[id]
		if r.Condition != "" {
			return fmt.Errorf("%s (%s): %w", id, r.Type, unsupported("Condition"))
		}
		read, known := readers[r.Type]
		if !known {
			if _, known = inert[r.Type]; known {
				continue
			}
			return fmt.Errorf("%s: %w %s", id, ErrUnknownType, r.Type)
		}
		properties, err := s.resolve(r.Properties)
		if err != nil {
			return fmt.Errorf("%s (%s): %w", id, r.Type, err)
		}
		object, _ := properties.(map[string]any)
		p := &attributes{scope: s, id: id, all: object, used: map[string]bool{}}
		err = read(p)
		if err == nil {
			err = p.done()
		}
		if err != nil {
			return fmt.Errorf("%s (%s): %w", id, r.Type, err)
		}
	}
	for name, o := range s.document.Outputs {
		if o.Export != nil && strings.HasPrefix(name, "ExportsOutput") {
			continue // made by CDK for another stack
		}
		value, err := s.text(o.Value)
		if err != nil {
			return fmt.Errorf("output %s: %w", name, err)
		}
		s.out.Outputs[name] = value
	}
	return nil
}
