package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/time/rate"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/engine"
)

const (
	maxText      = 1000    // characters
	maxImage     = 1 << 20 // bytes
	deliveryTime = 5 * time.Second

	// A member may send this many events per second, and a burst that suffices for a
	// person who types quickly.
	eventRate  = 5
	eventBurst = 20
	// Changes within this time are announced together: a member list costs a message to
	// every member.
	announceDelay = 50 * time.Millisecond
)

// The rooms are fixed. If members could choose the names, they could also join
// another socket's own room, which is named by its ID, and receive its private
// messages.
var rooms = []string{"lobby", "gophers", "random"}

// The messages of the server.
type (
	// welcome holds what the page needs before it can do anything.
	welcome struct {
		You      member   `json:"you"`
		Rooms    []string `json:"rooms"`
		MaxImage int      `json:"maxImage"`
	}
	// message is a text or an image, in a room or, without one, private.
	message struct {
		From  string    `json:"from"`
		Room  string    `json:"room,omitempty"`
		Text  string    `json:"text,omitempty"`
		Image *image    `json:"image,omitempty"`
		Time  time.Time `json:"time"`
	}
	image struct {
		Type string `json:"type"`
		Data []byte `json:"data"` // []byte is sent as binary data
	}
	// reply acknowledges a request of the page. Error is shown to the user. An
	// error that a handler returns is logged for the operator instead.
	reply struct {
		Error string `json:"error,omitempty"`
	}
)

// member is the person a socket belongs to. It is attached to the socket and replaced,
// never changed, so that it can be read without a lock.
type member struct {
	Nick    string `json:"nick"`
	Room    string `json:"room"`
	session string // the page's secret: a page that knows it may take over the nick
	pace    *rate.Limiter
}

func newMember(nick, room, session string) member {
	return member{nick, room, session, rate.NewLimiter(eventRate, eventBurst)}
}

func memberOf(s *socketio.Socket) member {
	m, _ := socketio.Data[member](s) // admit has attached it
	return m
}

// chat is the whole application.
type chat struct {
	io *socketio.Server

	mu        sync.Mutex                  // guards what follows
	nicks     map[string]*socketio.Socket // by folded nick
	announcer *time.Timer                 // set while an announcement is due
}

func newChat() *chat {
	c := &chat{
		io: socketio.NewServer(&socketio.Options{
			// Over polling, binary data is sent as base64, which is a third larger.
			Engine: engine.ServerOptions{MaxPayload: 2 * maxImage},
		}),
		nicks: make(map[string]*socketio.Socket),
	}
	c.io.Use(c.admit)
	c.io.OnConnect(func(s *socketio.Socket) {
		if err := s.Emit("welcome", welcome{memberOf(s), rooms, maxImage}); err != nil {
			slog.Warn("cannot welcome", "nick", memberOf(s).Nick, "error", err)
		}
		c.announce()
	})
	c.io.OnDisconnect(func(*socketio.Socket, socketio.Reason) { c.announce() })

	c.io.On("join", c.join)
	c.io.On("text", c.text)
	c.io.On("image", c.image)
	c.io.On("private", c.private)
	c.io.On("typing", c.typing)
	return c
}

// slowDown answers members who send more than eventRate allows.
var slowDown = reply{Error: "That was too quick. Wait a moment."}

// ServeHTTP serves the Socket.IO clients.
func (c *chat) ServeHTTP(w http.ResponseWriter, r *http.Request) { c.io.ServeHTTP(w, r) }

// Shutdown disconnects the clients, which then connect to another server, and
// waits for that.
func (c *chat) Shutdown(ctx context.Context) error {
	err := c.io.Shutdown(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.announcer != nil {
		c.announcer.Stop() // an announcement that already runs finds the server closed
	}
	return err
}

// admit is the middleware: it admits clients with a free nick. Others receive a
// connect_error event and may try again.
func (c *chat) admit(ctx context.Context, s *socketio.Socket) error {
	var auth struct {
		Nick    string `json:"nick"`
		Room    string `json:"room"`
		Session string `json:"session"`
	}
	if err := s.Handshake().DecodeAuth(&auth); err != nil {
		return &socketio.ConnectError{Message: "This page does not fit this server: reload it."}
	}
	nick, problem := checkNick(auth.Nick)
	if problem != "" {
		return &socketio.ConnectError{Message: problem}
	}
	if !slices.Contains(rooms, auth.Room) {
		auth.Room = rooms[0]
	}
	if !c.reserve(s, newMember(nick, auth.Room, auth.Session)) {
		return &socketio.ConnectError{
			Message: fmt.Sprintf("The nick %s is taken.", nick),
			Data:    map[string]string{"suggestion": nick + "2"},
		}
	}
	// ctx ends with the socket, even if OnConnect is never called.
	context.AfterFunc(ctx, func() { c.release(s, nick) })
	return s.Join(auth.Room)
}

// reserve assigns m to the socket, unless another member has the nick. A page
// that lost its connection may return before the server has noticed: it knows
// the session, and replaces its former socket.
func (c *chat) reserve(s *socketio.Socket, m member) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if old := c.nicks[fold(m.Nick)]; old != nil {
		if m.session == "" || m.session != memberOf(old).session {
			return false
		}
		old.Disconnect()
	}
	s.SetData(m)
	c.nicks[fold(m.Nick)] = s
	return true
}

