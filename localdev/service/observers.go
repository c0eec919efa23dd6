package service

import (
	"slices"
	"sync"
)

// Observers are the functions that want to know of events of type E. The zero
// value has none. It is safe for concurrent use.
type Observers[E any] struct {
	mu   sync.Mutex
	list []*observer[E] // in the order of Observe; replaced, never changed
}

type observer[E any] struct{ tell func(E) }

// Observe calls f for each event from now on, in the goroutine of the event,
// until stop is called. A nil f is ignored.
func (o *Observers[E]) Observe(f func(E)) (stop func()) {
	if f == nil {
		return func() {}
	}
	added := &observer[E]{f}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.list = append(slices.Clone(o.list), added)
	return func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.list = slices.DeleteFunc(slices.Clone(o.list), func(other *observer[E]) bool { return other == added })
	}
}

// Emit tells the observers, in the order in which they came. The caller holds
// no lock that an observer may need.
func (o *Observers[E]) Emit(e E) {
	o.mu.Lock()
	list := o.list
	o.mu.Unlock()
	for _, each := range list {
		each.tell(e)
	}
}
