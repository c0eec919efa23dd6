package sns_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssns "github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/google/go-cmp/cmp"

	"github.com/gapless-rooms/gapless/localdev/sns"
)

func TestTopicsAndSubscriptions(t *testing.T) {
	t.Parallel()
	b := setup(t, sns.Config{})
	ctx := t.Context()
	again, err := b.client.CreateTopic(ctx, &awssns.CreateTopicInput{Name: aws.String("wake"), Attributes: map[string]string{"DisplayName": "Wake"}})
	if err != nil || *again.TopicArn != b.topic {
		t.Errorf("%+v, %v", again, err)
	}
	one := b.subscribe(t, "lambda", functionARN, map[string]string{"FilterPolicy": `{"kind":["a"]}`})
	two := b.subscribe(t, "sqs", queueARN, nil)
	if same := b.subscribe(t, "sqs", queueARN, nil); same != two {
		t.Errorf("subscribed again as %s", same)
	}
	topics, err := b.client.ListTopics(ctx, &awssns.ListTopicsInput{})
	if err != nil || len(topics.Topics) != 1 || *topics.Topics[0].TopicArn != b.topic {
		t.Errorf("%+v, %v", topics, err)
	}
	listed, err := b.client.ListSubscriptionsByTopic(ctx, &awssns.ListSubscriptionsByTopicInput{TopicArn: &b.topic})
	if err != nil || len(listed.Subscriptions) != 2 {
		t.Fatalf("%+v, %v", listed, err)
	}
	if s := listed.Subscriptions[0]; *s.SubscriptionArn != one || *s.Protocol != "lambda" || *s.Endpoint != functionARN || *s.TopicArn != b.topic || *s.Owner != "000000000000" {
		t.Errorf("subscription %+v", s)
	}
	all, err := b.client.ListSubscriptions(ctx, &awssns.ListSubscriptionsInput{})
	if err != nil || len(all.Subscriptions) != 2 {
		t.Errorf("%+v, %v", all, err)
	}
	_, err = b.client.SetSubscriptionAttributes(ctx, &awssns.SetSubscriptionAttributesInput{
		SubscriptionArn: &one, AttributeName: aws.String("FilterPolicyScope"), AttributeValue: aws.String("MessageBody"),
	})
	if err != nil {
		t.Error(err)
	}
	sub, err := b.client.GetSubscriptionAttributes(ctx, &awssns.GetSubscriptionAttributesInput{SubscriptionArn: &one})
	if err != nil || sub.Attributes["FilterPolicy"] != `{"kind":["a"]}` || sub.Attributes["FilterPolicyScope"] != "MessageBody" {
		t.Errorf("%+v, %v", sub, err)
	}
	for range 2 {
		if _, err := b.client.Unsubscribe(ctx, &awssns.UnsubscribeInput{SubscriptionArn: &two}); err != nil {
			t.Error(err)
		}
	}
	attributes, err := b.client.GetTopicAttributes(ctx, &awssns.GetTopicAttributesInput{TopicArn: &b.topic})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"TopicArn": b.topic, "Owner": "000000000000", "DisplayName": "Wake",
		"SubscriptionsConfirmed": "1", "SubscriptionsPending": "0", "SubscriptionsDeleted": "1",
	}
	if diff := cmp.Diff(want, attributes.Attributes); diff != "" {
		t.Error(diff)
	}
	if _, err := b.client.DeleteTopic(ctx, &awssns.DeleteTopicInput{TopicArn: &b.topic}); err != nil {
		t.Error(err)
	}
	if len(b.service.Topics()) != 0 || len(b.service.Subscriptions("")) != 0 {
		t.Error("the topic is still there")
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	b := setup(t, sns.Config{})
	b.subscribe(t, "sqs", queueARN, nil)
	ctx := t.Context()
	publish := func(in awssns.PublishInput) error {
		if in.TopicArn == nil && in.TargetArn == nil && in.PhoneNumber == nil {
			in.TopicArn = &b.topic
		}
		if in.Message == nil {
			in.Message = aws.String("x")
		}
		_, err := b.client.Publish(ctx, &in)
		return err
	}
	attribute := func(name string, v types.MessageAttributeValue) error {
		return publish(awssns.PublishInput{MessageAttributes: map[string]types.MessageAttributeValue{name: v}})
	}
	subscribe := func(protocol, endpoint string, attributes map[string]string) error {
		_, err := b.client.Subscribe(ctx, &awssns.SubscribeInput{TopicArn: &b.topic, Protocol: &protocol, Endpoint: &endpoint, Attributes: attributes})
		return err
	}
	create := func(name string, attributes map[string]string) error {
		_, err := b.client.CreateTopic(ctx, &awssns.CreateTopicInput{Name: &name, Attributes: attributes})
		return err
	}
	_, unknownAction := b.client.TagResource(ctx, &awssns.TagResourceInput{ResourceArn: &b.topic, Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}}})
	_, unknownTopic := b.client.GetTopicAttributes(ctx, &awssns.GetTopicAttributesInput{TopicArn: aws.String(b.topic + "x")})
	_, noARN := b.client.GetTopicAttributes(ctx, &awssns.GetTopicAttributesInput{TopicArn: aws.String("wake")})
	_, unknownSubscription := b.client.GetSubscriptionAttributes(ctx, &awssns.GetSubscriptionAttributesInput{SubscriptionArn: aws.String("x")})

	for name, test := range map[string]struct {
		err        error
		code, text string
	}{
		"unknown action":       {unknownAction, "InvalidAction", "TagResource"},
		"unknown topic":        {unknownTopic, "NotFound", "Topic does not exist"},
		"no ARN":               {noARN, "InvalidParameter", "TopicArn"},
		"unknown subscription": {unknownSubscription, "NotFound", ""},
		"publish to none":      {publish(awssns.PublishInput{TopicArn: aws.String(b.topic + "x")}), "NotFound", ""},
		"phone number":         {publish(awssns.PublishInput{PhoneNumber: aws.String("+1")}), "InvalidParameter", "PhoneNumber"},
		"empty message":        {publish(awssns.PublishInput{Message: aws.String("")}), "InvalidParameter", "Empty message"},
		"largest message":      {publish(awssns.PublishInput{Message: aws.String(strings.Repeat("x", 256<<10))}), "", ""},
		"message too long":     {publish(awssns.PublishInput{Message: aws.String(strings.Repeat("x", 256<<10+1))}), "InvalidParameter", "Invalid parameter: Message too long"},
		"invalid UTF-8":        {publish(awssns.PublishInput{Message: aws.String("\xff")}), "InvalidParameter", "UTF-8"},
		"long subject":         {publish(awssns.PublishInput{Subject: aws.String(strings.Repeat("x", 101))}), "InvalidParameter", "Subject"},
		"structure":            {publish(awssns.PublishInput{MessageStructure: aws.String("xml")}), "InvalidParameter", "MessageStructure"},
		"structure, no JSON":   {publish(awssns.PublishInput{MessageStructure: aws.String("json")}), "InvalidParameter", "JSON"},
		"structure, default":   {publish(awssns.PublishInput{MessageStructure: aws.String("json"), Message: aws.String(`{"sqs":"a"}`)}), "InvalidParameter", "default"},
		"FIFO parameter":       {publish(awssns.PublishInput{MessageGroupId: aws.String("g")}), "InvalidParameter", "MessageGroupId"},
		"attribute type":       {attribute("a", types.MessageAttributeValue{DataType: aws.String("Bool"), StringValue: aws.String("x")}), "ParameterValueInvalid", "type"},
		"attribute empty":      {attribute("a", types.MessageAttributeValue{DataType: aws.String("String"), StringValue: aws.String("")}), "ParameterValueInvalid", "non-empty"},
		"attribute name":       {attribute("a b", types.MessageAttributeValue{DataType: aws.String("String"), StringValue: aws.String("x")}), "ParameterValueInvalid", "name"},
		"attribute number":     {attribute("a", types.MessageAttributeValue{DataType: aws.String("Number"), StringValue: aws.String("x")}), "ParameterValueInvalid", "numeric"},
		"attribute array":      {attribute("a", types.MessageAttributeValue{DataType: aws.String("String.Array"), StringValue: aws.String("x")}), "ParameterValueInvalid", "array"},
		"attribute binary":     {attribute("a", types.MessageAttributeValue{DataType: aws.String("Binary")}), "ParameterValueInvalid", "non-empty"},
		"protocol http":        {subscribe("http", "http://x", nil), "InvalidParameter", `does not support protocol "http"`},
		"lambda endpoint":      {subscribe("lambda", "f", nil), "InvalidParameter", "LAMBDA endpoint ARN"},
		"raw for a function":   {subscribe("lambda", functionARN, map[string]string{"RawMessageDelivery": "true"}), "InvalidParameter", "raw message delivery"},
		"raw value":            {subscribe("sqs", deadARN, map[string]string{"RawMessageDelivery": "yes"}), "InvalidParameter", "RawMessageDelivery"},
		"other attributes":     {subscribe("sqs", queueARN, map[string]string{"RawMessageDelivery": "true"}), "InvalidParameter", "different attributes"},
		"unknown attribute":    {subscribe("sqs", deadARN, map[string]string{"DeliveryPolicy": "{}"}), "InvalidParameter", "DeliveryPolicy"},
		"redrive policy":       {subscribe("sqs", deadARN, map[string]string{"RedrivePolicy": "{}"}), "InvalidParameter", "deadLetterTargetArn"},
		"FIFO topic":           {create("a.fifo", map[string]string{"FifoTopic": "true"}), "InvalidParameter", "FIFO"},
		"topic name":           {create("a b", nil), "InvalidParameter", "Topic Name"},
		"topic attribute":      {create("a", map[string]string{"Colour": "red"}), "InvalidParameter", "Colour"},
	} {
		if got := errorCode(test.err); got != test.code || test.err != nil && !strings.Contains(test.err.Error(), test.text) {
			t.Errorf("%s: %v", name, test.err)
		}
	}
	if n := len(b.queues.bodies(queueARN)); n != 1 {
		t.Errorf("%d messages were delivered", n)
	}
}

func TestSubscriptionsNeedTheirTarget(t *testing.T) {
	t.Parallel()
	s := sns.RunT(t, sns.Config{})
	arn, err := s.CreateTopic("t")
	if err != nil {
		t.Fatal(err)
	}
	for protocol, endpoint := range map[string]string{"lambda": functionARN, "sqs": queueARN} {
		if _, err := s.Subscribe(sns.Subscription{TopicARN: arn, Protocol: protocol, Endpoint: endpoint}); !errors.Is(err, sns.ErrUnsupported) {
			t.Errorf("%s: %v", protocol, err)
		}
	}
}

func TestMalformedRequests(t *testing.T) {
	t.Parallel()
	s := sns.RunT(t, sns.Config{})
	for name, r := range map[string]*http.Request{
		"GET":       httptest.NewRequest(http.MethodGet, "/?Action=ListTopics", nil),
		"no form":   httptest.NewRequest(http.MethodPost, "/", strings.NewReader("%zz")),
		"too large": httptest.NewRequest(http.MethodPost, "/", strings.NewReader("a="+strings.Repeat("x", 3<<20))),
		"no action": httptest.NewRequest(http.MethodPost, "/", nil),
	} {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "<Type>Sender</Type>") {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
}
