package ws

import (
	"bufio"
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"net"
	"net/http"
	"strings"
	"time"
)

// HandshakeError reports a request that cannot be upgraded, with the response
// that RFC 6455, section 4.2.2, requires.
type HandshakeError struct {
	Status int
	Reason string
	Hijack error // why the connection could not be hijacked, if that is the reason
}

func (e *HandshakeError) Error() string { return "websocket: " + e.Reason }

// Upgraded is a connection after the opening handshake.
type Upgraded struct {
	Conn    net.Conn
	Deflate bool   // permessage-deflate was agreed on
	Early   []byte // bytes that the peer sent directly after its handshake
	Answer  []byte // the response, which must be sent first
}

// IsUpgrade reports whether r requests an upgrade to WebSocket.
func IsUpgrade(r *http.Request) bool {
	return hasToken(r.Header, "Connection", "upgrade") && hasToken(r.Header, "Upgrade", "websocket")
}

// Check returns a *HandshakeError if r is not a valid opening handshake (RFC 6455,
// section 4.2.1).
func Check(r *http.Request) error {
	key, err := base64.StdEncoding.DecodeString(r.Header.Get("Sec-Websocket-Key"))
	switch {
	case r.ProtoMajor != 1 || r.ProtoMinor < 1:
		return &HandshakeError{Status: http.StatusHTTPVersionNotSupported, Reason: "a WebSocket needs HTTP/1.1"}
	case r.Method != http.MethodGet:
		return &HandshakeError{Status: http.StatusMethodNotAllowed, Reason: "invalid HTTP method"}
	case !IsUpgrade(r):
		return &HandshakeError{Status: http.StatusBadRequest, Reason: "invalid Upgrade header"}
	case err != nil || len(key) != 16:
		return &HandshakeError{Status: http.StatusBadRequest, Reason: "missing or invalid Sec-WebSocket-Key header"}
	}
	if v := r.Header.Get("Sec-Websocket-Version"); v != "13" && v != "8" {
		return &HandshakeError{Status: http.StatusBadRequest, Reason: "missing or invalid Sec-WebSocket-Version header"}
	}
	return nil
}

// Upgrade calls Accept and sends the response, which the client must receive within
// timeout.
func Upgrade(w http.ResponseWriter, r *http.Request, header http.Header, deflate bool, timeout time.Duration) (*Upgraded, error) {
	u, err := Accept(w, r, header, deflate)
	if err != nil {
		return nil, err
	}
	err = u.Conn.SetWriteDeadline(time.Now().Add(timeout))
	if err == nil {
		_, err = u.Conn.Write(u.Answer)
	}
	if err == nil {
		err = u.Conn.SetWriteDeadline(time.Time{})
	}
	if err != nil {
		u.Conn.Close()
		return nil, err
	}
	return u, nil
}

// Accept hijacks the connection of the opening handshake r, which Check has
// accepted, and makes the response, including header. It selects the first
// sub-protocol that the client offers.
func Accept(w http.ResponseWriter, r *http.Request, header http.Header, deflate bool) (*Upgraded, error) {
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, &HandshakeError{
			Status: http.StatusInternalServerError, Reason: "the connection cannot be taken over: " + err.Error(), Hijack: err,
		}
	}
	u := &Upgraded{Conn: conn, Early: buffered(rw.Reader)}

	var b bytes.Buffer
	b.Grow(256)
	b.WriteString("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ")
	b.WriteString(acceptKey(r.Header.Get("Sec-Websocket-Key")))
	b.WriteString("\r\n")
	if proto := firstToken(r.Header.Get("Sec-Websocket-Protocol")); proto != "" {
		b.WriteString("Sec-WebSocket-Protocol: " + proto + "\r\n")
	}
	if deflate && acceptDeflate(r.Header) {
		u.Deflate = true
		b.WriteString("Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n")
	}
	// Write replaces line breaks in values, so a hook cannot split the response.
	_ = header.Write(&b)
	b.WriteString("\r\n")
	u.Answer = b.Bytes()
	return u, nil
}

// buffered copies what net/http has already read, so that its buffer is not
// kept alive.
func buffered(r *bufio.Reader) []byte {
	n := r.Buffered()
	if n == 0 {
		return nil
	}
	b, _ := r.Peek(n)
	return append([]byte(nil), b...)
}

func acceptKey(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// acceptDeflate reports whether h contains an acceptable offer of
// permessage-deflate. compress/flate cannot use a smaller window, so offers
// that require one are declined (RFC 7692, section 7.1.2.1).
func acceptDeflate(h http.Header) bool {
	for _, line := range h.Values("Sec-Websocket-Extensions") {
		for offer := range strings.SplitSeq(line, ",") {
			name, params, _ := strings.Cut(offer, ";")
			if strings.TrimSpace(name) == "permessage-deflate" && acceptParams(params) {
				return true
			}
		}
	}
	return false
}

// acceptParams reports whether all parameters of an offer are acceptable. An
// offer with an unknown parameter must be declined (RFC 7692, section 5.1).
func acceptParams(params string) bool {
	for p := range strings.SplitSeq(params, ";") {
		name, _, _ := strings.Cut(p, "=")
		switch strings.TrimSpace(name) {
		case "", "server_no_context_takeover", "client_no_context_takeover", "client_max_window_bits":
		default:
			return false
		}
	}
	return true
}

func hasToken(h http.Header, name, token string) bool {
	for _, line := range h.Values(name) {
		for t := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(t), token) {
				return true
			}
		}
	}
	return false
}

// firstToken returns the first element of a comma-separated list, if it is an
// HTTP token.
func firstToken(list string) string {
	first, _, _ := strings.Cut(list, ",")
	first = strings.TrimSpace(first)
	for _, c := range []byte(first) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`()<>@,;:\"/[]?={}`, c) >= 0 {
			return ""
		}
	}
	return first
}
