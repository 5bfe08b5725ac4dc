package cluster

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/seed96b07ef8/socketio/adapter"
	"github.com/seed96b07ef8/socketio/engine"
)

// A handshake is the description of a client's request that members of the reference
// implementation send and expect: the property Socket.handshake there.
type handshake struct {
	Headers map[string]any  `json:"headers"` // lower-case names; texts, and lists for set-cookie
	Time    string          `json:"time"`
	Address string          `json:"address"`
	XDomain bool            `json:"xdomain"`
	Secure  bool            `json:"secure"`
	Issued  int64           `json:"issued"` // Unix time in milliseconds
	URL     string          `json:"url"`
	Query   map[string]any  `json:"query"`
	Auth    json.RawMessage `json:"auth"`
}

// handshakeTime is the form of the time in a handshake: that of JavaScript's Date.toString.
const handshakeTime = "Mon Jan 02 2006 15:04:05 GMT-0700 (MST)"

// describe returns the description of a socket for other nodes.
func describe(info *adapter.SocketInfo, codec Codec) Socket {
	h := &info.Handshake
	shake := handshake{
		Headers: make(map[string]any, len(h.Header)+1),
		Time:    h.Time.Format(handshakeTime),
		Address: h.RemoteAddr,
		XDomain: h.Header.Get("Origin") != "",
		Secure:  info.Secure,
		Issued:  h.Time.UnixMilli(),
		URL:     h.URL,
		Query:   make(map[string]any, len(h.Query)),
		Auth:    info.Auth,
	}
	if h.Host != "" {
		shake.Headers["host"] = h.Host
	}
	for name, values := range h.Header {
		separator := ", "
		if name == "Cookie" {
			separator = "; "
		}
		shake.Headers[strings.ToLower(name)] = strings.Join(values, separator)
	}
	for name, values := range h.Query {
		if len(values) > 0 {
			shake.Query[name] = values[len(values)-1]
		}
	}
	if len(shake.Auth) == 0 {
		shake.Auth = json.RawMessage("{}")
	}
	s := Socket{ID: info.ID, Rooms: info.Rooms, Handshake: marshal(shake), Data: marshal(info.Data)}
	if codec != Native && (len(s.Data) == 0 || s.Data[0] != '{') {
		s.Data = json.RawMessage("{}") // others expect an object
	}
	return s
}

// marshal returns the JSON of a value, without escapes for HTML, or nil if it has none.
func marshal(v any) json.RawMessage {
	if v == nil {
		return nil
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	if err != nil {
		return nil
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// socketInfo returns what another node says about a socket. What it cannot say is zero.
func socketInfo(s *Socket, node string) adapter.SocketInfo {
	info := adapter.SocketInfo{ID: s.ID, Rooms: s.Rooms, Node: adapter.NodeID(node)}
	if len(s.Data) > 0 {
		info.Data = s.Data
	}
	var shake handshake
	if json.Unmarshal(s.Handshake, &shake) != nil {
		return info
	}
	h := engine.Handshake{RemoteAddr: shake.Address, URL: shake.URL, Header: make(http.Header), Query: make(url.Values)}
	if shake.Issued != 0 {
		h.Time = time.UnixMilli(shake.Issued)
	}
	for name, value := range shake.Headers {
		if name == "host" {
			h.Host, _ = value.(string)
			continue
		}
		for _, v := range texts(value) {
			h.Header.Add(name, v)
		}
	}
	for name, value := range shake.Query {
		for _, v := range texts(value) {
			h.Query.Add(name, v)
		}
	}
	info.Handshake, info.Secure = h, shake.Secure
	if string(shake.Auth) != "null" {
		info.Auth = shake.Auth
	}
	return info
}

// texts returns the texts of a JSON text, or list of texts.
func texts(v any) (all []string) {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		for _, e := range v {
			if s, ok := e.(string); ok {
				all = append(all, s)
			}
		}
	}
	return all
}
