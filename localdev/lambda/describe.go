package lambda

import (
	"maps"
	"net/url"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// maxList is the default and the largest page of ListFunctions
// (https://docs.aws.amazon.com/lambda/latest/api/API_ListFunctions.html).
const maxList = 50

// configuration is a function as the API shows it
// (https://docs.aws.amazon.com/lambda/latest/api/API_FunctionConfiguration.html).
type configuration struct {
	FunctionName     string
	FunctionArn      string
	Runtime          string
	Handler          string
	Description      string
	Timeout          int
	MemorySize       int
	LastModified     string
	Version          string
	PackageType      string
	Architectures    []string
	State            string
	LastUpdateStatus string
	Environment      *variables    `json:"Environment,omitempty"`
	DeadLetterConfig *target       `json:"DeadLetterConfig,omitempty"`
	LoggingConfig    loggingConfig `json:"LoggingConfig"`
}

type variables struct{ Variables map[string]string }
type target struct{ TargetArn string }
type loggingConfig struct{ LogFormat, LogGroup string }

// LogGroup is the name of the log group of a function in CloudWatch Logs.
func (f Function) LogGroup() string {
	if f.FullName == "" {
		return "/aws/lambda/" + f.Name
	}
	return "/aws/lambda/" + f.FullName
}

// configuration is the function's. The caller holds mu.
func (s *Service) configuration(f *function) configuration {
	c := configuration{
		FunctionName: f.def.FullName, FunctionArn: s.arn(f.def.FullName), Runtime: "provided.al2023", Handler: "bootstrap",
		Timeout: int(f.def.Timeout.Seconds()), MemorySize: f.def.MemoryMB, Version: "$LATEST", PackageType: "Zip",
		LastModified: f.modified.UTC().Format("2006-01-02T15:04:05.000-0700"), Architectures: []string{architecture()},
		State: "Active", LastUpdateStatus: "Successful", LoggingConfig: loggingConfig{"Text", f.def.LogGroup()},
	}
	if len(f.def.Env) > 0 {
		c.Environment = &variables{maps.Clone(f.def.Env)}
	}
	if f.def.DeadLetterARN != "" {
		c.DeadLetterConfig = &target{f.def.DeadLetterARN}
	}
	return c
}

// architecture is this machine's, in the words of Lambda.
func architecture() string {
	if runtime.GOARCH == "amd64" {
		return "x86_64"
	}
	return runtime.GOARCH
}

func (s *Service) getConfiguration(ref string) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, ErrClosed
	}
	f := s.resolve(ref)
	if f == nil {
		return nil, notFound(s.arn(ref))
	}
	return s.configuration(f), nil
}

func (s *Service) getFunction(ref string) (any, error) {
	c, err := s.getConfiguration(ref)
	if err != nil {
		return nil, err
	}
	answer := map[string]any{"Configuration": c}
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.resolve(ref); f != nil && f.def.ReservedConcurrency != nil {
		answer["Concurrency"] = map[string]int{"ReservedConcurrentExecutions": *f.def.ReservedConcurrency}
	}
	return answer, nil
}

// listFunctions answers a page in the order of names. Its marker is the last
// name of the page before.
func (s *Service) listFunctions(query url.Values) (any, error) {
	limit := maxList
	if text := query.Get("MaxItems"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return nil, invalidParameter("MaxItems must be at least 1")
		}
		limit = min(n, maxList)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, ErrClosed
	}
	all := []configuration{}
	for _, f := range s.functions {
		if f.def.FullName > query.Get("Marker") {
			all = append(all, s.configuration(f))
		}
	}
	slices.SortFunc(all, func(a, b configuration) int { return strings.Compare(a.FunctionName, b.FunctionName) })
	answer := map[string]any{"NextMarker": nil}
	if len(all) > limit {
		all = all[:limit]
		answer["NextMarker"] = all[limit-1].FunctionName
	}
	answer["Functions"] = all
	return answer, nil
}
