package clienttest

import (
	"fmt"
	"sync"
	"testing"

	"github.com/gapless-rooms/gapless/localdev/stack"
	"github.com/gapless-rooms/gapless/pkg/client"
)

// BenchmarkDelivery publishes from one client and waits until every reader has
// been handed everything.
func BenchmarkDelivery(b *testing.B) {
	for _, readers := range []int{1, 10} {
		b.Run(fmt.Sprintf("readers=%d", readers), func(b *testing.B) {
			s := stack.RunT(b, stack.Config{Environ: map[string]string{"GAPLESS_PUBLISH_RATE": "1000000"}})
			rooms := make([]*client.Room, readers)
			for i := range rooms {
				rooms[i] = dial(b, s, fmt.Sprintf("reader-%d", i), client.Options{}).Join("hall")
				if _, err := rooms[i].Ready(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
			publisher := dial(b, s, "publisher", client.Options{}).Room("hall")
			var drained sync.WaitGroup
			b.ResetTimer()
			for _, room := range rooms {
				drained.Go(func() {
					for range b.N {
						if _, err := room.Next(b.Context()); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			for n := range b.N {
				if _, err := publisher.Publish(b.Context(), n); err != nil {
					b.Fatal(err)
				}
			}
			drained.Wait()
			b.ReportMetric(float64(b.N*readers)/b.Elapsed().Seconds(), "deliveries/s")
		})
	}
}
