package adapter

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed96b07ef8/socketio/engine"
)

func except(t *testing.T, a Adapter, event string, rooms ...string) {
	t.Helper()
	if err := a.Broadcast(&Packet{Event: event}, Target{Except: rooms}); err != nil {
		t.Fatal(err)
	}
}

// A client has missed exactly what it would have received, regardless of its rooms
// before and after.
func TestMissedIsWhatWasSentToTheRoomsOfTheTime(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		happen func(r *Recovery, s *fakeSocket) // without the client receiving anything
		want   []string
	}{
		{"joined late", func(r *Recovery, s *fakeSocket) {
			broadcast(t, r, "before", "x")
			_ = s.Join("x")
			broadcast(t, r, "after", "x")
		}, []string{"after"}},
		{"left early", func(r *Recovery, s *fakeSocket) {
			_ = s.Join("x")
			broadcast(t, r, "before", "x")
			s.Leave("x")
			broadcast(t, r, "after", "x")
		}, []string{"before"}},
		{"in and out again", func(r *Recovery, s *fakeSocket) {
			for i := range 3 {
				broadcast(t, r, fmt.Sprint("out ", i), "x")
				_ = s.Join("x")
				broadcast(t, r, fmt.Sprint("in ", i), "x", "y")
				s.Leave("x")
			}
		}, []string{"in 0", "in 1", "in 2"}},
		{"joined twice", func(r *Recovery, s *fakeSocket) {
			_ = s.Join("x")
			broadcast(t, r, "between", "x")
			_ = s.Join("x", "x")
			broadcast(t, r, "after", "x")
		}, []string{"between", "after"}},
		{"excepted", func(r *Recovery, s *fakeSocket) {
			except(t, r, "before", "x")
			_ = s.Join("x")
			except(t, r, "meanwhile", "x")
			s.Leave("x")
			except(t, r, "after", "x")
		}, []string{"before", "after"}},
		{"without its own room", func(r *Recovery, s *fakeSocket) {
			broadcast(t, r, "before", "a")
			s.Leave("a")
			broadcast(t, r, "meanwhile", "a")
			except(t, r, "except for no socket", "a")
			_ = s.Join("a")
			broadcast(t, r, "after", "a")
		}, []string{"before", "except for no socket", "after"}},
		{"rooms refused", func(r *Recovery, s *fakeSocket) {
			r.Join(s, 1, "x", "y")
			broadcast(t, r, "refused", "x")
		}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := NewRecovery(new(fakeHost), RecoveryOptions{})
			defer r.Close()
			s := admit(r, "a", "p", nil)
			test.happen(r, s)
			live := s.got[1:]
			leave(r, s, "p")
			if again := admit(r, "a", "p", r.Restore(context.Background(), "p", "")); !slices.Equal(again.got, append(test.want, "connected")) {
				t.Errorf("missed %q, want %q", again.got, test.want)
			}
			if !slices.Equal(live, test.want) {
				t.Errorf("received %q when connected, want %q", live, test.want)
			}
		})
	}
}

// A socket that left its own room is not in it after recovery.
func TestRecoveredSocketStaysOutOfItsOwnRoom(t *testing.T) {
	t.Parallel()
	r := NewRecovery(new(fakeHost), RecoveryOptions{})
	defer r.Close()
	s := admit(r, "a", "p", nil)
	s.Leave("a")
	leave(r, s, "p")
	broadcast(t, r, "away", "a")
	s = admit(r, "a", "p", r.Restore(context.Background(), "p", ""))
	broadcast(t, r, "back", "a")
	if !slices.Equal(s.got, []string{"connected"}) || len(r.Rooms(s)) != 0 {
		t.Errorf("got %q, is in %q", s.got, r.Rooms(s))
	}
}

// A room that a socket leaves while its session is restored counts as left from then
// on: events sent to it meanwhile do not reach the socket.
func TestRoomLeftWhileTheSessionIsRestored(t *testing.T) {
	t.Parallel()
	r := NewRecovery(new(fakeHost), RecoveryOptions{})
	defer r.Close()
	s := admit(r, "a", "p", nil)
	_ = s.Join("kept", "left")
	leave(r, s, "p")
	broadcast(t, r, "away", "left")
	session := r.Restore(context.Background(), "p", "")
	broadcast(t, r, "restored, left", "left")
	broadcast(t, r, "restored, kept", "kept")
	session.Rooms = []string{"kept", "new"}
	s = admit(r, "a", "p", session)
	broadcast(t, r, "back, left", "left")
	broadcast(t, r, "back, new", "new")
	if want := []string{"away", "restored, kept", "connected", "back, new"}; !slices.Equal(s.got, want) {
		t.Errorf("got %q, want %q", s.got, want)
	}
}

