package sim

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/gapless-rooms/gapless/pkg/broadcast"
)

// lateMutants are mistakes that only late effects, publishers of one key or
// wake-ups that vanish bring to light.
func lateMutants() []*Mutant {
	return []*Mutant{
		{Name: "woken by the first head alone (msglog.NeedsWake without r.Seq > r.Head.Seq)", Class: "two devices, one key", Seeds: 150, Do: wakeByOldHead},
		{Name: "a late request takes a lease that nobody holds (dynamo.AcquireLease without the generation)", Class: "push alone, late effect", Seeds: 20, Do: recondition(
			func(c *call) bool {
				return c.is("UpdateItem", "head") && strings.Contains(c.change, "SET lo = :owner, lu = :until") && c.function == "broadcast"
			},
			func(condition string) string {
				return strings.NewReplacer(" AND attribute_not_exists(lg)", "", " AND lg = :g", "").Replace(condition)
			})},
		{Name: "a late request registers a connection once more (dynamo.Connections.Put without condition)", Class: "late effect", Seeds: 60, Do: recondition(
			func(c *call) bool { return c.is("PutItem", "connection") }, func(string) string { return "" })},
		{Name: "the sweeper looks at no room (sweep.wakeStalled)", Class: "wake-up lost", Seeds: 20, Do: nothingPending},
	}
}

// wakeByOldHead leaves out a wake-up for a number above the head that the
// publisher saw when it took one, if that head shows a live lease.
func wakeByOldHead(w *world, c *call, perform performer) (*http.Response, error) {
	if c.function != "message" {
		return perform()
	}
	if takesNumber(c) {
		response, err := perform()
		if err != nil {
			return response, err
		}
		return attributes(c, response, func(item map[string]any) {
			w.mu.Lock()
			defer w.mu.Unlock()
			if w.before == nil {
				w.before = map[string]map[string]any{}
			}
			if w.before[c.run] == nil {
				w.before[c.run] = item
			}
		})
	}
	var wake broadcast.Wake
	if c.op != "Publish" || json.Unmarshal([]byte(c.form.Get("Message")), &wake) != nil || wake.Kind != broadcast.KindDrain || wake.Entry == nil {
		return perform()
	}
	w.mu.Lock()
	seen := w.before[c.run]
	w.mu.Unlock()
	until, _ := strconv.ParseInt(text(seen, "lu"), 10, 64)
	if text(seen, "lo") != "" && until > w.clock.Now().UnixMilli() && wake.Entry.Seq > count(seen, "n") {
		return c.published(), nil
	}
	return perform()
}

// nothingPending shows the sweeper every head as drained.
func nothingPending(_ *world, c *call, perform performer) (*http.Response, error) {
	response, err := perform()
	if err != nil || c.function != "sweep" || !c.is("GetItem", "head") {
		return response, err
	}
	return attributes(c, response, func(item map[string]any) {
		if n := item["n"]; n != nil {
			item["d"] = n
		}
	})
}
