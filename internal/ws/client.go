package ws

import (
	"bufio"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
)

// An AnswerError is a response to the opening handshake with a status other than
// 101.
type AnswerError struct {
	Status int
	Header http.Header
	Body   []byte // its beginning
}

func (e *AnswerError) Error() string {
	return fmt.Sprintf("websocket: the handshake was answered with status %d", e.Status)
}

const (
	// maxAnswer bounds the head of a response.
	maxAnswer = 64 << 10
	// MaxAnswerBody is how many bytes of the response's body an AnswerError holds.
	MaxAnswerBody = 4 << 10
	// maxInterim is how many interim responses (RFC 9110, section 15.2) are
	// skipped.
	maxInterim = 8
)

// Connect performs the client's side of the opening handshake on nc (RFC 6455,
// section 4.1). r has the URL and the headers to send; Connect adds those of the
// handshake. If deflate is set, it offers permessage-deflate (RFC 7692). It returns
// the connection and the header of the response.
//
// Connect waits until the deadline of nc and does not close nc.
func Connect(nc net.Conn, r *http.Request, deflate bool) (*Upgraded, http.Header, error) {
	key := newKey()
	h := r.Header
	h.Set("Connection", "Upgrade")
	h.Set("Upgrade", "websocket")
	h.Set("Sec-WebSocket-Version", "13")
	h.Set("Sec-WebSocket-Key", key)
	h.Del("Sec-WebSocket-Extensions")
	if deflate {
		h.Set("Sec-WebSocket-Extensions", "permessage-deflate; server_no_context_takeover; client_no_context_takeover")
	}
	if err := r.Write(nc); err != nil {
		return nil, nil, err
	}

	limited := &io.LimitedReader{R: nc, N: maxAnswer}
	br := bufio.NewReader(limited)
	resp, err := readAnswer(br, r)
	if err != nil {
		if limited.N <= 0 {
			err = errors.New("websocket: the answer to the handshake is too long")
		}
		return nil, nil, err
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		// An error only shortens the body.
		body, _ := io.ReadAll(io.LimitReader(resp.Body, MaxAnswerBody))
		return nil, resp.Header, &AnswerError{resp.StatusCode, resp.Header, body}
	}
	u := &Upgraded{Conn: nc}
	if u.Deflate, err = checkAnswer(resp.Header, key, h, deflate); err != nil {
		return nil, resp.Header, err
	}
	u.Early = buffered(br)
	return u, resp.Header, nil
}

func newKey() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.StdEncoding.EncodeToString(b[:])
}

// readAnswer reads the head of the final response.
func readAnswer(br *bufio.Reader, r *http.Request) (*http.Response, error) {
	for range maxInterim {
		resp, err := http.ReadResponse(br, r)
		if err != nil {
			return nil, err
		}
		if resp.StatusCode/100 != 1 || resp.StatusCode == http.StatusSwitchingProtocols {
			return resp, nil
		}
	}
	return nil, errors.New("websocket: too many interim answers to the handshake")
}

// checkAnswer checks that the header of a 101 response completes the handshake (RFC
// 6455, section 4.1), and reports whether permessage-deflate was agreed on.
func checkAnswer(h http.Header, key string, sent http.Header, offered bool) (deflate bool, err error) {
	switch {
	case !hasToken(h, "Upgrade", "websocket") || !hasToken(h, "Connection", "upgrade"):
		return false, errors.New("websocket: the answer switches to another protocol")
	case h.Get("Sec-WebSocket-Accept") != acceptKey(key):
		return false, errors.New("websocket: the answer has an invalid Sec-WebSocket-Accept header")
	}
	if p := h.Get("Sec-WebSocket-Protocol"); p != "" && !hasToken(sent, "Sec-WebSocket-Protocol", p) {
		return false, errors.New("websocket: the server selected a sub-protocol that was not offered")
	}
	for extension := range strings.SplitSeq(strings.Join(h.Values("Sec-WebSocket-Extensions"), ","), ",") {
		name, params, _ := strings.Cut(extension, ";")
		switch {
		case strings.TrimSpace(extension) == "":
		case strings.TrimSpace(name) != "permessage-deflate" || !offered || deflate || !agreed(params):
			return false, errors.New("websocket: the server uses an extension that was not offered")
		default:
			deflate = true
		}
	}
	return deflate, nil
}

// agreed reports whether the parameters of permessage-deflate in a response are
// those that were offered: the server must not refer to earlier messages, because
// the client does not keep them (server_no_context_takeover; RFC 7692, section
// 7.1.1.1).
func agreed(params string) bool {
	noTakeover := false
	for p := range strings.SplitSeq(params, ";") {
		name, _, _ := strings.Cut(p, "=")
		switch strings.TrimSpace(name) {
		case "", "client_no_context_takeover", "server_max_window_bits":
		case "server_no_context_takeover":
			noTakeover = true
		default:
			return false
		}
	}
	return noTakeover
}