// Operations on rooms reach a session that is being restored, in addition to the
// changes of its middleware.
func TestOperationsOnASessionBeingRestored(t *testing.T) {
	t.Parallel()
	restored := func(t *testing.T) (*Recovery, *Session) {
		r := NewRecovery(new(fakeHost), RecoveryOptions{})
		t.Cleanup(func() { r.Close() })
		s := admit(r, "a", "p", nil)
		_ = s.Join("kept", "left", "taken")
		leave(r, s, "p")
		return r, r.Restore(context.Background(), "p", "")
	}
	own := Target{Rooms: []string{"a"}}
	t.Run("rooms", func(t *testing.T) {
		r, session := restored(t)
		broadcast(t, r, "taken, before", "taken")
		broadcast(t, r, "given, before", "given")
		if err := errors.Join(r.LeaveSockets(own, "taken"), r.JoinSockets(own, "given")); err != nil {
			t.Fatal(err)
		}
		broadcast(t, r, "taken, after", "taken")
		broadcast(t, r, "given, after", "given")
		session.Rooms = []string{"kept", "taken", "new"} // as changed by middleware
		s := admit(r, "a", "p", session)
		if want := []string{"taken, before", "given, after", "connected"}; !slices.Equal(s.got, want) {
			t.Errorf("got %q, want %q", s.got, want)
		}
		rooms := r.Rooms(s)
		if slices.Sort(rooms); !slices.Equal(rooms, []string{"a", "given", "kept", "new"}) {
			t.Errorf("is in %q", rooms)
		}
	})
	t.Run("the end", func(t *testing.T) {
		for name, end := range map[string]func(*Recovery){
			"DisconnectSockets": func(r *Recovery) { _ = r.DisconnectSockets(own, false) },
			"Forget":            func(r *Recovery) { r.Forget(&fakeSocket{id: "a"}, "p", nil) },
			"Close":             func(r *Recovery) { _ = r.Close() },
		} {
			r, session := restored(t)
			end(r)
			if s := admit(r, "a", "p", session); s != nil {
				t.Errorf("%s: admitted with %q", name, s.got)
			}
			r.Return("p", session)
			if r.Restore(context.Background(), "p", "") != nil {
				t.Errorf("%s: the session still exists", name)
			}
		}
	})
}

// The latest Restore takes a session over: what the sockets of earlier ones do about it
// has no effect.
func TestRestoredAgain(t *testing.T) {
	t.Parallel()
	for name, live := range map[string]bool{"away": false, "not known to be away": true} {
		for _, first := range []string{"Admit", "Return", "Forget", "an invalid offset"} {
			t.Run(name+", "+first, func(t *testing.T) {
				r := NewRecovery(new(fakeHost), RecoveryOptions{})
				defer r.Close()
				s := admit(r, "a", "p", nil)
				_ = s.Join("room")
				if !live {
					leave(r, s, "p")
				}
				broadcast(t, r, "first", "room")
				stale := r.Restore(context.Background(), "p", "")
				broadcast(t, r, "second", "room")
				session := r.Restore(context.Background(), "p", "")
				if session == nil || session == stale || session.ID != "a" || session.Live != stale.Live || !slices.Equal(session.Rooms, []string{"room"}) {
					t.Fatalf("restored again: %+v", session)
				}
				switch first {
				case "Admit":
					if admit(r, "a", "p", stale) != nil {
						t.Error("admitted with the result of the first Restore")
					}
				case "Return":
					stale.Data = "stale"
					r.Return("p", stale)
				case "Forget":
					r.Forget(&fakeSocket{id: "a"}, "p", stale)
				case "an invalid offset":
					if r.Restore(context.Background(), "p", r.prefix+"zz") != nil {
						t.Error("restored with an invalid offset")
					}
				}
				got := admit(r, "a", "p", session)
				if got == nil {
					t.Fatal("not admitted with the result of the last Restore")
				}
				if want := []string{"first", "second", "connected"}; !slices.Equal(got.got, want) {
					t.Errorf("got %q, want %q", got.got, want)
				}
				leave(r, got, "p")
				if again := r.Restore(context.Background(), "p", ""); again == nil || again.Data != "data of a" {
					t.Errorf("restored a third time: %+v", again)
				}
			})
		}
	}
}

