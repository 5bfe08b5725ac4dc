package client

import "slices"

// abandonLocked ends the waiting for answers to events that have not been sent. It is
// called when the socket becomes inactive: those who wait without a deadline would
// otherwise wait until Connect or Open is called, if ever. It is not called when an
// attempt of Connect has failed that the server did not refuse, since callers of Connect
// try again. The events are not sent any more; those that want no answer wait on.
func (s *Socket) abandonLocked(why error) {
	abandoned := func(out *outgoing) bool {
		if out.result == nil {
			return false
		}
		if out.timer != nil {
			out.timer.Stop()
		}
		s.bytes -= out.message.Len()
		s.dropLocked(out, why)
		return true
	}
	s.buffer = slices.DeleteFunc(s.buffer, abandoned)
	s.queue = slices.DeleteFunc(s.queue, abandoned)
}
