package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"syscall"

	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/engine"
)

const otherRevision = "the server speaks Engine.IO 3, which is that of Socket.IO 2; this client speaks Engine.IO 4 (Socket.IO 3 and later)"

// flagOf is the flag that sets an option of the client.
var flagOf = map[string]string{"Header": "--header", "Transports": "--transport"}

// explain returns why the connection failed, in words that help the user to fix it.
func (t *target) explain(err error) *failure {
	if f := t.refusal(err); f != nil {
		return f
	}
	if option, ok := errors.AsType[*client.OptionError](err); ok {
		return failf(exitUsage, "%s %v: %s", cmp.Or(flagOf[option.Field], option.Field), option.Value, option.Reason)
	}
	operations := causes[*engine.OpError](err)
	for _, f := range []*failure{t.otherProtocol(err, operations), t.notThere(err), t.answer(operations)} {
		if f != nil {
			return f
		}
	}
	host := t.url.Host
	switch {
	case errors.Is(err, engine.ErrNoHandshake), errors.Is(err, engine.ErrBadHandshake):
		return t.noServer()
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, client.ErrConnectTimeout):
		return failf(exitTimeout, "no answer from %s within %v: is it a Socket.IO server, mounted at %s? (see --path and --timeout)", host, t.timeout, t.options.Path)
	}
	if gone, ok := errors.AsType[*client.DisconnectError](err); ok {
		return failf(exitNoConnection, "the server closes the connection at once (%s): does it use another parser? (see --msgpack)", because(gone.Reason, gone.Err))
	}
	return failf(exitNoConnection, "cannot connect with %s: %s", host, details(err, operations))
}

// refusal explains the server's refusal of a namespace.
func (t *target) refusal(err error) *failure {
	refused, ok := errors.AsType[*client.ConnectError](err)
	switch {
	case !ok:
		return nil
	case refused.Message != "Invalid namespace":
		text := "refused by the server: " + printable(refused.Message)
		if refused.Data != nil {
			data, _ := withoutBinary(refused.Data, wholeBinary)
			text += " " + printable(marshal(data))
		}
		return &failure{exitRefused, text}
	}
	text := fmt.Sprintf("the server has no namespace %s (Invalid namespace)", printable(t.namespace))
	if t.path != "/" && t.namespace == t.path {
		text += "; the path of the URL is the namespace, where the server is mounted is --path"
	}
	return &failure{exitRefused, text}
}

// otherProtocol recognizes servers that speak something else.
func (t *target) otherProtocol(err error, operations []*engine.OpError) *failure {
	if errors.Is(err, engine.ErrRevision3) || errors.Is(err, client.ErrServerVersion) {
		return &failure{exitNoConnection, otherRevision}
	}
	for _, o := range operations {
		switch {
		case o.Code == engine.CodeUnsupportedProtocol:
			return failf(exitNoConnection, "the server does not speak Engine.IO 4 (%s)", printable(o.Description))
		case o.Transport == engine.WebSocket && o.Status == 0 && errors.Is(o, engine.ErrNoHandshake),
			o.Status == http.StatusUpgradeRequired:
			return failf(exitNoConnection, "%s is a plain WebSocket server: it does not speak Socket.IO; wscat does what you want", t.url.Host)
		}
	}
	return nil
}

// notThere explains errors of the network and of TLS.
func (t *target) notThere(err error) *failure {
	host := t.url.Host
	failed := func(format string, args ...any) *failure {
		return failf(exitNoConnection, format, args...)
	}
	const trust = "; --cacert FILE says whom to trust, --insecure accepts any certificate"
	if name, ok := errors.AsType[x509.HostnameError](err); ok {
		return failed("the certificate of %s is for another name: %s%s", host, printable(name.Error()), trust)
	}
	if invalid, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return failed("the certificate of %s is not to be trusted: %s%s", host, printable(invalid.Err.Error()), trust)
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok || errors.Is(err, http.ErrSchemeMismatch) ||
		strings.Contains(err.Error(), "server gave HTTP response to HTTPS client") {
		return failed("%s does not speak TLS: try http:// instead of https://", host)
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		if dns.IsNotFound {
			return failed("there is no host %s", printable(dns.Name))
		}
		return failed("the name %s cannot be looked up: %s", printable(dns.Name), printable(dns.Err))
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		return failed("connection refused: nothing listens at %s", host)
	}
	return nil
}