// A session that lacks packets when its socket is admitted is not recovered, even if
// it was complete when it was restored.
func TestDroppedBetweenRestoreAndAdmit(t *testing.T) {
	t.Parallel()
	r := NewRecovery(new(fakeHost), RecoveryOptions{MaxBytes: 4000, MaxDisconnection: time.Hour})
	defer r.Close()
	leave(r, admit(r, "a", "p", nil), "p")
	broadcast(t, r, "missed")
	session := r.Restore(context.Background(), "p", "")
	if session == nil {
		t.Fatal("not restored")
	}
	for range 100 {
		broadcast(t, r, "for others", "elsewhere")
	}
	if s := admit(r, "a", "p", session); s != nil {
		t.Errorf("admitted with %q", s.got)
	}
	if len(r.Sockets(Target{})) != 0 || r.Restore(context.Background(), "p", "") != nil {
		t.Error("the socket or its session still exists")
	}
}

// Packets that expire between Restore and Admit were received long ago.
func TestOldPacketsBetweenRestoreAndAdmit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := NewRecovery(new(fakeHost), RecoveryOptions{MaxDisconnection: time.Minute, Heartbeat: 10 * time.Second})
		defer r.Close()
		s := admit(r, "a", "p", nil)
		for range 20 {
			broadcast(t, r, "old")
			time.Sleep(time.Second)
		}
		offset := r.prefix + "k" // of the last: 20 in base 36
		time.Sleep(15 * time.Second)
		leave(r, s, "p")
		time.Sleep(35 * time.Second)
		broadcast(t, r, "missed")
		session := r.Restore(context.Background(), "p", offset)
		time.Sleep(25 * time.Second) // more than 70 s since the old ones
		broadcast(t, r, "missed, too")
		if r.log.numbers[20] != nil {
			t.Fatal("the old packets are still logged")
		}
		if s = admit(r, "a", "p", session); s == nil || !slices.Equal(s.got, []string{"missed", "missed, too", "connected"}) {
			t.Errorf("admitted: %v", s)
		}
	})
}

// A session remembers a bounded number of rooms. Clients whose recovery needs more
// are not recovered.
func TestStaysAreBounded(t *testing.T) {
	t.Parallel()
	r := NewRecovery(new(fakeHost), RecoveryOptions{})
	defer r.Close()
	s := admit(r, "a", "p", nil)
	visit := func(n int) {
		for i := range n {
			_ = s.Join("x")
			broadcast(t, r, fmt.Sprint(i), "x")
			s.Leave("x")
		}
	}
	visit(maxStays + 1)
	late := r.prefix + "2" // one stay later
	if n := len(r.sessions["p"].stays.past); n != maxStays {
		t.Errorf("%d stays are kept", n)
	}
	for range 10 * maxStays {
		_ = s.Join("nothing is said")
		s.Leave("nothing is said")
	}
	leave(r, s, "p")
	if r.Restore(context.Background(), "p", "") != nil {
		t.Error("restored although the session has forgotten a room")
	}
	if s = admit(r, "a", "p", r.Restore(context.Background(), "p", late)); s == nil || len(s.got) != maxStays {
		t.Error("not recovered although the session remembers all relevant rooms")
	}
}

// Stays that ended before all logged packets are discarded.
func TestStaysAreForgottenWithThePackets(t *testing.T) {
	t.Parallel()
	r := NewRecovery(new(fakeHost), RecoveryOptions{MaxBytes: 3000})
	defer r.Close()
	s := admit(r, "a", "p", nil)
	for range 100 {
		_ = s.Join("x")
		broadcast(t, r, "news", "x")
		s.Leave("x")
	}
	if n := len(r.sessions["p"].stays.past); n > 10 {
		t.Errorf("%d stays are kept", n)
	}
}

// An event that could not be queued is not logged.
func TestEmitThatFails(t *testing.T) {
	t.Parallel()
	r := NewRecovery(new(fakeHost), RecoveryOptions{})
	defer r.Close()
	s := admit(r, "a", "p", nil)
	full := errors.New("full")
	for i, result := range []error{nil, full, nil} {
		err := r.Emit(s, &Packet{Event: fmt.Sprint(i)}, func(p *Packet) error {
			if p.Flags&engine.Deferred == 0 {
				t.Error("sent under the lock")
			}
			return result
		})
		if err != result {
			t.Errorf("%d: %v", i, err)
		}
	}
	leave(r, s, "p")
	if s = admit(r, "a", "p", r.Restore(context.Background(), "p", "")); !slices.Equal(s.got, []string{"0", "2", "connected"}) {
		t.Errorf("got %q", s.got)
	}
}

