package engine

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/seed96b07ef8/socketio/internal/clip"
	"github.com/seed96b07ef8/socketio/internal/ctxerr"
	"github.com/seed96b07ef8/socketio/internal/ws"
)

// A dialStream opens the client's end of a [stream]: a connection that carries the
// frames of RFC 6455 without masks. The request has the target and the headers of a
// WebSocket handshake. sid is the session to upgrade, or "" for a new one.
type dialStream func(ctx context.Context, r *http.Request, sid string) (net.Conn, error)

// openLink opens a link for a new session, or for the upgrade of one. early holds
// bytes that arrived with the response to the handshake.
func (c *Client) openLink(ctx context.Context, t Transport, op string) (l *link, early []byte, failed *OpError) {
	if t == WebSocket {
		return c.openWebSocket(ctx, op)
	}
	o := c.opts
	nc, err := o.streams[t](ctx, c.request(ctx, http.MethodConnect, t), c.id)
	if err != nil {
		return nil, nil, opError(op, t, err)
	}
	return &link{way: o.ways[t], nc: nc, in: ws.Reader{MaxMessage: ws.Limit(o.MaxMessage), Client: true}}, nil, nil
}

func (c *Client) openWebSocket(ctx context.Context, op string) (l *link, early []byte, failed *OpError) {
	o := c.opts
	r := c.request(ctx, http.MethodGet, WebSocket)
	jar := c.jar()
	if jar != nil {
		for _, cookie := range jar.Cookies(r.URL) {
			r.AddCookie(cookie)
		}
	}
	if len(o.Subprotocols) > 0 {
		r.Header.Set("Sec-WebSocket-Protocol", strings.Join(o.Subprotocols, ", "))
	}
	nc, err := o.connect(ctx, r)
	if err != nil {
		return nil, nil, opError(op, WebSocket, err)
	}
	release := interrupt(ctx, nc)
	u, header, err := ws.Connect(nc, r, o.PerMessageDeflate != nil)
	if err = ctxerr.Join(release(), err); err != nil {
		nc.Close()
		if answer, ok := errors.AsType[*ws.AnswerError](err); ok {
			return nil, nil, answerError(op, WebSocket, answer.Status, answer.Header, answer.Body)
		}
		return nil, nil, opError(op, WebSocket, err)
	}
	if jar != nil {
		jar.SetCookies(r.URL, (&http.Response{Header: header}).Cookies())
	}
	l = &link{way: o.ways[WebSocket], nc: nc, raw: rawConn(nc), in: ws.Reader{MaxMessage: ws.Limit(o.MaxMessage), Deflate: u.Deflate, Client: true}}
	l.variant.base64 = o.ForceBase64
	l.variant.deflate = u.Deflate
	return l, u.Early, nil
}

// interrupt makes reads and writes on nc fail when ctx ends, until release is called.
// release returns the error of ctx if ctx ended first.
func interrupt(ctx context.Context, nc net.Conn) (release func() error) {
	stop := context.AfterFunc(ctx, func() {
		// It fails only on a connection that is closed.
		_ = nc.SetDeadline(time.Unix(1, 0))
	})
	return func() error {
		if !stop() {
			return ctxerr.Of(ctx)
		}
		return nil
	}
}

// connect opens the network connection for a WebSocket, through a proxy if there is
// one, and with TLS if the URL requires it.
func (o *DialOptions) connect(ctx context.Context, r *http.Request) (net.Conn, error) {
	proxy, err := o.Proxy(r)
	if err != nil {
		return nil, fmt.Errorf("proxy: %w", err)
	}
	var nc net.Conn
	if proxy == nil {
		nc, err = o.DialContext(ctx, "tcp", address(r.URL))
	} else {
		nc, err = o.connectProxy(ctx, proxy, address(r.URL))
	}
	if err != nil || r.URL.Scheme != "https" {
		return nc, err
	}
	return o.startTLS(ctx, nc, r.URL.Hostname())
}

