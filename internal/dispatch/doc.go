// Package dispatch runs the jobs of sockets, such as handling their events, at both
// ends. It decides on which goroutine a job runs, keeps its order, and sends its
// messages in few writes.
//
// A [Queue] holds waiting items. [Workers] are goroutines that run jobs, and [Readers] are
// goroutines that read from connections and are lent to jobs. A [Cork] delays sent
// messages while more items wait.
//
// The type parameter S is memory that a worker keeps from one job to the next, so that
// an event needs no memory of its own.
package dispatch

// A Job is work for a worker.
type Job[S any] interface {
	// Work does it.
	Work(w *Worker[S])
	// Resign is called if Work ended its goroutine with runtime.Goexit, after the corked
	// messages of w were sent. It must arrange for another worker to continue.
	Resign()
}
