package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gapless-rooms/gapless/localdev/gateway"
	"github.com/gapless-rooms/gapless/localdev/stack"
)

// TestRebalanceOverTheAWSAPI runs the command as an operator does, against the
// endpoint that stands in for AWS.
func TestRebalanceOverTheAWSAPI(t *testing.T) {
	t.Parallel()
	s := stack.RunT(t, stack.Config{NoSchedule: true})
	token, err := s.Token("ada", nil)
	if err != nil {
		t.Fatal(err)
	}
	ada, err := s.Gateway.Dial(t.Context(), gateway.DialOptions{Header: http.Header{"Authorization": {"Bearer " + token}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(ada.Cut)
	aws := httptest.NewServer(s.Handler())
	t.Cleanup(aws.Close)
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"rebalance", "--aws", aws.URL}, stdio{nil, &out, &errs}); code != 0 || out.String() != "1 connections are asked to come back\n" {
		t.Fatalf("exit %d, %q, %q", code, out.String(), errs.String())
	}
	if err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if text, err := ada.Receive(t.Context()); err != nil || !strings.Contains(text, `"code":3001`) || !strings.Contains(text, `"reconnect":true`) {
		t.Errorf("%s, %v", text, err)
	}
	if code := run(t.Context(), []string{"rebalance", "--aws", aws.URL, "--table", "none"}, stdio{nil, &out, &errs}); code == 0 {
		t.Error("a table that is not there")
	}
}