// stuckSocket is a socket whose Flush waits.
type stuckSocket struct {
	fakeSocket
	flushing, release chan struct{}
}

func (s *stuckSocket) Flush(engine.Flags) {
	s.flushing <- struct{}{}
	<-s.release
}

// Other operations of the namespace do not wait while messages are sent or a client is
// being connected.
func TestNothingIsSentUnderTheLock(t *testing.T) {
	t.Parallel()
	r := NewRecovery(new(fakeHost), RecoveryOptions{})
	defer r.Close()
	slow := &stuckSocket{fakeSocket{id: "slow", a: r, rooms: []string{"slow"}}, make(chan struct{}), make(chan struct{})}
	connecting, connect := make(chan struct{}), make(chan struct{})
	var done sync.WaitGroup
	done.Go(func() {
		r.Admit(slow, "slow", nil, func([]*Packet) { close(connecting); <-connect })
	})
	<-connecting
	others := func(when string) {
		s := admit(r, "a", "p", nil)
		_ = s.Join("x")
		broadcast(t, r, when, "x")
		s.Leave("x")
		leave(r, s, "p")
		if r.Restore(context.Background(), "p", "") == nil {
			t.Error("not restored", when)
		}
	}
	others("while a client is being connected")
	close(connect)
	done.Wait()
	done.Go(func() { broadcast(t, r, "news", "slow") })
	<-slow.flushing
	others("while messages are sent")
	close(slow.release)
	done.Wait()
}

// Every position is found without reading all entries before it.
func TestPositionsInTheLog(t *testing.T) {
	t.Parallel()
	r := NewRecovery(new(fakeHost), RecoveryOptions{MaxBytes: 350_000})
	defer r.Close()
	for i := range 3000 {
		broadcast(t, r, fmt.Sprint(i+1)) // its position
		if i%500 != 0 && i != 2999 {
			continue
		}
		for position := range r.log.last + 1 {
			some := r.log.since(position)
			first := max(position, r.log.dropped) + 1
			if some.first != nil && some.first.position+markInterval <= first {
				t.Fatalf("searched for position %d from %d on", first, some.first.position)
			}
			if position%50 != 0 {
				continue
			}
			missed := some.missed("a", position, nil)
			if uint64(len(missed)) != r.log.last+1-first || len(missed) > 0 && missed[0].Event != fmt.Sprint(first) {
				t.Fatalf("of %d to %d, %d were found behind %d", r.log.dropped+1, r.log.last, len(missed), position)
			}
		}
	}
	if r.log.dropped == 0 || len(r.log.marks) > len(r.log.numbers)/markInterval+1 {
		t.Errorf("%d of %d packets are kept, with %d marks", len(r.log.numbers), r.log.last, len(r.log.marks))
	}
}

// The log may change while a span of it is read.
func TestSpanOutlivesTheLog(t *testing.T) {
	t.Parallel()
	r := NewRecovery(new(fakeHost), RecoveryOptions{MaxBytes: 50_000})
	defer r.Close()
	for i := range 50 {
		broadcast(t, r, fmt.Sprint(i))
	}
	r.mu.Lock()
	some := r.log.since(0)
	r.mu.Unlock()
	var dropped sync.WaitGroup
	dropped.Go(func() {
		for range 1000 {
			broadcast(t, r, "later")
		}
	})
	for range 100 {
		missed := some.missed("a", 0, nil)
		if len(missed) != 50 || missed[0].Event != "0" || missed[49].Event != "49" {
			t.Fatalf("%d packets", len(missed))
		}
	}
	dropped.Wait()
	if r.log.numbers[50] != nil {
		t.Error("the packets are still logged")
	}
}

// The bound of the log covers the memory that it holds: names of rooms count, and it
// does not keep the encoded forms that transports add.
func TestMaxBytesCountsWhatIsHeld(t *testing.T) {
	t.Parallel()
	r := NewRecovery(new(fakeHost), RecoveryOptions{MaxBytes: 9_000})
	defer r.Close()
	rooms := make([]string, 100)
	for i := range rooms {
		rooms[i] = fmt.Sprintf("%030d", i)
	}
	for range 10 {
		p := &Packet{Event: "e"}
		if err := r.Broadcast(p, Target{Rooms: rooms}); err != nil {
			t.Fatal(err)
		}
		if r.log.newest.message == p.Message {
			t.Fatal("the log keeps the message that is sent")
		}
	}
	if n := len(r.log.numbers); n != 1 { // one has 3,000 bytes of names, and their headers
		t.Errorf("%d packets for 100 rooms are kept", n)
	}
}

