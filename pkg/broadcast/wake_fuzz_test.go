package broadcast_test

import (
	"testing"

	"github.com/gapless-rooms/gapless/pkg/broadcast"
)

// Whatever comes from the topic is a wake-up for a room or an error, and what was
// read can be sent again.
func FuzzDecodeWake(f *testing.F) {
	f.Add([]byte(`{"kind":"drain","room":"lobby","epoch":"e","entry":{"seq":1,"user":"u","at":1,"data":{}}}`))
	f.Add([]byte(`{"kind":"newer","room":"lobby","more":[1,2]}`))
	f.Add([]byte(`{"kind":"drain","room":"lob`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, b []byte) {
		w, err := broadcast.DecodeWake(b)
		if err != nil {
			return
		}
		if w.Room == "" {
			t.Fatal("a wake-up for no room")
		}
		again, err := w.Encode()
		if err != nil {
			t.Fatalf("%+v cannot be sent again: %v", w, err)
		}
		if _, err := broadcast.DecodeWake(again); err != nil {
			t.Fatalf("%s cannot be read again: %v", again, err)
		}
	})
}
