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

// away returns a Recovery with sessions for the disconnected sockets a to d, in the same
// rooms as in TestTargets.
func away(opts RecoveryOptions) *Recovery {
	r := NewRecovery(new(fakeHost), opts)
	for id, rooms := range map[string][]string{"a": {"x", "y"}, "b": {"x"}, "c": {"y"}, "d": {"a"}} {
		s := admit(r, id, "p"+id, nil)
		_ = s.Join(rooms...)
		leave(r, s, "p"+id)
	}
	return r
}

// Operations on rooms reach disconnected sockets as they reach connected ones.
func TestOperationsOnAbsentSockets(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		t    Target
		want string
	}{
		{Target{}, "a b c d"},
		{Target{Rooms: []string{"x"}}, "a b"},
		{Target{Rooms: []string{"x", "y", "x"}}, "a b c"},
		{Target{Rooms: []string{"x"}, Except: []string{"y"}}, "b"},
		{Target{Except: []string{"x", "y"}}, "d"},
		{Target{Rooms: []string{"a"}}, "a d"},
		{Target{Rooms: []string{"b"}, Except: []string{"b"}}, ""},
		{Target{Except: []string{"a"}}, "b c"},
		{Target{Rooms: []string{}}, ""},
	} {
		t.Run(fmt.Sprintf("%+v", test.t), func(t *testing.T) {
			check := func(operation string, applied func(id string, s *Session) bool) {
				t.Helper()
				var ids []string
				for _, id := range []string{"a", "b", "c", "d"} {
					r := away(RecoveryOptions{})
					defer r.Close()
					var err error
					switch operation {
					case "join":
						err = r.JoinSockets(test.t, "new")
					case "leave":
						err = r.LeaveSockets(test.t, "x", "y", "a")
					case "disconnect":
						err = r.DisconnectSockets(test.t, false)
					}
					if err != nil {
						t.Error(operation, err)
					}
					if applied(id, r.Restore(context.Background(), "p"+id, "")) {
						ids = append(ids, id)
					}
				}
				if got := strings.Join(ids, " "); got != test.want {
					t.Errorf("%s applied to %q, want %q", operation, got, test.want)
				}
			}
			check("join", func(_ string, s *Session) bool { return slices.Contains(s.Rooms, "new") })
			check("leave", func(_ string, s *Session) bool { return len(s.Rooms) == 0 })
			check("disconnect", func(_ string, s *Session) bool { return s == nil })
		})
	}
}

// An absent socket misses what is sent to a room before it leaves the room or after it
// joins it.
func TestMissedWhileRoomsChangeInAbsence(t *testing.T) {
	t.Parallel()
	r := away(RecoveryOptions{})
	defer r.Close()
	own := Target{Rooms: []string{"b"}}
	broadcast(t, r, "in x", "x")
	broadcast(t, r, "not in new", "new")
	if err := r.LeaveSockets(own, "x", "other"); err != nil {
		t.Fatal(err)
	}
	if err := r.JoinSockets(own, "new"); err != nil {
		t.Fatal(err)
	}
	broadcast(t, r, "not in x", "x")
	broadcast(t, r, "in new", "new")
	s := admit(r, "b", "pb", r.Restore(context.Background(), "pb", ""))
	if want := []string{"in x", "in new", "connected"}; !slices.Equal(s.got, want) {
		t.Errorf("got %q, want %q", s.got, want)
	}
	if rooms := r.Rooms(s); !slices.Equal(rooms, []string{"b", "new"}) {
		t.Errorf("is in %q", rooms)
	}
}

func TestRoomsOfAbsentSocketsAreBounded(t *testing.T) {
	t.Parallel()
	r := away(RecoveryOptions{MaxRooms: 2})
	defer r.Close()
	if err := r.JoinSockets(Target{Rooms: []string{"b"}}, "x", "b", "new"); err != nil {
		t.Error(err)
	}
	if err := r.JoinSockets(Target{Rooms: []string{"b"}}, "x", "one more"); err == nil {
		t.Error("joined one too many")
	}
	if rooms := r.Restore(context.Background(), "pb", "").Rooms; len(rooms) != 2 {
		t.Errorf("is in %q", rooms)
	}
}

// Data about absent sockets is deleted with their sessions.
func TestAbsentSocketsAreForgotten(t *testing.T) {
	t.Parallel()
	empty := func(r *Recovery) bool {
		return r.absent.byAge.Len() == 0 && len(r.absent.byID) == 0 && len(r.absent.rooms) == 0
	}
	synctest.Test(t, func(t *testing.T) {
		r := away(RecoveryOptions{MaxDisconnection: time.Minute})
		defer r.Close()
		time.Sleep(3 * time.Minute)
		if r.mu.Lock(); !empty(r) {
			t.Errorf("left: %+v", r.absent)
		}
		r.mu.Unlock()
	})
	r := away(RecoveryOptions{})
	for _, id := range []string{"a", "b", "c", "d"} {
		admit(r, id, "p"+id, r.Restore(context.Background(), "p"+id, ""))
	}
	if !empty(r) {
		t.Errorf("left after all are back: %+v", r.absent)
	}
	r.Close()
	if r = away(RecoveryOptions{}); r.Close() != nil || !empty(r) {
		t.Errorf("left after Close: %+v", r.absent)
	}
}
