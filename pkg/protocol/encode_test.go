package protocol

import (
	"bytes"
	"reflect"
	"testing"
)

// Each command of testdata/commands.json is read back as the same command,
// without absent fields.
func TestEncodeCommandVectors(t *testing.T) {
	t.Parallel()
	for _, v := range readVectors[[]commandVector](t, "commands.json") {
		if v.Command == nil {
			continue
		}
		want, err := Decode(v.build())
		if err != nil {
			t.Fatalf("%s: %v", v.Name, err)
		}
		frame, err := EncodeCommand(want.ID, want.Params)
		if err != nil {
			t.Errorf("%s: %v", v.Name, err)
			continue
		}
		got, err := Decode(frame)
		if err != nil || got.Action != want.Action || !bytes.Equal(got.ID, want.ID) || asJSON(t, got.Params) != asJSON(t, want.Params) {
			t.Errorf("%s: %s becomes %+v, %v", v.Name, frame, got, err)
		}
	}
}

func TestEncodeCommandRefusesWhatTheServerWould(t *testing.T) {
	t.Parallel()
	for name, one := range map[string]struct {
		id     ID
		params Params
	}{
		"room": {nil, &Join{Room: "bad room"}},
		"data": {nil, &Publish{Room: "lobby"}},
		"id":   {ID(`[]`), &Leave{Room: "lobby"}},
		"size": {nil, &Publish{Room: "lobby", Data: bytes.Repeat([]byte("1"), MaxDataBytes+1)}},
	} {
		if frame, err := EncodeCommand(one.id, one.params); err == nil || reflect.TypeOf(err) != reflect.TypeFor[*Error]() {
			t.Errorf("%s: %s, %v", name, frame, err)
		}
	}
}