// answer explains the responses of web servers.
func (t *target) answer(operations []*engine.OpError) *failure {
	for _, o := range operations {
		text := printable(o.Description)
		switch {
		case o.Status == 0:
		case o.Code == engine.CodeForbidden:
			return failf(exitRefused, "refused by the server: %s", text)
		case o.Code == engine.CodeUnknownTransport:
			return failf(exitNoConnection, "the server does not allow the transport %s (see --transport)", o.Transport)
		case o.Code != engine.NoCode:
			return failf(exitNoConnection, "the server does not accept the request: %s", text)
		case o.Status == http.StatusNotFound:
			return failf(exitNoConnection, "nothing at %s (404): is the server mounted at %s? (see --path)", t.at(), t.options.Path)
		case o.Status == http.StatusUnauthorized, o.Status == http.StatusForbidden:
			return failf(exitRefused, "refused by the server: %s (see --header)", status(o.Status))
		case o.Status/100 == 3:
			return failf(exitNoConnection, "%s is %s; use the URL that it names", t.at(), text)
		case strings.Contains(o.Description, "HTTP request to an HTTPS server"), strings.Contains(o.Description, "plain HTTP request was sent to HTTPS port"):
			return failf(exitNoConnection, "%s speaks TLS: try https:// instead of http://", t.url.Host)
		case o.Status >= http.StatusBadGateway && o.Status <= http.StatusGatewayTimeout:
			return failf(exitNoConnection, "%s answers %s: the server behind the proxy does not run, or cannot be reached", t.at(), status(o.Status))
		case o.Status == http.StatusOK:
			return t.noServer()
		default:
			return failf(exitNoConnection, "%s answers %s: is it a Socket.IO server? (see --path)", t.at(), status(o.Status))
		}
	}
	return nil
}

// noServer explains that another HTTP server responded.
func (t *target) noServer() *failure {
	return failf(exitNoConnection, "%s is a web server but no Socket.IO server, at least not at %s (see --path)", t.url.Host, t.options.Path)
}

// at returns the host and path where the server was expected.
func (t *target) at() string { return t.url.Host + t.options.Path }

func status(code int) string { return fmt.Sprintf("%d %s", code, http.StatusText(code)) }

// disconnected describes the end of a connection.
func disconnected(reason client.Reason, err error) string {
	return "disconnected: " + because(reason, err)
}

// because returns a reason with its cause, if known.
func because(reason client.Reason, err error) string {
	text := string(reason)
	if err == nil {
		return text
	}
	if detail := details(err, causes[*engine.OpError](err)); detail != "" {
		text += " (" + detail + ")"
	}
	return text
}

// details returns the text of an error without the parts that only name places in
// this program.
func details(err error, operations []*engine.OpError) string {
	if len(operations) > 0 && operations[0].Err != nil {
		err = operations[0].Err
	}
	text, _, _ := strings.Cut(err.Error(), "\n")
	for _, prefix := range []string{"client: ", "engine: "} {
		text = strings.TrimPrefix(text, prefix)
	}
	return printable(strings.TrimSpace(text))
}

// causes returns the errors of a type in the tree of an error, in order.
func causes[T error](err error) []T {
	if found, ok := err.(T); ok {
		return []T{found}
	}
	switch err := err.(type) {
	case interface{ Unwrap() error }:
		if inner := err.Unwrap(); inner != nil {
			return causes[T](inner)
		}
	case interface{ Unwrap() []error }:
		var all []T
		for _, inner := range err.Unwrap() {
			all = append(all, causes[T](inner)...)
		}
		return all
	}
	return nil
}
