package engine

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"strconv"
)

// SOCKS version 5 (RFC 1928) with user and password (RFC 1929), as net/http speaks it
// for polling: the proxy resolves names. See docs/decisions/0023-socks-proxies.md.

const (
	socksVersion  = 5
	socksConnect  = 1
	socksIPv4     = 1
	socksDomain   = 3
	socksIPv6     = 4
	socksNoAuth   = 0
	socksPassword = 2

	socksAuthVersion = 1 // of RFC 1929

	maxSocksText = 255 // a length is one byte
)

// socksReplies holds the texts of the replies in RFC 1928, section 6.
var socksReplies = [...]string{
	1: "general SOCKS server failure",
	2: "connection not allowed by ruleset",
	3: "network unreachable",
	4: "host unreachable",
	5: "connection refused",
	6: "TTL expired",
	7: "command not supported",
	8: "address type not supported",
}

var (
	errSocksVersion = errors.New("the response is not a SOCKS 5 response")
	errSocksMethod  = errors.New("the proxy accepts neither authentication by user and password nor anonymous access")
	errSocksLogin   = errors.New("the proxy refuses the user and password")
	errSocksUser    = errors.New("a user is required, and user and password may have at most 255 bytes")
	errSocksHost    = errors.New("the name of the host has more than 255 bytes")
)

// tunnelSocks asks a SOCKS proxy to connect nc to addr. It reads only the proxy's
// responses.
func tunnelSocks(nc net.Conn, user *url.Userinfo, addr string) error {
	request, err := socksRequest(addr)
	if err != nil {
		return err
	}
	if err := socksGreet(nc, user); err != nil {
		return err
	}
	if _, err := nc.Write(request); err != nil {
		return err
	}
	var head [4]byte // version, reply, reserved, type of the address
	if _, err := io.ReadFull(nc, head[:]); err != nil {
		return err
	}
	if head[0] != socksVersion {
		return errSocksVersion
	}
	if reply := int(head[1]); reply != 0 {
		text := fmt.Sprint("reply ", reply)
		if reply < len(socksReplies) {
			text = socksReplies[reply]
		}
		return fmt.Errorf("the tunnel to %s was refused: %s", addr, text)
	}
	return skipSocksAddress(nc, head[3])
}

// socksRequest returns a CONNECT request (RFC 1928, section 4).
func socksRequest(addr string) ([]byte, error) {
	host, service, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil {
		return nil, err
	}
	b := []byte{socksVersion, socksConnect, 0}
	switch ip, err := netip.ParseAddr(host); {
	case err == nil && ip.Unmap().Is4():
		b = append(append(b, socksIPv4), ip.Unmap().AsSlice()...)
	case err == nil:
		b = append(append(b, socksIPv6), ip.AsSlice()...)
	case len(host) > maxSocksText:
		return nil, errSocksHost
	default:
		b = append(append(b, socksDomain, byte(len(host))), host...)
	}
	return append(b, byte(port>>8), byte(port)), nil
}

// socksGreet negotiates the authentication method and authenticates (RFC 1928,
// section 3, and RFC 1929).
func socksGreet(nc net.Conn, user *url.Userinfo) error {
	greeting := []byte{socksVersion, 1, socksNoAuth}
	var login []byte
	if user != nil {
		name := user.Username()
		password, _ := user.Password()
		if name == "" || max(len(name), len(password)) > maxSocksText {
			return errSocksUser
		}
		greeting = []byte{socksVersion, 2, socksNoAuth, socksPassword}
		login = append([]byte{socksAuthVersion, byte(len(name))}, name...)
		login = append(append(login, byte(len(password))), password...)
	}
	method, err := exchangeSocks(nc, greeting, socksVersion)
	switch {
	case err != nil:
		return err
	case method == socksNoAuth:
		return nil
	case method != socksPassword || login == nil:
		return errSocksMethod
	}
	status, err := exchangeSocks(nc, login, socksAuthVersion)
	if err == nil && status != 0 {
		err = errSocksLogin
	}
	return err
}

// exchangeSocks sends a request and returns the second byte of the two-byte response.
// The first is the version.
func exchangeSocks(nc net.Conn, request []byte, version byte) (byte, error) {
	if _, err := nc.Write(request); err != nil {
		return 0, err
	}
	var answer [2]byte
	if _, err := io.ReadFull(nc, answer[:]); err != nil {
		return 0, err
	}
	if answer[0] != version {
		return 0, errSocksVersion
	}
	return answer[1], nil
}

// skipSocksAddress reads the address that the proxy has bound.
func skipSocksAddress(r io.Reader, kind byte) error {
	var size int
	switch kind {
	case socksIPv4:
		size = net.IPv4len
	case socksIPv6:
		size = net.IPv6len
	case socksDomain:
		var n [1]byte
		if _, err := io.ReadFull(r, n[:]); err != nil {
			return err
		}
		size = int(n[0])
	default:
		return errSocksVersion
	}
	_, err := io.CopyN(io.Discard, r, int64(size)+2) // and the port
	return err
}
