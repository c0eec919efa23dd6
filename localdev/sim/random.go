package sim

import (
	"hash/fnv"
	"math/rand/v2"
	"strconv"
	"time"
)

// stream is an own source of randomness for each purpose, so that a change in
// one does not disturb the others.
func stream(seed uint64, purpose string) *rand.Rand {
	return rand.New(rand.NewPCG(seed, digest(purpose))) //nolint:gosec // repeatable on purpose
}

// digest mixes strings into 64 bits.
func digest(parts ...string) uint64 {
	h := fnv.New64a()
	for _, p := range parts {
		_, _ = h.Write([]byte(p))
		_, _ = h.Write([]byte{0})
	}
	return mix(h.Sum64())
}

// mix is the finaliser of MurmurHash3: FNV alone leaves the high bits of short
// strings too much alike.
func mix(x uint64) uint64 {
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

// latency is a time within [least, most) made of the seed and of what the time
// belongs to.
func latency(seed uint64, least, most time.Duration, of ...string) time.Duration {
	h := digest(append(of, strconv.FormatUint(seed, 16))...)
	return least + time.Duration(h%uint64(most-least)) //nolint:gosec // positive
}

func between(r *rand.Rand, least, most time.Duration) time.Duration {
	return least + time.Duration(r.Int64N(int64(most-least)))
}

func chance(r *rand.Rand, percent int) bool { return r.IntN(100) < percent }

func pick[T any](r *rand.Rand, all ...T) T { return all[r.IntN(len(all))] }
