package gateway

import "testing"

func TestSelectionExpressions(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		expression, body, want string
		ok                     bool
	}{
		{"$request.body.action", `{"action":"join"}`, "join", true},
		{"${request.body.action}", `{"action":"join"}`, "join", true},
		{"$request.body.a.b", `{"a":{"b":"deep"}}`, "deep", true},
		{"$request.body.a[1].b", `{"a":[0,{"b":"listed"}]}`, "listed", true},
		{"$request.body['a b']", `{"a b":"quoted"}`, "quoted", true},
		{"${request.body['a b']}", `{"a b":"quoted"}`, "quoted", true},
		{"$request.body.a/$request.body.b", `{"a":"x","b":"y"}`, "x/y", true},
		{"${request.body.version}-beta", `{"version":2}`, "2-beta", true},
		{"${request.body.a}.${request.body.b}", `{"a":true,"b":1.50}`, "true.1.50", true},
		{"$request.body.a.", `{"a":"x"}`, "x.", true},
		{`\$default`, `not JSON`, "$default", true},
		{"$default", `not JSON`, "$default", true},
		{"$request.body.action", `not JSON`, "", false},
		{"$request.body.action", `{"action":"a"} trailing`, "", false},
		{"$request.body.action", `{}`, "", false},
		{"$request.body.action", `"text"`, "", false},
		{"$request.body.action", `{"action":null}`, "", false},
		{"$request.body.action", `{"action":[]}`, "", false},
		{"$request.body.a/$request.body.b", `{"a":"x"}`, "", false},
		{"$request.body.a[1]", `{"a":[0]}`, "", false},
		{"$request.body.action", ``, "", false},
		// Evaluation happens once.
		{"$request.body.action", `{"action":"$request.body.other"}`, "$request.body.other", true},
	} {
		e, err := parseExpression(tt.expression, bodyVariables)
		if err != nil {
			t.Errorf("%s: %v", tt.expression, err)
			continue
		}
		if got, ok := e.eval([]byte(tt.body)); got != tt.want || ok != tt.ok {
			t.Errorf("%s on %s: %q %t, want %q %t", tt.expression, tt.body, got, ok, tt.want, tt.ok)
		}
	}
	for _, wrong := range []string{
		"$request.header.x", "$request.body", "${request.body.a", "$", "$context.connectionId",
		"$request.body.a[*]", "$request.body..a", "$request.body.a[x]", "$request.bodyfoo",
	} {
		if _, err := parseExpression(wrong, bodyVariables); err == nil {
			t.Errorf("%s was accepted", wrong)
		}
	}
}

func FuzzSelectionExpression(f *testing.F) {
	f.Add("$request.body.action", `{"action":"x"}`)
	f.Add(`${request.body['a'][0]}/\$x`, `[]`)
	f.Fuzz(func(_ *testing.T, expression, body string) {
		if e, err := parseExpression(expression, bodyVariables); err == nil {
			e.eval([]byte(body))
		}
	})
}

func TestTemplates(t *testing.T) {
	t.Parallel()
	in := templateInput{
		body: []byte(`{"id":7,"s":"a \"b\"","o":{"k":["<"]}}`),
		context: requestContext{
			ConnectionID: "C", RequestID: "R", ConnectedAt: 12, Authorizer: []byte(`{"principalId":"ada"}`),
		}.variable,
	}
	for _, tt := range []struct{ source, want string }{
		{`{"push":"pong"}`, `{"push":"pong"}`},
		{`{"c":"$context.connectionId","r":"${context.requestId}"}`, `{"c":"C","r":"R"}`},
		{`$context.connectedAt.`, `12.`},
		{`$context.authorizer.principalId|$context.authorizer.none`, `ada|`},
		{`$input.body`, `{"id":7,"s":"a \"b\"","o":{"k":["<"]}}`},
		{`{"id":$input.json('$.id'),"s":$input.json('$.s'),"o":$input.json("$.o")}`, `{"id":7,"s":"a \"b\"","o":{"k":["<"]}}`},
		{`$input.path('$.s') $input.path('$.none')`, `a "b" `},
		{`back\slash`, `back\slash`},
	} {
		tpl, err := parseTemplate(tt.source)
		if err != nil {
			t.Errorf("%s: %v", tt.source, err)
			continue
		}
		if got := tpl.run(in); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.source, got, tt.want)
		}
	}
	for _, wrong := range []string{
		`#set($x = 1)`, `## comment`, `$x`, `$util.escapeJavaScript('x')`, `$context.unknown`, `$!input.body`,
		`\$x`, `$input.params('x')`, `${context.requestId`, `$input.json('a')`, `$input.json('$.a[*]')`, `$`,
	} {
		if _, err := parseTemplate(wrong); err == nil {
			t.Errorf("%s was accepted", wrong)
		}
	}
}

func FuzzTemplate(f *testing.F) {
	f.Add(`{"a":"$context.requestId","b":$input.json('$.x')}`, `{"x":1}`)
	f.Fuzz(func(_ *testing.T, source, body string) {
		if tpl, err := parseTemplate(source); err == nil {
			tpl.run(templateInput{body: []byte(body), context: requestContext{}.variable})
		}
	})
}

func TestModels(t *testing.T) {
	t.Parallel()
	model, err := parseSchema([]byte(`{
		"$schema": "http://json-schema.org/draft-04/schema#", "title": "t", "type": "object",
		"required": ["action"], "additionalProperties": false,
		"properties": {
			"action": {"type": "string", "enum": ["a", "b"]},
			"n": {"type": "integer", "minimum": 1, "maximum": 10},
			"x": {"type": ["number", "null"]},
			"s": {"type": "string", "minLength": 2, "maxLength": 3, "pattern": "^[é-ü]+$"},
			"l": {"type": "array", "items": {"type": "boolean"}, "minItems": 1, "maxItems": 2},
			"o": {"additionalProperties": {"type": "object"}}
		}}`))
	if err != nil {
		t.Fatal(err)
	}
	for body, want := range map[string]bool{
		`{"action":"a"}`: true, `{"action":"c"}`: false, `{}`: false, `[]`: false, `{"action":1}`: false,
		`{"action":"a","extra":1}`: false,
		`{"action":"a","n":1}`:     true, `{"action":"a","n":1.0}`: true, `{"action":"a","n":1.5}`: false,
		`{"action":"a","n":0}`: false, `{"action":"a","n":11}`: false,
		`{"action":"a","x":null}`: true, `{"action":"a","x":1e3}`: true, `{"action":"a","x":"1"}`: false,
		`{"action":"a","s":"éé"}`: true, `{"action":"a","s":"é"}`: false, `{"action":"a","s":"éééé"}`: false,
		`{"action":"a","s":"ab"}`: false,
		`{"action":"a","l":[]}`:   false, `{"action":"a","l":[true]}`: true, `{"action":"a","l":[1]}`: false,
		`{"action":"a","l":[true,true,true]}`: false,
		`{"action":"a","o":{"k":{}}}`:         true, `{"action":"a","o":{"k":1}}`: false,
	} {
		v, ok := parseJSON([]byte(body))
		if !ok {
			t.Fatal(body)
		}
		if got := model.valid(v); got != want {
			t.Errorf("%s: valid %t", body, got)
		}
	}
	for _, wrong := range []string{`{"oneOf":[]}`, `{"properties":{"a":{"format":"date"}}}`, `[]`, `{"pattern":"("}`} {
		if _, err := parseSchema([]byte(wrong)); err == nil {
			t.Errorf("%s was accepted", wrong)
		}
	}
}
