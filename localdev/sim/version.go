package sim

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/gapless-rooms/gapless/pkg/app"
)

// newer is the host of a version that is yet to come: it is set otherwise, and
// writes into items and wake-ups what today's functions do not know. During a
// deployment both are at work on the same rooms.
func newer(h app.Host) app.Host {
	h.Environ = maps.Clone(h.Environ)
	maps.Copy(h.Environ, map[string]string{
		"GAPLESS_HOLE_WAIT": "300ms", "GAPLESS_LINGER": "30ms", "GAPLESS_SLOW_AFTER": "4s", "GAPLESS_PRESENCE_MEMBERS": "-1",
	})
	load := h.AWS
	h.AWS = func(ctx context.Context) (aws.Config, error) {
		c, err := load(ctx)
		if client, ok := c.HTTPClient.(*http.Client); ok {
			c.HTTPClient = &http.Client{Transport: future{client.Transport}}
		}
		return c, err
	}
	return h
}

// future adds what only a later version knows.
type future struct{ next http.RoundTripper }

func (f future) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		return f.next.RoundTrip(r)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	switch {
	case strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".PutItem"):
		body, err = later(body, func(input map[string]any) {
			if item, ok := input["Item"].(map[string]any); ok {
				item["zz"] = fields{"M": fields{"codec": fields{"S": "zstd"}}}
			}
		})
	case strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded"):
		body, err = laterWake(body)
	}
	if err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return f.next.RoundTrip(r)
}

// laterWake adds a field to a wake-up.
func laterWake(body []byte) ([]byte, error) {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, err
	}
	for name, values := range form {
		if !strings.HasSuffix(name, "Message") {
			continue
		}
		message, err := later([]byte(values[0]), func(wake map[string]any) { wake["zz"] = fields{"codec": "zstd"} })
		if err != nil {
			return nil, err
		}
		form.Set(name, string(message))
	}
	return []byte(form.Encode()), nil
}

// later changes a JSON object. Numbers keep their digits.
func later(object []byte, change func(map[string]any)) ([]byte, error) {
	var m map[string]any
	decoder := json.NewDecoder(bytes.NewReader(object))
	decoder.UseNumber()
	if err := decoder.Decode(&m); err != nil {
		return nil, err
	}
	change(m)
	return json.Marshal(m)
}
