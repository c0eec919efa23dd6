package logs

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gapless-rooms/gapless/localdev/service"
)

const (
	// maxRequest is where the emulator stops reading a request, in bytes.
	maxRequest = 1 << 20
	// maxEvents is the default and the largest page of events
	// (https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html).
	maxEvents = 10_000
	// maxDescribed is the default and the largest page of groups and streams.
	maxDescribed = 50
)

// newFront puts the JSON protocol before a service.
func newFront(s *Service) *service.JSON[*Service] {
	return &service.JSON[*Service]{
		Service: s, Version: "1.1", Target: "Logs_20140328.", Operations: operations, MaxRequest: maxRequest,
		RequestID: s.ids.UUID, Unsupported: unsupported, Internal: "ServiceUnavailableException", Calls: &s.calls, Fault: &s.fault,
	}
}

// operations are the supported operations by name.
var operations = map[string]service.Operation[*Service]{
	"DescribeLogGroups":  service.Decode((*Service).describeLogGroups),
	"DescribeLogStreams": service.Decode((*Service).describeLogStreams),
	"FilterLogEvents":    service.Decode((*Service).filterLogEvents),
	"GetLogEvents":       service.Decode((*Service).getLogEvents),
}

// page cuts one page out of names in order. The token is the last name of the
// page before.
func page(names []string, limit *int, token string) (kept []string, next string, err error) {
	n := maxDescribed
	if limit != nil {
		n = *limit
	}
	if n < 1 || n > maxDescribed {
		return nil, "", invalid("limit must be from 1 to %d", maxDescribed)
	}
	names = slices.DeleteFunc(names, func(name string) bool { return token != "" && name <= token })
	if len(names) > n {
		return names[:n], names[n-1], nil
	}
	return names, "", nil
}

type describeGroupsRequest struct {
	LogGroupNamePrefix  string `json:"logGroupNamePrefix"`
	LogGroupNamePattern string `json:"logGroupNamePattern"`
	Limit               *int   `json:"limit"`
	NextToken           string `json:"nextToken"`
}

type wireGroup struct {
	Name         string `json:"logGroupName"`
	ARN          string `json:"arn"`
	GroupARN     string `json:"logGroupArn"`
	CreationTime int64  `json:"creationTime"`
	StoredBytes  int    `json:"storedBytes"`
	Class        string `json:"logGroupClass"`
}

func (s *Service) describeLogGroups(_ *http.Request, r describeGroupsRequest) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(s.groups)), func(name string) bool {
		return !strings.HasPrefix(name, r.LogGroupNamePrefix) || !strings.Contains(strings.ToLower(name), strings.ToLower(r.LogGroupNamePattern))
	})
	names, next, err := page(names, r.Limit, r.NextToken)
	if err != nil {
		return nil, err
	}
	groups := make([]wireGroup, 0, len(names))
	for _, name := range names {
		g, size := s.groups[name], 0
		for _, e := range g.events {
			size += len(e.Message)
		}
		groups = append(groups, wireGroup{name, s.ARN(name) + ":*", s.ARN(name), g.created.UnixMilli(), size, "STANDARD"})
	}
	return struct {
		Groups    []wireGroup `json:"logGroups"`
		NextToken string      `json:"nextToken,omitempty"`
	}{groups, next}, nil
}

// groupRef names a group in either way.
type groupRef struct {
	LogGroupName       string `json:"logGroupName"`
	LogGroupIdentifier string `json:"logGroupIdentifier"`
}

type describeStreamsRequest struct {
	groupRef
	LogStreamNamePrefix string `json:"logStreamNamePrefix"`
	OrderBy             string `json:"orderBy"`
	Descending          bool   `json:"descending"`
	Limit               *int   `json:"limit"`
	NextToken           string `json:"nextToken"`
}

type wireStream struct {
	Name                string `json:"logStreamName"`
	ARN                 string `json:"arn"`
	CreationTime        int64  `json:"creationTime"`
	FirstEventTimestamp int64  `json:"firstEventTimestamp"`
	LastEventTimestamp  int64  `json:"lastEventTimestamp"`
	LastIngestionTime   int64  `json:"lastIngestionTime"`
	StoredBytes         int    `json:"storedBytes"`
}

