package cluster

import (
	"fmt"
	"time"
)

// Options configure a [Provider]. The zero value means the defaults, and so does a field of
// 0.
type Options struct {
	// HeartbeatInterval is the time between two heartbeats of this node. The default is 2 s.
	HeartbeatInterval time.Duration
	// HeartbeatTimeout is the silence after which another node counts as gone. It is at
	// least twice the HeartbeatInterval, and must suit that of the other nodes. The default
	// is 5 s.
	HeartbeatTimeout time.Duration
	// RequestTimeout bounds the wait for answers of other nodes if the context of the caller
	// has no deadline. The default is 5 s.
	RequestTimeout time.Duration
	// QueueBytes and QueueMessages bound what waits to be published, on each lane of the
	// driver. The defaults are 64 MiB and 65,536. When the queue is full, volatile
	// messages are dropped first, and then the new message.
	QueueBytes    int
	QueueMessages int
	// QueueAge is how long a message may wait to be published. The default is 5 s. Older
	// messages are dropped rather than delivered late.
	QueueAge time.Duration
	// PublishTimeout bounds one attempt to publish. The default is 2 s.
	PublishTimeout time.Duration
	// MaxMessage is the largest message that this node sends or accepts, in bytes. The
	// default is 16 MiB. The bus may accept less.
	MaxMessage int
	// Strict makes Emit return [adapter.ErrUnavailable] after the local delivery while the
	// bus is not connected. Without it, the message waits in the queue.
	Strict bool
}

// withDefaults returns the options with defaults, or an error that names a wrong one.
func (o *Options) withDefaults() (opts Options, err error) {
	if o != nil {
		opts = *o
	}
	for _, d := range []struct {
		name  string
		value *time.Duration
		def   time.Duration
	}{
		{"HeartbeatInterval", &opts.HeartbeatInterval, 2 * time.Second},
		{"HeartbeatTimeout", &opts.HeartbeatTimeout, 5 * time.Second},
		{"RequestTimeout", &opts.RequestTimeout, 5 * time.Second},
		{"QueueAge", &opts.QueueAge, 5 * time.Second},
		{"PublishTimeout", &opts.PublishTimeout, 2 * time.Second},
	} {
		switch {
		case *d.value == 0:
			*d.value = d.def
		case *d.value < time.Millisecond:
			return opts, fmt.Errorf("cluster: Options.%s is %v, want 1 ms or more", d.name, *d.value)
		}
	}
	for _, n := range []struct {
		name  string
		value *int
		def   int
	}{
		{"QueueBytes", &opts.QueueBytes, 64 << 20},
		{"QueueMessages", &opts.QueueMessages, 65_536},
		{"MaxMessage", &opts.MaxMessage, 16 << 20},
	} {
		switch {
		case *n.value == 0:
			*n.value = n.def
		case *n.value < 0:
			return opts, fmt.Errorf("cluster: Options.%s is %d, want 1 or more", n.name, *n.value)
		}
	}
	if opts.HeartbeatTimeout < 2*opts.HeartbeatInterval {
		return opts, fmt.Errorf("cluster: Options.HeartbeatTimeout is %v, want twice the HeartbeatInterval of %v or more",
			opts.HeartbeatTimeout, opts.HeartbeatInterval)
	}
	return opts, nil
}
