package cluster

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestMembershipKnowsWhoIsInWhichNamespace(t *testing.T) {
	m := newMembership(5 * time.Second)
	chat, news := m.roster(nil), m.roster(nil)
	now := time.Now()
	for _, r := range []*roster{chat, news} {
		if _, added, err := r.add("a", true, now); !added || err != nil {
			t.Fatalf("add returned %v, %v", added, err)
		}
	}
	if _, added, _ := chat.add("a", true, now); added {
		t.Error("a node was added twice")
	}
	chat.add("b", false, now)
	if names := chat.names(); !slices.Equal(names, []string{"a"}) {
		t.Errorf("nodes that send heartbeats are %q, want only a", names)
	}
	if n := chat.size(); n != 2 {
		t.Errorf("the namespace has %d members, want 2", n)
	}
	if chat.find([]byte("b")) == nil || news.find([]byte("b")) != nil {
		t.Error("b is in the wrong namespaces")
	}
	chat.add("b", true, now)
	if !chat.remove("a") || chat.remove("a") {
		t.Error("a node does not leave a namespace exactly once")
	}
	if names := chat.names(); !slices.Equal(names, []string{"b"}) {
		t.Errorf("nodes that send heartbeats are %q, want only b", names)
	}
	if d, ok := m.remove("a"); !ok || !slices.Equal(d.rosters, []*roster{news}) {
		t.Errorf("a left the rosters %v", d.rosters)
	}
	chat.close()
	if names := m.names(); !slices.Equal(names, []string{"b"}) {
		t.Errorf("nodes are %q, want b, which may have other namespaces", names)
	}
}

func TestSilentNodesLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMembership(5 * time.Second)
		r := m.roster(nil)
		for _, id := range []string{"silent", "alive"} {
			r.add(id, true, time.Now())
		}
		r.add("learned", false, time.Now())
		var left []string
		for second := range 62 {
			time.Sleep(time.Second)
			if !m.heard([]byte("alive")) {
				t.Fatal("alive is not known")
			}
			for _, d := range m.sweep(time.Now()) {
				left = append(left, fmt.Sprint(d.id, " after ", second+1))
				if !slices.Equal(d.rosters, []*roster{r}) {
					t.Errorf("%s left %v", d.id, d.rosters)
				}
			}
		}
		if want := []string{"silent after 6", "learned after 61"}; !slices.Equal(left, want) {
			t.Errorf("left: %q, want %q", left, want)
		}
		if m.heard([]byte("silent")) || r.find([]byte("silent")) != nil {
			t.Error("a node that left is known")
		}
		if _, added, _ := r.add("silent", true, time.Now()); !added {
			t.Error("the node cannot come back")
		}
	})
}

// A node that is alive, but does not answer for a namespace, leaves that only.
func TestDoubtfulMembersLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMembership(5 * time.Second)
		r, other := m.roster(nil), m.roster(nil)
		for _, id := range []string{"a", "b"} {
			r.add(id, true, time.Now())
			other.add(id, true, time.Now())
			if !r.doubt(id, time.Now()) || r.doubt(id, time.Now()) {
				t.Error("a member is not doubted exactly once")
			}
		}
		if r.doubt("none", time.Now()) {
			t.Error("a stranger was doubted")
		}
		var left []departure
		for range 7 {
			time.Sleep(time.Second)
			m.heard([]byte("a"))
			r.find([]byte("b"))
			if gone := m.sweep(time.Now()); gone != nil {
				t.Errorf("%v are silent", gone)
			}
			left = append(left, m.sweepDoubtful(time.Now())...)
		}
		if len(left) != 1 || left[0].id != "a" || !slices.Equal(left[0].rosters, []*roster{r}) {
			t.Errorf("left: %v", left)
		}
		if !slices.Equal(r.names(), []string{"b"}) || !slices.Equal(other.names(), []string{"a", "b"}) || len(m.doubtful) != 0 {
			t.Errorf("the members are %q and %q", r.names(), other.names())
		}
		r.doubt("b", time.Now())
		r.remove("b")
		r.add("b", true, time.Now())
		time.Sleep(6 * time.Second)
		if gone := m.sweepDoubtful(time.Now()); gone != nil || len(m.doubtful) != 0 {
			t.Errorf("%v left, which had left and come back", gone)
		}
	})
}

func TestMembersAreBounded(t *testing.T) {
	m := newMembership(time.Second)
	r := m.roster(nil)
	for i := range maxMembers {
		if _, _, err := r.add(fmt.Sprint(i), true, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := r.add("more", true, time.Now()); err != errTooManyMembers {
		t.Errorf("a further node was added: %v", err)
	}
	if added, err := m.meet("more", true, time.Now()); added || err != errTooManyMembers {
		t.Errorf("meet returned %v, %v", added, err)
	}
	if _, _, err := r.add("0", true, time.Now()); err != nil {
		t.Errorf("a known node was refused: %v", err)
	}
	for _, id := range []string{"", string(make([]byte, maxNodeID+1))} {
		if _, _, err := newMembership(time.Second).roster(nil).add(id, true, time.Now()); err != errNodeID {
			t.Errorf("an ID of %d bytes was accepted: %v", len(id), err)
		}
	}
}
