package broadcast_test

import (
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/gapless-rooms/gapless/pkg/broadcast"
	"github.com/gapless-rooms/gapless/pkg/msglog"
)

// An entry in a wake-up is used only if it is complete.
func TestWakeThatLacksSomethingIsFilledFromTheLog(t *testing.T) {
	inTime(t, func(b *bundle) {
		b.join("a")
		for _, carried := range []broadcast.WireEntry{
			{}, {User: "u", At: 1}, {User: "u", Data: jsontext.Value(`"forged"`)}, {At: 1, Data: jsontext.Value(`"forged"`)},
			{User: "u", At: 1, Data: jsontext.Value(`"for`)},
		} {
			at, err := b.log.Append(b.Context(), msglog.AppendParams{Room: "r", User: "u", Data: []byte(`"real"`)})
			if err != nil {
				b.Fatal(err)
			}
			carried.Seq = at.Seq
			wake := drain
			wake.Epoch, wake.Entry = at.Epoch, &carried
			if err := b.Handle(b.Context(), wake); err != nil {
				b.Fatal(err)
			}
			frames := b.gateway.frames["a"]
			if last := string(frames[len(frames)-1]); len(frames) != int(carried.Seq) || !strings.Contains(last, `"data":"real"`) { //nolint:gosec // a few
				b.Errorf("carried %+v, sent %s", carried, last)
			}
		}
	})
}