// describeLogStreams answers streams by name in pages, or by their last event in
// one page.
func (s *Service) describeLogStreams(_ *http.Request, r describeStreamsRequest) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, name, err := s.find(r.LogGroupName, r.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	byName := map[string]*wireStream{}
	for _, e := range g.kept(s.cfg.Keep) {
		if !strings.HasPrefix(e.Stream, r.LogStreamNamePrefix) {
			continue
		}
		at := e.At.UnixMilli()
		if byName[e.Stream] == nil {
			byName[e.Stream] = &wireStream{Name: e.Stream, ARN: s.ARN(name) + ":log-stream:" + e.Stream, CreationTime: at, FirstEventTimestamp: at}
		}
		byName[e.Stream].LastEventTimestamp, byName[e.Stream].LastIngestionTime = at, at
	}
	var answer struct {
		Streams   []*wireStream `json:"logStreams"`
		NextToken string        `json:"nextToken,omitempty"`
	}
	names := slices.Sorted(maps.Keys(byName))
	if r.OrderBy == "LastEventTime" {
		slices.SortStableFunc(names, func(a, b string) int {
			return cmp.Compare(byName[a].LastEventTimestamp, byName[b].LastEventTimestamp)
		})
		if r.Descending {
			slices.Reverse(names)
		}
		names = names[:min(len(names), maxDescribed)]
	} else if names, answer.NextToken, err = page(names, r.Limit, r.NextToken); err != nil {
		return nil, err
	}
	for _, name := range names {
		answer.Streams = append(answer.Streams, byName[name])
	}
	return answer, nil
}

// span is a time range and a page of it. Times are in milliseconds.
type span struct {
	StartTime *int64 `json:"startTime"`
	EndTime   *int64 `json:"endTime"`
	Limit     *int   `json:"limit"`
	NextToken string `json:"nextToken"`
}

func (p span) limit() (int, error) {
	n := maxEvents
	if p.Limit != nil {
		n = *p.Limit
	}
	if n < 1 || n > maxEvents {
		return 0, invalid("limit must be from 1 to %d", maxEvents)
	}
	return n, nil
}

// has reports whether the range has a time: its start is in it, its end is not.
func (p span) has(at time.Time) bool {
	ms := at.UnixMilli()
	return (p.StartTime == nil || ms >= *p.StartTime) && (p.EndTime == nil || ms < *p.EndTime)
}

type filterRequest struct {
	groupRef
	span
	FilterPattern       string   `json:"filterPattern"`
	LogStreamNames      []string `json:"logStreamNames"`
	LogStreamNamePrefix string   `json:"logStreamNamePrefix"`
	Interleaved         bool     `json:"interleaved"` // always so
	Unmask              bool     `json:"unmask"`      // nothing is masked
}

type wireEvent struct {
	EventID       string `json:"eventId,omitempty"`
	IngestionTime int64  `json:"ingestionTime"`
	Stream        string `json:"logStreamName,omitempty"`
	Message       string `json:"message"`
	Timestamp     int64  `json:"timestamp"`
}

