package adapter

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func broadcast(t *testing.T, a Adapter, event string, rooms ...string) {
	t.Helper()
	if err := a.Broadcast(&Packet{Event: event}, Target{Rooms: rooms}); err != nil {
		t.Fatal(err)
	}
}

// admit admits a socket that records the missed packets before it is connected. It
// returns nil if the session is incomplete.
func admit(r *Recovery, id, pid string, session *Session) *fakeSocket {
	s := &fakeSocket{id: id, a: r}
	if session != nil {
		s.rooms = session.Rooms
	}
	admitted := r.Admit(s, pid, session, func(missed []*Packet) {
		for _, p := range missed {
			s.Deliver(p)
		}
		s.note("connected")
	})
	if !admitted {
		return nil
	}
	return s
}

func leave(r *Recovery, s *fakeSocket, pid string) {
	r.Persist(s, pid, "data of "+s.id)
	r.Remove(s)
}

// A session is kept for MaxDisconnection, and packets as long as a session
// might need them; then nothing is left.
func TestRecoveryLifetimes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := NewRecovery(new(fakeHost), RecoveryOptions{MaxDisconnection: time.Minute, Heartbeat: 10 * time.Second})
		a, b := admit(r, "a", "pa", nil), admit(r, "b", "pb", nil)
		leave(r, a, "pa")
		broadcast(t, r, "missed")
		time.Sleep(59 * time.Second)
		session := r.Restore(context.Background(), "pa", "")
		if session == nil || session.ID != "a" || session.Data != "data of a" {
			t.Fatalf("restored %+v", session)
		}
		a = admit(r, "a", "pa", session)
		if want := []string{"missed", "connected"}; !slices.Equal(a.got, want) {
			t.Errorf("a got %q, want %q", a.got, want)
		}
		leave(r, a, "pa")
		leave(r, b, "pb")
		time.Sleep(61 * time.Second)
		if r.Restore(context.Background(), "pa", "") != nil || r.Restore(context.Background(), "pb", "") != nil {
			t.Error("restored after its time")
		}
		time.Sleep(2 * time.Minute)
		if r.mu.Lock(); r.log.oldest != nil || len(r.log.numbers) != 0 || len(r.sessions) != 0 || r.absent.byAge.Len() != 0 || r.log.bytes != 0 || r.cleanup != nil {
			t.Errorf("left: %d packets, %d sessions, %d bytes", len(r.log.numbers), len(r.sessions), r.log.bytes)
		}
		r.mu.Unlock()
	})
}

// A client that was connected for long while others received events can
// recover: packets that were dropped meanwhile were not for it, or it has
// received them.
func TestRecoveryOfAQuietClient(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := NewRecovery(new(fakeHost), RecoveryOptions{MaxDisconnection: time.Minute, Heartbeat: 10 * time.Second})
		defer r.Close()
		a := admit(r, "a", "pa", nil)
		for range 100 {
			broadcast(t, r, "for others", "elsewhere")
			time.Sleep(10 * time.Second)
		}
		leave(r, a, "pa")
		broadcast(t, r, "missed")
		if a = admit(r, "a", "pa", r.Restore(context.Background(), "pa", "")); !slices.Equal(a.got, []string{"missed", "connected"}) {
			t.Errorf("a got %q", a.got)
		}
	})
}

// If packets were dropped before their time, a client that may have missed them
// is not recovered, and one that received them is.
func TestRecoveryBounds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := NewRecovery(new(fakeHost), RecoveryOptions{MaxBytes: 4000, MaxSessions: 2, MaxDisconnection: time.Hour})
		defer r.Close()
		early := admit(r, "early", "pe", nil)
		leave(r, early, "pe")
		for i := range 100 {
			broadcast(t, r, fmt.Sprintf("%080d", i), "elsewhere")
		}
		if r.log.bytes > 4000 || len(r.log.numbers) > 12 {
			t.Errorf("%d packets of %d bytes are kept", len(r.log.numbers), r.log.bytes)
		}
		if r.Restore(context.Background(), "pe", "") != nil {
			t.Error("restored although packets are lost")
		}
		late := admit(r, "late", "pl", nil)
		leave(r, late, "pl")
		if s := r.Restore(context.Background(), "pl", ""); s == nil {
			t.Error("not restored although no packet is lost")
		} else {
			r.Return("pl", s)
		}
		for i := range 3 {
			id := fmt.Sprint("s", i)
			leave(r, admit(r, id, "p"+id, nil), "p"+id)
		}
		if r.absent.byAge.Len() != 2 || r.Restore(context.Background(), "pl", "") != nil || r.Restore(context.Background(), "ps0", "") != nil || r.Restore(context.Background(), "ps2", "") == nil {
			t.Errorf("%d sessions are kept", r.absent.byAge.Len())
		}
	})
}

func BenchmarkRecoveryRestore(b *testing.B) {
	for _, n := range []int{1_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			r := NewRecovery(new(fakeHost), RecoveryOptions{})
			defer r.Close()
			for range n {
				if err := r.Broadcast(&Packet{Event: "e"}, Target{Rooms: []string{"nobody"}}); err != nil {
					b.Fatal(err)
				}
			}
			s := &quietSocket{id: "s"}
			r.Admit(s, "p", nil, func([]*Packet) {})
			for b.Loop() {
				r.Persist(s, "p", nil)
				r.Remove(s)
				r.Admit(s, "p", r.Restore(context.Background(), "p", ""), func([]*Packet) {})
			}
		})
	}
}

// A client that recovers has not missed events sent to an empty list of rooms.
func TestRecoveryOfNoRooms(t *testing.T) {
	t.Parallel()
	r := NewRecovery(new(fakeHost), RecoveryOptions{})
	defer r.Close()
	a := admit(r, "a", "pa", nil)
	broadcast(t, r, "to everyone")
	if err := r.Broadcast(&Packet{Event: "to no room"}, Target{Rooms: []string{}}); err != nil {
		t.Fatal(err)
	}
	leave(r, a, "pa")
	broadcast(t, r, "to everyone who is away")
	if err := r.Broadcast(&Packet{Event: "to no room while away"}, Target{Rooms: []string{}}); err != nil {
		t.Fatal(err)
	}
	got := append(a.got, admit(r, "a", "pa", r.Restore(context.Background(), "pa", "")).got...)
	for _, event := range got {
		if strings.Contains(event, "to no room") {
			t.Errorf("the client got %q", event)
		}
	}
	if n := len(got); n != 5 { // connected twice, and the first event twice, since the client did not send its offset
		t.Errorf("the client got %q", got)
	}
}
