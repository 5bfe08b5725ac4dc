// Package socketiotest helps to test programs that use package socketio: it runs
// a server on a network that exists in memory, and has a client that says what
// it is told to and fails the test when something else happens than is expected.
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
// [NewServer] makes a server, [Serve] takes one that the program under test has
// made. Either is shut down at the end of the test, which fails when the server
// does not come to rest: because a handler does not return, for example. No ports
// are used, so tests may run in parallel without further ado.
//
// # Clients
//
// [Connect] joins a namespace, over WebSocket or polling; [Client.Join] joins
// another one over the same connection. The client does not reconnect, and it
// does nothing on its own but answer heartbeats. What it receives waits until the
// test asks for it: [Client.Next] and [Client.Expect] take the events one by one
// in the order in which they came, so that a test sees what there should not
// have been. All of these wait as long as [ClientOptions.Timeout].
//
// A Client is an event.Emitter and a socketio.Caller, so that the contracts of
// package event, and [socketio.Call], work with it.
//
// As usual with tests, methods that may fail the test belong on the goroutine
// that runs it.
//
// # Time
//
// All of this works in a bubble of package testing/synctest, where time passes
// at once and synctest.Wait tells that nothing more will happen: with it,
// [Client.TryNext] can show that an event has not been sent.
//
//	synctest.Test(t, func(t *testing.T) {
//		io := socketiotest.NewServer(t, nil)
//		c := socketiotest.Connect(t, io, nil)
//		c.Hang()
//		time.Sleep(time.Minute) // the heartbeat's timeout, and some more
//		c.ExpectDisconnect(socketio.TransportClose)
//	})
package socketiotest
