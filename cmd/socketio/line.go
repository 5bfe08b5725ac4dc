package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

const sessionHelp = `  EVENT [VALUE...]     emit an event; quote names with spaces: "chat message"
  EVENT [VALUE...] ?   emit it and ask for an acknowledgement
  /ack ID [VALUE...]   acknowledge the event of the server with that number
  /join NAMESPACE      leave the namespace for another one
  /disconnect          leave the namespace, or stop trying to get there
  /connect             join it again
  /help                this text
  /quit                leave; so do Ctrl-C and Ctrl-D

  /join and /disconnect do not wait for acknowledgements, except in lines that
  are not typed.

  Values are JSON, separated by spaces: {"a":1} [1,2] "text" 3 true null
  Binary data: @file, @"file with spaces", 0x68656c6c6f, {"$binary":"aGVsbG8="}
  < is what came, > what was sent, * what happened to the connection, ! an error`

// commands are those of a session, with whether they take arguments.
var commands = map[string]bool{
	"/ack": true, "/connect": false, "/disconnect": false, "/help": false, "/join": true, "/quit": false,
}

// An input is a line that was typed: an event, a command, or nothing.
type input struct {
	command string // with its slash
	event   string
	values  []any
	asks    bool   // the event asks for an acknowledgement
	id      int    // of /ack
	target  string // of /join
}

// parseLine takes a line apart.
func parseLine(line string) (input, error) {
	line = strings.TrimSpace(line)
	if strings.HasPrefix(line, "/") {
		return parseCommand(line)
	}
	var in input
	if line == "" {
		return in, nil
	}
	// No value ends with a question mark; those in strings have a quote behind.
	line, in.asks = strings.CutSuffix(line, "?")
	name, rest, err := nextToken(line)
	switch {
	case err != nil:
		return input{}, err
	case name == "" || strings.IndexByte("{[", name[0]) >= 0:
		return input{}, errors.New("a line begins with the name of an event: EVENT [VALUE...]; see /help")
	case name[0] == '"':
		if err := json.Unmarshal([]byte(name), &in.event); err != nil {
			return input{}, err
		}
	default:
		in.event = name
	}
	in.values, err = parseValues(rest)
	return in, err
}

func parseCommand(line string) (input, error) {
	name, rest, _ := strings.Cut(line, " ")
	in := input{command: name}
	rest = strings.TrimSpace(rest)
	takes, known := commands[name]
	switch {
	case !known:
		return input{}, fmt.Errorf("%s is not a command, see /help; an event of this name needs quotes", printable(name))
	case !takes && rest != "":
		return input{}, fmt.Errorf("%s takes no arguments", name)
	case name == "/join":
		if rest == "" || strings.ContainsFunc(rest, unicode.IsSpace) {
			return input{}, errors.New("/join needs one namespace, such as /admin")
		}
		in.target = rest
	case name == "/ack":
		number, values, _ := strings.Cut(rest, " ")
		var err error
		if in.id, err = strconv.Atoi(number); err != nil {
			return input{}, errors.New("/ack needs the number of an event that wants an acknowledgement")
		}
		if in.values, err = parseValues(values); err != nil {
			return input{}, err
		}
	}
	return in, nil
}

// parseValues takes a list of values apart.
func parseValues(rest string) ([]any, error) {
	var values []any
	for {
		token, after, err := nextToken(rest)
		if err != nil {
			return nil, err
		}
		if token == "" {
			return values, nil
		}
		text := token
		if strings.HasPrefix(token, `@"`) {
			var name string
			if err := json.Unmarshal([]byte(token[1:]), &name); err != nil {
				return nil, err
			}
			text = "@" + name
		}
		v, err := parseValue(text)
		if err != nil {
			return nil, explainValue(token, err, `"%s"`)
		}
		values = append(values, v)
		rest = after
	}
}

// nextToken splits off the first token: a JSON text, a quoted file name, or what
// there is before the next space. It is empty at the end.
func nextToken(line string) (token, rest string, err error) {
	line = strings.TrimSpace(line)
	if line == "" {
		return "", "", nil
	}
	quoted := 0
	if strings.HasPrefix(line, `@"`) {
		quoted = 1
	}
	if strings.IndexByte(`"{[`, line[quoted]) < 0 {
		if i := strings.IndexFunc(line, unicode.IsSpace); i >= 0 {
			return line[:i], line[i:], nil
		}
		return line, "", nil
	}
	d := json.NewDecoder(strings.NewReader(line[quoted:]))
	var raw json.RawMessage
	if err := d.Decode(&raw); err != nil {
		return "", "", explainValue(line, fmt.Errorf("%w: %w", errNotJSON, err), "")
	}
	end := quoted + int(d.InputOffset())
	return line[:end], line[end:], nil
}
