package cluster

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed96b07ef8/socketio/internal/clip"
)

// A DropReason says why a node has dropped a message of another node, or one for the other
// nodes.
type DropReason uint8

// The reasons for dropping a message: first those of a message that was received, then, from
// DropQueueFull on, those of a message that was to be sent.
const (
	DropMalformed    DropReason = iota // it is not a message of the codec
	DropUnknown                        // its kind or version is not known
	DropLimit                          // it exceeds one of the Limits, or its sender's name is too long
	DropDuplicate                      // it was received before
	DropLate                           // it answers a request that is complete, or one that this node has not sent
	DropMembers                        // its sender is one node too many
	DropAnswers                        // the answers to one request exceed 16 MiB
	DropServerEvents                   // handlers of server events are too slow
	DropFailed                         // handling it failed: a panic, or an event that cannot be encoded for clients

	DropQueueFull // the publish queue was full
	DropTooOld    // it waited for longer than Options.QueueAge
	DropAmbiguous // the driver does not know whether it was sent
	DropRefused   // the bus does not accept it
	DropClosed    // the server has shut down before it was sent

	dropReasons
)

var dropTexts = [dropReasons]string{
	DropMalformed:    "malformed",
	DropUnknown:      "unknown kind or version",
	DropLimit:        "exceeds a limit",
	DropDuplicate:    "duplicate",
	DropLate:         "late answer",
	DropMembers:      "too many members",
	DropAnswers:      "answers too large",
	DropServerEvents: "too many server events",
	DropFailed:       "handling failed",
	DropQueueFull:    "publish queue full",
	DropTooOld:       "too long in the publish queue",
	DropAmbiguous:    "perhaps not sent",
	DropRefused:      "refused by the bus",
	DropClosed:       "not sent before the shutdown",
}

// String returns a text for logs and labels.
func (r DropReason) String() string {
	if r < dropReasons {
		return dropTexts[r]
	}
	return "unknown"
}

// drops counts dropped messages, and logs one line per sender and minute.
type drops struct {
	logger *slog.Logger
	counts [dropReasons]atomic.Uint64

	mu     sync.Mutex
	logged map[string]time.Time // when a line was last logged, by sender
}

const (
	dropLogInterval = time.Minute
	maxDropSenders  = 1024 // further ones share a line
)

func newDrops(logger *slog.Logger) *drops {
	return &drops{logger: logger, logged: make(map[string]time.Time)}
}

// note counts a message of sender, which is empty if it is not known or the node itself.
// Duplicates and late answers are part of normal operation and are not logged. It must not be
// called under a lock.
func (d *drops) note(reason DropReason, sender, namespace string, err error) {
	d.counts[reason].Add(1)
	if reason == DropDuplicate || reason == DropLate {
		return
	}
	if !d.due(sender, time.Now()) {
		return
	}
	attrs := []any{"reason", reason.String(), "node", clip.Text(sender, clip.Quote), "nsp", clip.Text(namespace, clip.Quote)}
	if err != nil {
		attrs = append(attrs, "error", clip.Log(err))
	}
	d.logger.Warn("socketio: dropped a message of the cluster; at most one line per node and minute", attrs...)
}

// due reports whether a line about sender may be logged, and notes that it is.
func (d *drops) due(sender string, now time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(sender) > maxNodeID {
		sender = ""
	}
	if _, known := d.logged[sender]; !known && len(d.logged) >= maxDropSenders {
		for s, at := range d.logged {
			if now.Sub(at) >= dropLogInterval {
				delete(d.logged, s)
			}
		}
		if len(d.logged) >= maxDropSenders {
			sender = ""
		}
	}
	if at, known := d.logged[sender]; known && now.Sub(at) < dropLogInterval {
		return false
	}
	d.logged[sender] = now
	return true
}

// all returns the counts that are not zero.
func (d *drops) all() map[DropReason]uint64 {
	all := make(map[DropReason]uint64)
	for r := range dropReasons {
		if n := d.counts[r].Load(); n > 0 {
			all[r] = n
		}
	}
	return all
}
