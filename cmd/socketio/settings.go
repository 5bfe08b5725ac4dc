package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/redact"
	"github.com/seed96b07ef8/socketio/parser"
	"github.com/seed96b07ef8/socketio/parser/msgpack"
)

// settings are the flags that all commands have: they are about the connection.
type settings struct {
	namespace   string
	auth        string
	transports  []string
	headers     []string
	query       []string
	path        string
	eio         int
	msgpack     bool
	insecure    bool
	cacert      string
	timeout     time.Duration
	noReconnect bool
	verbose     bool
}

// register defines the flags.
func (s *settings) register(f *pflag.FlagSet) {
	f.SortFlags = false
	f.StringVarP(&s.namespace, "namespace", "n", "", "the `namespace`, instead of the path of the URL")
	f.StringVar(&s.auth, "auth", "", "the credentials, a `JSON` object, or @FILE with one")
	f.StringSliceVar(&s.transports, "transport", nil, "websocket, polling, or both, the first to begin with (default polling,websocket)")
	f.StringArrayVarP(&s.headers, "header", "H", nil, "send the header `'K: V'`; may be repeated")
	f.StringArrayVar(&s.query, "query", nil, "send the query parameter `k=v`; may be repeated")
	f.StringVar(&s.path, "path", client.DefaultPath, "where the server is mounted")
	f.IntVar(&s.eio, "eio", 4, "the revision of the Engine.IO protocol; there is but 4")
	f.BoolVar(&s.msgpack, "msgpack", false, "the server uses socket.io-msgpack-parser")
	f.BoolVar(&s.insecure, "insecure", false, "accept any certificate of the server")
	f.StringVar(&s.cacert, "cacert", "", "a PEM `file` with the certificates to trust")
	f.DurationVar(&s.timeout, "timeout", 5*time.Second, "how long connecting, and an acknowledgement, may take")
	f.BoolVar(&s.noReconnect, "no-reconnect", false, "do not connect again when the connection is lost")
	f.BoolVar(&s.verbose, "verbose", false, "log what happens in detail to standard error")
}

// minTimeout is the shortest timeout that the client accepts.
const minTimeout = time.Millisecond

// A target is a server and how to connect with it.
type target struct {
	url       *url.URL
	path      string // of the URL, as it was given: a namespace
	namespace string
	timeout   time.Duration
	options   client.Options
	codec     parser.Codec
}