// address returns the host:port of a URL.
func address(u *url.URL) string {
	port := u.Port()
	switch {
	case port != "":
	case u.Scheme == "https":
		port = "443"
	case strings.HasPrefix(u.Scheme, "socks5"):
		port = "1080"
	default:
		port = "80"
	}
	return net.JoinHostPort(asciiName(u.Hostname()), port)
}

// asciiName returns the name of a host as the domain name system and TLS know it: labels
// in other scripts as Punycode (RFC 5891, section 4.4). net/http converts the names of
// requests and exports no function for it, so the name is what it makes of a Host header.
func asciiName(name string) string {
	if strings.IndexFunc(name, func(r rune) bool { return r >= utf8.RuneSelf }) < 0 {
		return name
	}
	var head bytes.Buffer
	r := http.Request{Method: http.MethodGet, URL: &url.URL{Scheme: "http", Host: name}}
	if r.Write(&head) != nil {
		return name // no host has it, as dialing will show
	}
	sent, err := http.ReadRequest(bufio.NewReader(&head))
	if err != nil {
		return name
	}
	return sent.Host
}

// startTLS performs the TLS handshake on nc. It closes nc if that fails.
func (o *DialOptions) startTLS(ctx context.Context, nc net.Conn, host string) (net.Conn, error) {
	config := o.TLSConfig.Clone()
	if config == nil {
		config = new(tls.Config)
	}
	if config.ServerName == "" {
		config.ServerName = asciiName(host)
	}
	config.NextProtos = []string{"http/1.1"} // a WebSocket handshake is an HTTP/1.1 upgrade (RFC 6455, section 4.1)
	secure := tls.Client(nc, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		nc.Close()
		return nil, err
	}
	return secure, nil
}

// connectProxy opens a tunnel through a proxy (RFC 9110, section 9.3.6, or RFC 1928).
func (o *DialOptions) connectProxy(ctx context.Context, proxy *url.URL, addr string) (net.Conn, error) {
	open := tunnel
	switch proxy.Scheme {
	case "http", "https":
	case "socks5", "socks5h":
		open = tunnelSocks
	default:
		return nil, fmt.Errorf("proxy: scheme %q is not supported for a WebSocket", proxy.Scheme)
	}
	nc, err := o.DialContext(ctx, "tcp", address(proxy))
	if err != nil {
		return nil, fmt.Errorf("proxy: %w", err)
	}
	if proxy.Scheme == "https" {
		if nc, err = o.startTLS(ctx, nc, proxy.Hostname()); err != nil {
			return nil, fmt.Errorf("proxy: %w", err)
		}
	}
	release := interrupt(ctx, nc)
	err = open(nc, proxy.User, addr)
	if err = ctxerr.Join(release(), err); err != nil {
		nc.Close()
		return nil, fmt.Errorf("proxy: %w", err)
	}
	return nc, nil
}

// maxProxyAnswer bounds the head of a proxy's response in bytes.
const maxProxyAnswer = 64 << 10

func tunnel(nc net.Conn, user *url.Userinfo, addr string) error {
	r := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: addr}, Host: addr, Header: make(http.Header)}
	if user != nil {
		password, _ := user.Password()
		credentials := base64.StdEncoding.EncodeToString([]byte(user.Username() + ":" + password))
		r.Header.Set("Proxy-Authorization", "Basic "+credentials)
	}
	if err := r.Write(nc); err != nil {
		return err
	}
	br := bufio.NewReader(io.LimitReader(nc, maxProxyAnswer))
	resp, err := http.ReadResponse(br, r)
	switch {
	case err != nil:
		return err
	case resp.StatusCode != http.StatusOK:
		return fmt.Errorf("the tunnel to %s was refused: %s", addr, clip.Text(resp.Status, clip.Quote))
	case br.Buffered() > 0:
		return errors.New("the proxy sent more than a response")
	}
	return nil
}
