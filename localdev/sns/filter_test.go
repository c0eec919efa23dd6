package sns

import (
	"errors"
	"strings"
	"testing"

	"github.com/gapless-rooms/gapless/localdev/sqs"
)

func TestFilterOnAttributes(t *testing.T) {
	t.Parallel()
	attributes := map[string]sqs.Attribute{
		"kind":  {Type: "String", String: "wake"},
		"price": {Type: "Number", String: "100.5"},
		"tags":  {Type: "String.Array", String: `["rugby","baseball",7,true,null]`},
		"blob":  {Type: "Binary", Binary: []byte("x")},
	}
	for policy, want := range map[string]bool{
		`{"kind":["wake"]}`:                             true,
		`{"kind":["sleep","wake"]}`:                     true,
		`{"kind":["Wake"]}`:                             false,
		`{"kind":["wake"],"price":[1]}`:                 false,
		`{"kind":["wake"],"price":[100.5]}`:             true,
		`{"price":["100.5"]}`:                           false,
		`{"kind":[{"prefix":"wa"}]}`:                    true,
		`{"kind":[{"prefix":"ke"}]}`:                    false,
		`{"kind":[{"suffix":"ke"}]}`:                    true,
		`{"kind":[{"equals-ignore-case":"WAKE"}]}`:      true,
		`{"kind":[{"anything-but":"wake"}]}`:            false,
		`{"kind":[{"anything-but":["sleep","dream"]}]}`: true,
		`{"kind":[{"anything-but":{"prefix":"wa"}}]}`:   false,
		`{"kind":[{"anything-but":{"suffix":"x"}}]}`:    true,
		`{"price":[{"anything-but":[100.5]}]}`:          false,
		`{"gone":[{"anything-but":"x"}]}`:               false,
		`{"tags":["baseball"]}`:                         true,
		`{"tags":["tennis"]}`:                           false,
		`{"tags":[7]}`:                                  true,
		`{"tags":[true]}`:                               true,
		`{"tags":[null]}`:                               true,
		`{"tags":[{"anything-but":["rugby"]}]}`:         true,
		`{"kind":[{"exists":true}]}`:                    true,
		`{"kind":[{"exists":false}]}`:                   false,
		`{"gone":[{"exists":false}]}`:                   true,
		`{"gone":["x",{"exists":false}]}`:               true,
		`{"blob":[{"exists":true}]}`:                    false,
		`{"price":[{"numeric":["=",100.5]}]}`:           true,
		`{"price":[{"numeric":["=",100.500001]}]}`:      true,
		`{"price":[{"numeric":[">",100,"<=",100.5]}]}`:  true,
		`{"price":[{"numeric":[">",100.5]}]}`:           false,
		`{"price":[{"numeric":[">=",100.5,"<",101]}]}`:  true,
		`{"price":[{"numeric":["<",0]}]}`:               false,
		`{"kind":[{"numeric":["=",1]}]}`:                false,
		``:                                              true,
	} {
		f, err := parseFilter(policy, scopeAttributes)
		if err != nil {
			t.Errorf("%s: %v", policy, err)
			continue
		}
		if got := f.match("body", attributes); got != want {
			t.Errorf("%s: %t", policy, got)
		}
	}
}

func TestFilterOnBody(t *testing.T) {
	t.Parallel()
	body := `{"room":"lobby","shard":{"n":3,"names":["a","b"]},"list":[{"x":1},{"x":2}],"none":null,"ok":true}`
	for policy, want := range map[string]bool{
		`{"room":["lobby"]}`:                            true,
		`{"room":["hall"]}`:                             false,
		`{"shard":{"n":[3]}}`:                           true,
		`{"shard":{"n":[{"numeric":[">",3]}]}}`:         false,
		`{"shard":{"names":["b"]}}`:                     true,
		`{"list":{"x":[2]}}`:                            true,
		`{"none":[null]}`:                               true,
		`{"ok":[true]}`:                                 true,
		`{"ok":["true"]}`:                               false,
		`{"room":[{"prefix":"lob"}],"shard":{"n":[3]}}`: true,
		`{"gone":[{"exists":false}]}`:                   true,
		`{"shard":{"gone":[{"exists":true}]}}`:          false,
	} {
		f, err := parseFilter(policy, scopeBody)
		if err != nil {
			t.Errorf("%s: %v", policy, err)
			continue
		}
		if got := f.match(body, nil); got != want {
			t.Errorf("%s: %t", policy, got)
		}
		for _, other := range []string{"no JSON", `"text"`, `null`, `{} {}`} {
			if f.match(other, nil) {
				t.Errorf("%s matches %s", policy, other)
			}
		}
	}
}

func TestFilterPoliciesThatAreRefused(t *testing.T) {
	t.Parallel()
	many := `{"a":[` + strings.TrimSuffix(strings.Repeat("1,", 151), ",") + `]}`
	for policy, want := range map[string]error{
		`[`:                                   ErrInvalidParameter,
		`{"a":"x"}`:                           ErrInvalidParameter,
		`{"a":[]}`:                            ErrInvalidParameter,
		`{"a":{"b":["x"]}}`:                   ErrInvalidParameter, // nested, but on attributes
		`{"a":[["x"]]}`:                       ErrInvalidParameter,
		`{"a":[{"exists":"yes"}]}`:            ErrInvalidParameter,
		`{"a":[{"prefix":1}]}`:                ErrInvalidParameter,
		`{"a":[{"prefix":"a","suffix":"b"}]}`: ErrInvalidParameter,
		`{"a":[{"anything-but":[]}]}`:         ErrInvalidParameter,
		`{"a":[{"numeric":["=="]}]}`:          ErrInvalidParameter,
		`{"a":[{"numeric":["==",1]}]}`:        ErrInvalidParameter,
		`{"a":[{"numeric":["=",1,"<",2]}]}`:   ErrInvalidParameter,
		`{"a":[{"numeric":["=","1"]}]}`:       ErrInvalidParameter,
		`{"a":[1000000001]}`:                  ErrInvalidParameter,
		`{"a":[1],"b":[1],"c":[1],"d":[1],"e":[1],"f":[1]}`: ErrInvalidParameter,
		many:                                       ErrInvalidParameter,
		`{"a":[{"cidr":"10.0.0.0/24"}]}`:           ErrUnsupported,
		`{"a":[{"wildcard":"x*"}]}`:                ErrUnsupported,
		`{"$or":[{"a":["x"]},{"b":["y"]}]}`:        ErrUnsupported,
		`{"a":[{"anything-but":{"exists":true}}]}`: ErrUnsupported,
	} {
		if _, err := parseFilter(policy, scopeAttributes); !errors.Is(err, want) {
			t.Errorf("%s: %v", policy, err)
		}
	}
	if _, err := parseFilter(`{}`, "Elsewhere"); !errors.Is(err, ErrInvalidParameter) {
		t.Errorf("scope: %v", err)
	}
}
