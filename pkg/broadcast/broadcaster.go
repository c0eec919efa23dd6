package broadcast

import "context"

// Broadcaster handles wake-ups. It is safe for concurrent use.
type Broadcaster struct {
	Parts
	config Config
	poster *poster
}

// New returns a Broadcaster.
func New(parts Parts, config Config) (*Broadcaster, error) {
	config = config.WithDefaults()
	if err := config.validate(); err != nil {
		return nil, err
	}
	return &Broadcaster{parts, config, newPoster(parts.Gateway, parts.Clock, config)}, nil
}

// Handle processes a wake-up. It returns an error only if the same wake-up should
// be delivered again; the caller's invocation must then fail.
func (b *Broadcaster) Handle(ctx context.Context, w Wake) error {
	switch w.Kind {
	case KindDrain:
		return newDrain(b.Parts, b.config, b.poster, w).handle(ctx)
	case KindEphemeral:
		return b.ephemeral(ctx, w)
	case KindPresence:
		return b.presence(ctx, w)
	default:
		b.Logger.WarnContext(ctx, "ignored a wake-up of unknown kind", "kind", string(w.Kind), "room", w.Room)
		return nil
	}
}
