package engine

import (
	"bufio"
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

	"github.com/seed96b07ef8/socketio/internal/clip"
	"github.com/seed96b07ef8/socketio/internal/ctxerr"
	"github.com/seed96b07ef8/socketio/internal/ws"
)

// openWebSocket opens a WebSocket for a new session, or for the upgrade of one. early
// is what the server sent right behind its answer.
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
		var answer *ws.AnswerError
		if errors.As(err, &answer) {
			return nil, nil, answerError(op, WebSocket, answer.Status, answer.Header, answer.Body)
		}
		return nil, nil, opError(op, WebSocket, err)
	}
	if jar != nil {
		jar.SetCookies(r.URL, (&http.Response{Header: header}).Cookies())
	}
	l = &link{nc: nc, raw: rawConn(nc), in: ws.Reader{MaxMessage: ws.Limit(o.MaxMessage), Deflate: u.Deflate, Client: true}}
	l.variant.base64 = o.ForceBase64
	if u.Deflate {
		l.variant.deflate, l.threshold = true, o.PerMessageDeflate.Threshold
	}
	return l, u.Early, nil
}

// interrupt makes reads and writes on nc fail when ctx ends, until release is
// called, which returns ctx's error if that was too late.
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

// connect opens the network connection for a WebSocket: through the proxy, if there
// is one, and with TLS, if the URL asks for it.
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

// address returns the host and port of a URL.
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
	return net.JoinHostPort(u.Hostname(), port)
}

// startTLS performs the handshake of TLS on nc, which it closes when that fails.
func (o *DialOptions) startTLS(ctx context.Context, nc net.Conn, host string) (net.Conn, error) {
	config := o.TLSConfig.Clone()
	if config == nil {
		config = new(tls.Config)
	}
	if config.ServerName == "" {
		config.ServerName = host
	}
	config.NextProtos = []string{"http/1.1"} // a WebSocket needs that
	secure := tls.Client(nc, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		nc.Close()
		return nil, err
	}
	return secure, nil
}

// connectProxy opens a tunnel (RFC 9110, section 9.3.6, or RFC 1928).
func (o *DialOptions) connectProxy(ctx context.Context, proxy *url.URL, addr string) (net.Conn, error) {
	open := tunnel
	switch proxy.Scheme {
	case "http", "https":
	case "socks5", "socks5h":
		open = tunnelSocks
	default:
		return nil, fmt.Errorf("proxy: a WebSocket cannot go through one of scheme %q", proxy.Scheme)
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

// The head of a proxy's answer may have this many bytes.
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
		return errors.New("more than an answer came from the proxy")
	}
	return nil
}
