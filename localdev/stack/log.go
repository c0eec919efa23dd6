package stack

import (
	"fmt"

	"github.com/gapless-rooms/gapless/localdev/lambda"
	"github.com/gapless-rooms/gapless/localdev/template"
)

// logGroup is the name of a function's log group, as the template has it.
func logGroup(f template.Function) string { return lambda.Function{FullName: f.FullName}.LogGroup() }

// keepLog puts a line of a function's log where `aws logs tail` finds it.
func (s *Stack) keepLog(l lambda.LogLine) {
	f, _ := s.template.Function(l.Function)
	stream := fmt.Sprintf("%s/[$LATEST]%032x", l.At.UTC().Format("2006/01/02"), l.Environment)
	s.Logs.Put(logGroup(f), stream, l.At, l.Text)
}

// callerOf is the ARN of the caller with an access key; empty for a developer's.
func (s *Stack) callerOf(key string) string {
	for _, f := range s.template.Functions {
		if accessKey(f) == key {
			return caller(f)
		}
	}
	return ""
}
