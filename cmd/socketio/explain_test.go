package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/engine"
)

// What cannot be had from a real server easily; the rest is in TestWrongServers.
func TestExplain(t *testing.T) {
	operation := func(err error) *engine.OpError {
		return &engine.OpError{Op: "handshake", Transport: engine.Polling, Code: engine.NoCode, Err: err}
	}
	answer := func(status int, code engine.Code, text string) error {
		return &engine.OpError{Op: "handshake", Transport: engine.Polling, Status: status, Code: code, Description: text}
	}
	for _, test := range []struct {
		err  error
		code int
		want string
	}{
		{operation(&net.DNSError{Err: "server misbehaving", Name: "x"}), exitNoConnection, "the name x cannot be looked up: server misbehaving"},
		{operation(engine.ErrBadHandshake), exitNoConnection, "no Socket.IO server, at least not at /socket.io/"},
		{operation(errors.New("odd\x1b\nsecond line")), exitNoConnection, `cannot connect with host:1: odd\u001b`},
		{errors.Join(operation(context.DeadlineExceeded), operation(engine.ErrRevision3)), exitNoConnection, "the server speaks Engine.IO 3"},
		{fmt.Errorf("%w: %w", client.ErrConnectTimeout, operation(context.Canceled)), exitTimeout, "no answer from host:1 within 5s"},
		{answer(400, engine.CodeUnsupportedProtocol, "Unsupported protocol version"), exitNoConnection, "the server does not speak Engine.IO 4 (Unsupported protocol version)"},
		{answer(400, engine.CodeBadRequest, "Bad request"), exitNoConnection, "the server does not accept the request: Bad request"},
		{answer(400, engine.NoCode, "<center>The plain HTTP request was sent to HTTPS port</center>"), exitNoConnection, "host:1 speaks TLS: try https://"},
		{answer(403, engine.NoCode, ""), exitRefused, "refused by the server: 403 Forbidden (see --header)"},
		{&client.OptionError{Field: "url", Value: "x", Reason: "no"}, exitUsage, "url x: no"},
		{&client.DisconnectError{Reason: client.TransportClose}, exitNoConnection, "the server closes the connection at once"},
		{&client.ConnectError{Message: "no\x1b", Data: []any{[]byte("hi")}}, exitRefused, `refused by the server: no\u001b [{"$binary":"aGk="}]`},
	} {
		target, err := (&settings{path: client.DefaultPath, eio: 4, timeout: 5 * time.Second}).target("host:1", nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := target.explain(test.err); got.code != test.code || !strings.Contains(got.text, test.want) {
			t.Errorf("%v:\ngot  %d %s\nwant %d %s", test.err, got.code, got.text, test.code, test.want)
		}
	}
}

func TestDisconnected(t *testing.T) {
	for _, test := range []struct {
		err  error
		want string
	}{
		{nil, "disconnected: transport error"},
		{errors.New("client: why\x1b"), `disconnected: transport error (why\u001b)`},
		{&engine.OpError{Op: "read", Transport: engine.WebSocket, Code: engine.NoCode, Err: errors.New("reset")}, "disconnected: transport error (reset)"},
	} {
		if got := disconnected(client.TransportError, test.err); got != test.want {
			t.Errorf("got %s, want %s", got, test.want)
		}
	}
}