// filterLogEvents answers events in the order of Put. Its token is the number of
// the last one of the page before.
func (s *Service) filterLogEvents(_ *http.Request, r filterRequest) (any, error) {
	limit, err := r.limit()
	if err != nil {
		return nil, err
	}
	matches, err := parsePattern(r.FilterPattern)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	g, _, err := s.find(r.LogGroupName, r.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	skip, err := strconv.Atoi(cmp.Or(r.NextToken, "0"))
	if err != nil {
		return nil, invalid("The specified nextToken is invalid.")
	}
	var answer struct {
		Events    []wireEvent `json:"events"`
		Searched  []struct{}  `json:"searchedLogStreams"`
		NextToken string      `json:"nextToken,omitempty"`
	}
	for _, e := range g.kept(s.cfg.Keep) {
		if e.Number <= skip && r.NextToken != "" || !r.has(e.At) || !strings.HasPrefix(e.Stream, r.LogStreamNamePrefix) ||
			len(r.LogStreamNames) > 0 && !slices.Contains(r.LogStreamNames, e.Stream) || !matches(e.Message) {
			continue
		}
		if len(answer.Events) == limit {
			answer.NextToken = strconv.Itoa(skip)
			break
		}
		skip = max(skip, e.Number)
		at := e.At.UnixMilli()
		answer.Events = append(answer.Events, wireEvent{fmt.Sprintf("%056d", e.Number), at, e.Stream, e.Message, at})
	}
	return answer, nil
}

type getRequest struct {
	groupRef
	span
	LogStreamName string `json:"logStreamName"`
	StartFromHead bool   `json:"startFromHead"`
	Unmask        bool   `json:"unmask"` // nothing is masked
}

// getLogEvents answers a page of one stream. Its tokens are f/ and the number of
// the newest event before the next page, or b/ and that of the oldest after it.
func (s *Service) getLogEvents(_ *http.Request, r getRequest) (any, error) {
	limit, err := r.limit()
	if err != nil {
		return nil, err
	}
	direction, number, _ := strings.Cut(cmp.Or(r.NextToken, "f/0"), "/")
	bound, err := strconv.Atoi(number)
	if err != nil || direction != "f" && direction != "b" {
		return nil, invalid("The specified nextToken is invalid.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	g, _, err := s.find(r.LogGroupName, r.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	known := false
	var events []Event
	for _, e := range g.kept(s.cfg.Keep) {
		if e.Stream != r.LogStreamName {
			continue
		}
		known = true
		if r.has(e.At) && (direction == "f" && e.Number > bound || direction == "b" && e.Number < bound) {
			events = append(events, e)
		}
	}
	if !known {
		return nil, refuse(ErrNotFound, "ResourceNotFoundException", "The specified log stream does not exist.")
	}
	fromHead := r.StartFromHead || r.NextToken != "" && direction == "f"
	if over := len(events) - limit; over > 0 && fromHead {
		events = events[:limit]
	} else if over > 0 {
		events = events[over:]
	}
	answer := struct {
		Events   []wireEvent `json:"events"`
		Forward  string      `json:"nextForwardToken"`
		Backward string      `json:"nextBackwardToken"`
	}{Forward: fmt.Sprintf("f/%d", bound), Backward: fmt.Sprintf("b/%d", bound)}
	for i, e := range events {
		at := e.At.UnixMilli()
		answer.Events = append(answer.Events, wireEvent{IngestionTime: at, Message: e.Message, Timestamp: at})
		if i == 0 {
			answer.Backward = fmt.Sprintf("b/%d", e.Number)
		}
		answer.Forward = fmt.Sprintf("f/%d", e.Number)
	}
	return answer, nil
}

// parsePattern reads a filter pattern of terms
// (https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html):
// all that stand alone must be in the message, none of those after -, and one of
// those after ?.
func parsePattern(pattern string) (matches func(string) bool, err error) {
	if strings.HasPrefix(pattern, "{") || strings.HasPrefix(pattern, "[") || strings.HasPrefix(pattern, "%") {
		return nil, invalid("the local AWS does not support filter patterns other than terms: %s", pattern)
	}
	var all, none, some []string
	for rest := strings.TrimSpace(pattern); rest != ""; rest = strings.TrimSpace(rest) {
		list := &all
		switch rest[0] {
		case '-':
			list, rest = &none, rest[1:]
		case '?':
			list, rest = &some, rest[1:]
		}
		var term string
		if quoted, ok := strings.CutPrefix(rest, `"`); ok {
			var closed bool
			if term, rest, closed = strings.Cut(quoted, `"`); !closed {
				return nil, invalid("Invalid filter pattern: a quotation mark is not closed")
			}
		} else {
			term, rest, _ = strings.Cut(rest, " ")
		}
		*list = append(*list, term)
	}
	return func(message string) bool {
		in := func(term string) bool { return strings.Contains(message, term) }
		return !slices.ContainsFunc(all, func(term string) bool { return !in(term) }) && !slices.ContainsFunc(none, in) &&
			(len(some) == 0 || slices.ContainsFunc(some, in))
	}, nil
}
