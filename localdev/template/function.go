package template

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/gapless-rooms/gapless/localdev/gateway"
	"github.com/gapless-rooms/gapless/localdev/iam"
)

// wires are the parts that refer to each other, until all are read.
type wires struct {
	routes               map[string]route
	responses            map[string]bool // by the route's id
	integrations         map[string]gateway.Integration
	integrationResponses []integrationResponse
	roles                map[string][]Statement    // by the role's id
	resourcePolicies     map[string]ResourcePolicy // by the resource's ARN
	functionRoles        map[string]string         // by the function's name
	asynchronous         map[string]asynchronous
	permissions          []permission
	invokers             []invoker
}

// put adds to a map that may not be there yet.
func put[V any](m *map[string]V, key string, v V) {
	if *m == nil {
		*m = map[string]V{}
	}
	(*m)[key] = v
}

// asynchronous is an EventInvokeConfig.
type asynchronous struct {
	retries *int
	seconds int
}

// permission lets a service invoke a function; invoker is one that does.
type permission struct{ principal, source, function string }
type invoker permission

func readFunction(a *attributes) error {
	a.ignore("Architectures", "Code", "Description", "FunctionName", "Handler", "LoggingConfig", "Tags", "TracingConfig")
	if err := a.only("Runtime", "provided.al2023"); err != nil {
		return err
	}
	name, err := a.functionName(a.id)
	if err != nil {
		return err
	}
	f := Function{Name: name, Timeout: 3 * time.Second, MemoryMB: 128} // the defaults of AWS
	if f.FullName, err = a.property(a.id, "FunctionName"); err != nil {
		return err
	}
	var seconds int
	var role string
	var environment struct{ Variables map[string]string }
	var letters struct {
		ARN string `json:"TargetArn"`
	}
	err = a.each(map[string]any{
		"Environment": &environment, "Timeout": &seconds, "MemorySize": &f.MemoryMB, "Role": &role,
		"ReservedConcurrentExecutions": &f.ReservedConcurrency, "DeadLetterConfig": &letters,
	})
	if err != nil {
		return err
	}
	if seconds > 0 {
		f.Timeout = time.Duration(seconds) * time.Second
	}
	f.Env, f.DeadLetterARN = environment.Variables, letters.ARN
	put(&a.wires.functionRoles, name, path.Base(role))
	a.out.Functions = append(a.out.Functions, f)
	return nil
}

func readEventInvokeConfig(a *attributes) error {
	var function string
	var config asynchronous
	if err := a.only("Qualifier", "$LATEST"); err != nil {
		return err
	}
	err := a.each(map[string]any{
		"FunctionName": &function, "MaximumRetryAttempts": &config.retries, "MaximumEventAgeInSeconds": &config.seconds,
	})
	put(&a.wires.asynchronous, function, config)
	return err
}

func readPermission(a *attributes) error {
	if err := a.only("Action", "lambda:InvokeFunction"); err != nil {
		return err
	}
	p := permission{}
	var function string
	a.ignore("SourceAccount")
	if err := a.each(map[string]any{"Principal": &p.principal, "SourceArn": &p.source, "FunctionName": &function}); err != nil {
		return err
	}
	p.function = function
	if strings.HasPrefix(function, "arn:") {
		var err error
		if p.function, err = functionOfARN(function); err != nil {
			return err
		}
	}
	a.wires.permissions = append(a.wires.permissions, p)
	return nil
}

// connect puts together what refers to each other, when all is read.
func (p *parser) connect() error {
	if err := p.connectAPI(); err != nil {
		return err
	}
	for i := range p.out.Queues {
		p.out.Queues[i].Policy = p.wires.resourcePolicies[p.out.Queues[i].ARN]
	}
	for i := range p.out.Topics {
		p.out.Topics[i].Policy = p.wires.resourcePolicies[p.out.Topics[i].ARN]
	}
	for i := range p.out.Functions {
		f := &p.out.Functions[i]
		f.Policy = p.wires.roles[p.wires.functionRoles[f.Name]]
		config := p.wires.asynchronous[f.Name]
		f.MaxRetries, f.MaxEventAge = config.retries, time.Duration(config.seconds)*time.Second
	}
	slices.SortFunc(p.out.Functions, func(a, b Function) int { return cmp.Compare(a.Name, b.Name) })
	for key, r := range p.out.API.Routes {
		if i := p.out.API.Integrations[r.Integration]; i.Function != "" {
			p.wires.invokers = append(p.wires.invokers, invoker{
				"apigateway.amazonaws.com", p.scopes[0].arn("execute-api", p.options.APIID+"/"+p.out.API.Stage+"/"+key), i.Function,
			})
		}
	}
	for _, s := range p.out.Subscriptions {
		if s.Protocol != "lambda" {
			continue
		}
		function, err := functionOfARN(s.Endpoint)
		if err != nil {
			return err
		}
		p.wires.invokers = append(p.wires.invokers, invoker{"sns.amazonaws.com", s.TopicARN, function})
	}
	return p.permitted()
}

// permitted checks that every service may invoke the functions that it is
// connected to, and that those exist.
func (p *parser) permitted() error {
	for _, i := range p.wires.invokers {
		if _, ok := p.out.Function(i.function); !ok {
			return fmt.Errorf("%s invokes the function %s, which is not there", i.source, i.function)
		}
		ok := slices.ContainsFunc(p.wires.permissions, func(q permission) bool {
			return q.function == i.function && q.principal == i.principal && (q.source == "" || iam.Matches(q.source, i.source))
		})
		if !ok {
			return fmt.Errorf("%w lets %s invoke %s from %s", ErrNotPermitted, i.principal, i.function, i.source)
		}
	}
	return nil
}
