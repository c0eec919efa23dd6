package dynamodb

type scanRequest struct {
	pageRequest
	Segment       *int `json:"Segment"`
	TotalSegments *int `json:"TotalSegments"`
}

const maxSegments = 1_000_000

// scan reads a page of a table or an index in no meaningful order. It is
// there for tools: no function of the product scans.
// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Scan.html
func (e *Service) scan(r *scanRequest, c *call) (any, error) {
	var v checks
	r.constraints(&v)
	v.atLeast("limit", r.Limit, 1)
	v.atLeast("segment", r.Segment, 0)
	v.atMost("segment", r.Segment, maxSegments-1)
	v.atLeast("totalSegments", r.TotalSegments, 1)
	v.atMost("totalSegments", r.TotalSegments, maxSegments)
	if err := v.err(); err != nil {
		return nil, err
	}
	s, err := r.span()
	if err != nil {
		return nil, err
	}
	if err := r.checkSelect("Scanning"); err != nil {
		return nil, err
	}
	p := &pager{pageRequest: &r.pageRequest}
	if _, err := p.parse("", nil); err != nil {
		return nil, err
	}
	t, done, err := e.lockForRead(string(r.TableName))
	if err != nil {
		return nil, err
	}
	defer done()
	if err := p.open(t); err != nil {
		return nil, err
	}
	if err := p.checkStartKey(); err != nil {
		return nil, err
	}
	if start := p.start(); start != nil && !s.has(start) {
		return nil, invalid("The provided starting key is outside of the bounds of the segment")
	}
	return p.read(e, s, c), nil
}

func (r *scanRequest) span() (span, error) {
	switch {
	case r.Segment == nil && r.TotalSegments == nil:
		return span{}, nil
	case r.TotalSegments == nil:
		return span{}, invalid("The TotalSegments parameter is required but was not present in the request when Segment parameter is present")
	case r.Segment == nil:
		return span{}, invalid("The Segment parameter is required but was not present in the request when parameter TotalSegments is present")
	case *r.Segment >= *r.TotalSegments:
		return span{}, invalid("The Segment parameter is zero-based and must be less than parameter TotalSegments: Segment: %d is not less than TotalSegments: %d", *r.Segment, *r.TotalSegments)
	}
	return segmentSpan(*r.Segment, *r.TotalSegments), nil
}