// target checks the flags and the URL. log is where --verbose writes.
func (s *settings) target(rawURL string, log io.Writer) (*target, error) {
	u, path, err := parseURL(rawURL)
	if err != nil {
		return nil, err
	}
	t := &target{url: u, path: path, namespace: path, timeout: s.timeout, codec: parser.JSON}
	if s.namespace != "" {
		t.namespace = "/" + strings.TrimPrefix(s.namespace, "/")
	}
	switch {
	case s.eio == 3:
		return nil, failf(exitUsage, "--eio 3: this client speaks Engine.IO 4, which is that of Socket.IO 3 and later; a server of Socket.IO 2 needs an older client")
	case s.eio != 4:
		return nil, failf(exitUsage, "--eio %d: there is no such protocol; it is 4", s.eio)
	case s.timeout <= 0:
		return nil, failf(exitUsage, "--timeout %v: it must be positive", s.timeout)
	case s.timeout < minTimeout:
		return nil, failf(exitUsage, "--timeout %v: it must be at least %v", s.timeout, minTimeout)
	}
	if s.msgpack {
		t.codec = msgpack.Codec
	}
	o := &t.options
	o.Codec = tellingCodec{Codec: t.codec}
	o.Path = "/" + strings.Trim(s.path, "/") + "/"
	o.NoReconnect = s.noReconnect
	o.ConnectTimeout = s.timeout
	o.Engine.TryAllTransports = true
	// There is only one connection, and the user's data must not be dropped.
	o.Engine.OutboxBytes, o.Engine.OutboxMessages = 1<<30, 1<<20
	o.Engine.MaxMessage = 256 << 20
	o.Limits.MaxAttachments = 1000
	o.Logger = slog.New(slog.DiscardHandler)
	if s.verbose {
		o.Logger = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	for _, name := range s.transports {
		transport := engine.Transport(strings.TrimSpace(name))
		if transport != engine.Polling && transport != engine.WebSocket {
			return nil, failf(exitUsage, "--transport %s: it is websocket or polling, or both with a comma", printable(name))
		}
		o.Engine.Transports = append(o.Engine.Transports, transport)
	}
	o.Engine.ConnectTimeout = s.timeout
	if len(s.transports) != 1 {
		o.Engine.ConnectTimeout = max(s.timeout/2, minTimeout) // leave time for the other transport
	}
	if o.Engine.Header, err = s.header(); err != nil {
		return nil, err
	}
	if o.Engine.Query, err = s.parameters(); err != nil {
		return nil, err
	}
	if o.Engine.TLSConfig, err = s.tlsConfig(); err != nil {
		return nil, err
	}
	if s.auth != "" {
		if o.Auth, err = parseAuth(s.auth); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// parseURL completes abbreviated URLs. It returns the path apart, as it was given:
// servers compare namespaces with that, and not with what is requested for it.
func parseURL(raw string) (u *url.URL, path string, err error) {
	text := raw
	if strings.HasPrefix(text, ":") {
		text = "localhost" + text
	}
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err = url.Parse(text)
	switch {
	case err != nil:
		return nil, "", failf(exitUsage, "%s is not a valid URL: %s", printable(redact.URL(raw)), redact.Reason(err))
	case u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "ws" && u.Scheme != "wss":
		return nil, "", failf(exitUsage, "%s: the URL has to start with http://, https://, ws:// or wss://", printable(redact.URL(raw)))
	case u.Hostname() == "":
		return nil, "", failf(exitUsage, "%s: the URL names no host", printable(redact.URL(raw)))
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return nil, "", failf(exitUsage, "%s: a port is a number from 1 to 65535", printable(redact.URL(raw)))
		}
	}
	_, path, _ = strings.Cut(text, "://")
	if i := strings.IndexAny(path, "?#"); i >= 0 {
		path = path[:i]
	}
	_, path, _ = strings.Cut(path, "/")
	return u, "/" + path, nil
}

func (s *settings) header() (http.Header, error) {
	h := make(http.Header)
	for _, header := range s.headers {
		name, value, ok := strings.Cut(header, ":")
		if name = strings.TrimSpace(name); !ok || name == "" {
			return nil, failf(exitUsage, "--header %s: a header is written 'Name: value'", printable(header))
		}
		h.Add(name, strings.TrimSpace(value))
	}
	return h, nil
}

func (s *settings) parameters() (url.Values, error) {
	values := make(url.Values)
	for _, parameter := range s.query {
		name, value, ok := strings.Cut(parameter, "=")
		if !ok || name == "" {
			return nil, failf(exitUsage, "--query %s: a parameter is written name=value", printable(parameter))
		}
		values.Add(name, value)
	}
	return values, nil
}

func (s *settings) tlsConfig() (*tls.Config, error) {
	c := &tls.Config{InsecureSkipVerify: s.insecure}
	if s.cacert == "" {
		return c, nil
	}
	pem, err := os.ReadFile(s.cacert)
	if err != nil {
		return nil, failf(exitUsage, "--cacert: %v", err)
	}
	c.RootCAs = x509.NewCertPool()
	if !c.RootCAs.AppendCertsFromPEM(pem) {
		return nil, failf(exitUsage, "--cacert %s: there is no PEM certificate in it", s.cacert)
	}
	return c, nil
}

// parseAuth returns the credentials.
func parseAuth(text string) (json.RawMessage, error) {
	if name, ok := strings.CutPrefix(text, "@"); ok {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, failf(exitUsage, "--auth: %v", err)
		}
		text = string(data)
	}
	var object map[string]json.RawMessage
	err := json.Unmarshal([]byte(text), &object)
	if err == nil && object == nil {
		err = errors.New("it is null")
	}
	if err != nil {
		return nil, failf(exitUsage, `--auth: a JSON object is needed, such as '{"token":"x"}': %v`, err)
	}
	return json.RawMessage(text), nil
}
