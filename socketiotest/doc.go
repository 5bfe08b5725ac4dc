// Package socketiotest provides utilities for testing programs that use package
// socketio. It runs a server on an in-memory network, and has a scripted client
// that fails the test if it receives something unexpected.
//
//	func TestGreeting(t *testing.T) {
//		io := socketiotest.NewServer(t, nil)
//		io.On("hello", func(s *socketio.Socket, name string) error {
//			return s.Emit("greeting", "hi "+name)
//		})
//
//		c := socketiotest.Connect(t, io, nil)
//		c.Emit("hello", "you")
//		c.Expect("greeting", "hi you")
//	}
//
// # Servers
//
// [NewServer] creates a server; [Serve] takes a server that the program under
// test has created. Both shut the server down at the end of the test, and fail
// the test if that does not complete, for example because a handler does not
// return. No ports are used, so tests may run in parallel.
//
// # Clients
//
// [Connect] joins a namespace over WebSocket or polling, and [Client.Join] joins
// another one over the same connection. The client answers heartbeats and does
// nothing else by itself; it does not reconnect. Received events wait until the
// test takes them: [Client.Next] and [Client.Expect] return them one by one, in
// the order in which they arrived, so a test also notices events that should not
// have been sent. Methods that wait do so for at most [ClientOptions.Timeout].
//
// A Client is an event.Emitter and a peer.Caller, so the contracts of package
// event and [socketio.Call] work with it.
//
// Methods that may fail the test must be called from the goroutine that runs
// it, as [testing.T.FailNow] requires.
//
// # Time
//
// The package works in a bubble of package testing/synctest, in which sleeping
// takes no real time. After synctest.Wait, nothing more happens in the bubble,
// so [Client.TryNext] can show that an event was not sent.
//
//	synctest.Test(t, func(t *testing.T) {
//		io := socketiotest.NewServer(t, nil)
//		c := socketiotest.Connect(t, io, nil)
//		c.Hang()
//		time.Sleep(time.Minute) // the heartbeat's timeout, and some more
//		c.ExpectDisconnect(socketio.TransportClose)
//	})
//
// # Volatile events
//
// The network has no buffers: a write ends when the other end has read it. Volatile
// events that are emitted directly after one another are therefore dropped much more
// often than over TCP, where the kernel's buffers take them. To receive each of them,
// call synctest.Wait before every one, in a bubble.
package socketiotest