// offsetHost is a fakeHost that records the offset of each event.
type offsetHost struct {
	fakeHost
	offsets map[string]string
}

func (h *offsetHost) Encode(p *Packet) error {
	h.offsets[p.Event] = p.Offset
	return h.fakeHost.Encode(p)
}

// Of two sockets with the same rooms, one loses its connection repeatedly, and the
// server notices late. Both receive the same events.
func TestFlakySocketReceivesWhatASteadyOneDoes(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 1))
		h := &offsetHost{offsets: make(map[string]string)}
		r := NewRecovery(h, RecoveryOptions{})
		steady, flaky := admit(r, "steady", "ps", nil), admit(r, "flaky", "pf", nil)
		var received []string // by the client of flaky
		receive := func(n int) {
			for _, event := range flaky.got[:n] {
				if event != "connected" {
					received = append(received, event)
				}
			}
			flaky.got = flaky.got[n:]
		}
		connected := true
		room := func() string { return string(rune('a' + rng.IntN(4))) }
		for i := range 200 {
			event := fmt.Sprint(i)
			switch rng.IntN(10) {
			case 0, 1:
				broadcast(t, r, event, room(), room())
			case 2:
				except(t, r, event, room())
			case 3:
				broadcast(t, r, event)
			case 4, 5: // of connected and of disconnected sockets
				if err := r.JoinSockets(Target{Rooms: []string{"steady", "flaky"}}, room()); err != nil {
					t.Fatal(err)
				}
			case 6, 7:
				if err := r.LeaveSockets(Target{Rooms: []string{"steady", "flaky"}}, room(), room()); err != nil {
					t.Fatal(err)
				}
			case 8:
				receive(rng.IntN(len(flaky.got) + 1))
			case 9:
				if connected {
					receive(rng.IntN(len(flaky.got) + 1)) // the rest is lost
					if rng.IntN(2) == 0 {
						leave(r, flaky, "pf")
						connected = false
						break
					}
				}
				offset := ""
				if len(received) > 0 {
					offset = h.offsets[received[len(received)-1]]
				}
				session := r.Restore(context.Background(), "pf", offset)
				if rng.IntN(4) == 0 {
					r.Return("pf", session)
					connected = false
					break
				}
				broadcast(t, r, event, room())
				flaky, connected = admit(r, "flaky", "pf", session), true
			}
		}
		if !connected {
			offset := ""
			if len(received) > 0 {
				offset = h.offsets[received[len(received)-1]]
			}
			flaky = admit(r, "flaky", "pf", r.Restore(context.Background(), "pf", offset))
		}
		receive(len(flaky.got))
		if want := steady.got[1:]; !slices.Equal(received, want) {
			t.Fatalf("seed %d: the flaky client received\n%q, the steady one\n%q", seed, received, want)
		}
		r.Close()
	}
}

// While several goroutines emit and the rooms of a socket change, the delivered
// packets are the same as those that the log reports as missed, in the same order.
func TestDeliveryAndReplayAgree(t *testing.T) {
	t.Parallel()
	r := NewRecovery(new(fakeHost), RecoveryOptions{})
	defer r.Close()
	s := admit(r, "a", "p", nil)
	var emitters, rooms sync.WaitGroup
	stop := make(chan struct{})
	for e := range 4 {
		emitters.Go(func() {
			rng := rand.New(rand.NewPCG(1, uint64(e)))
			for i := range 1000 {
				event, room := fmt.Sprint(e, ".", i), string(rune('a'+rng.IntN(4)))
				switch rng.IntN(4) {
				case 0:
					except(t, r, event, room)
				case 1:
					_ = r.Emit(s, &Packet{Event: event}, func(p *Packet) error { s.Deliver(p); return nil })
				default:
					broadcast(t, r, event, room)
				}
			}
		})
	}
	rooms.Go(func() {
		rng := rand.New(rand.NewPCG(2, 2))
		for range maxStays {
			select {
			case <-stop:
				return
			default:
			}
			if room := string(rune('a' + rng.IntN(4))); rng.IntN(2) == 0 {
				_ = s.Join(room)
			} else {
				s.Leave(room)
			}
		}
	})
	emitters.Wait()
	close(stop)
	rooms.Wait()
	var logged []string
	for _, p := range r.log.since(0).missed("a", 0, r.sessions["p"].stays.presence()) {
		logged = append(logged, p.Event)
	}
	if got := s.got[1:]; !slices.Equal(got, logged) || len(got) == 0 {
		t.Errorf("%d packets were delivered, %d would have been missed", len(got), len(logged))
	}
}