func (c *chat) release(s *socketio.Socket, nick string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.nicks[fold(nick)] == s { // and not the next one's
		delete(c.nicks, fold(nick))
	}
}

// announce sends the list of members and their rooms to all members after
// announceDelay, so that changes that follow each other closely share one list.
func (c *chat) announce() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.announcer == nil {
		c.announcer = time.AfterFunc(announceDelay, c.sendOnline)
	}
}

// sendOnline sends the list of members. It holds the lock until the list is queued, so
// that the last list to arrive is the latest; Emit does not wait for clients.
func (c *chat) sendOnline() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.announcer = nil
	online := []member{}
	for _, s := range c.io.Sockets() {
		online = append(online, memberOf(s))
	}
	slices.SortFunc(online, func(a, b member) int { return cmp.Compare(fold(a.Nick), fold(b.Nick)) })
	if err := c.io.Emit("online", online); err != nil && !errors.Is(err, net.ErrClosed) {
		slog.Error("cannot announce who is online", "error", err)
	}
}

// join moves a socket to another room.
func (c *chat) join(s *socketio.Socket, room string) (reply, error) {
	if !slices.Contains(rooms, room) {
		return reply{Error: "There is no such room."}, nil
	}
	m := memberOf(s)
	if room == m.Room {
		return reply{}, nil
	}
	if !m.pace.Allow() {
		return slowDown, nil
	}
	s.Leave(m.Room)
	if err := s.Join(room); err != nil {
		return reply{}, err
	}
	m.Room = room
	s.SetData(m)
	c.announce()
	return reply{}, nil
}

// text sends a message to the room of its sender, including the sender, so that
// all members see the messages in the same order.
func (c *chat) text(s *socketio.Socket, text string) (reply, error) {
	text, problem := checkText(text)
	if problem != "" {
		return reply{Error: problem}, nil
	}
	m := memberOf(s)
	if !m.pace.Allow() {
		return slowDown, nil
	}
	return reply{}, c.io.To(m.Room).Emit("message", message{From: m.Nick, Room: m.Room, Text: text, Time: time.Now()})
}

// image sends an image to the room.
func (c *chat) image(s *socketio.Socket, data []byte) (reply, error) {
	typ, problem := checkImage(data)
	if problem != "" {
		return reply{Error: problem}, nil
	}
	m := memberOf(s)
	if !m.pace.Allow() {
		return slowDown, nil
	}
	return reply{}, c.io.To(m.Room).Emit("message", message{From: m.Nick, Room: m.Room, Image: &image{typ, data}, Time: time.Now()})
}

// typing shows the others in the room that a member is typing.
func (c *chat) typing(s *socketio.Socket) error {
	m := memberOf(s)
	if !m.pace.Allow() {
		return nil // an answer is not needed
	}
	return s.To(m.Room).Volatile().Emit("typing", m)
}

// private sends a message to one member, and acknowledges it when that member's
// page has acknowledged it. Only the sender's next messages wait meanwhile, and
// so stay in order.
func (c *chat) private(ctx context.Context, s *socketio.Socket, to, text string) reply {
	text, problem := checkText(text)
	if problem != "" {
		return reply{Error: problem}
	}
	if !memberOf(s).pace.Allow() {
		return slowDown
	}
	c.mu.Lock()
	peer := c.nicks[fold(to)]
	c.mu.Unlock()
	if peer == nil {
		return reply{Error: to + " is not online."}
	}
	m := message{From: memberOf(s).Nick, Text: text, Time: time.Now()}
	if _, err := peer.Timeout(deliveryTime).EmitWithAck(ctx, "private", m); err != nil {
		return reply{Error: to + " could not be reached."}
	}
	return reply{}
}

// The checks return the cleaned value, and a description of the problem for the
// member who sent it.

func checkText(text string) (tidy, problem string) {
	text = strings.TrimSpace(text)
	switch n := utf8.RuneCountInString(text); {
	case n == 0:
		return "", "There is nothing to send."
	case n > maxText:
		return "", fmt.Sprintf("A message has at most %d characters; this one has %d.", maxText, n)
	}
	return text, ""
}

// checkImage returns the media type of an image. It inspects the data, because
// the sender's claim cannot be trusted and an SVG can contain scripts.
func checkImage(data []byte) (mediaType, problem string) {
	if len(data) > maxImage {
		return "", fmt.Sprintf("An image has at most %d KiB; this one has %d.", maxImage>>10, len(data)>>10)
	}
	switch t := http.DetectContentType(data); t {
	case "image/png", "image/jpeg", "image/gif", "image/webp":
		return t, ""
	}
	return "", "Only PNG, JPEG, GIF and WebP images can be sent."
}
