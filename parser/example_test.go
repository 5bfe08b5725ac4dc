package parser_test

import (
	"errors"
	"fmt"

	"github.com/seed96b07ef8/socketio/parser"
)

// An event with binary data is sent as a text message and its attachments.
func Example() {
	type Upload struct {
		Name string `json:"name"`
		Data []byte `json:"data"`
	}
	header := parser.Header{Type: parser.Event, Namespace: "/files", ID: 7, HasID: true}
	text, attachments, err := parser.JSON.Append(nil, header, "upload", []any{Upload{"a.txt", []byte("hello")}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s\n", text)

	dec := parser.JSON.NewDecoder(parser.Limits{})
	packet, err := dec.Decode(text, false)
	for _, data := range attachments {
		packet, err = dec.Decode(data, true)
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	var upload Upload
	if err := packet.Args.Decode(&upload); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%v %s %q %d: %s, %s\n", packet.Type, packet.Namespace, packet.Event, packet.ID, upload.Name, upload.Data)
	// Output:
	// 51-/files,7["upload",{"name":"a.txt","data":{"_placeholder":true,"num":0}}]
	// EVENT /files "upload" 7: a.txt, hello
}

// Arguments decode position by position; peers may send fewer or more.
func ExampleArgs_Decode() {
	packet, err := parser.JSON.NewDecoder(parser.Limits{}).Decode([]byte(`2["move",3,4]`), false)
	if err != nil {
		fmt.Println(err)
		return
	}
	x, y, z := 0, 0, -1
	fmt.Println(packet.Args.Decode(&x, &y, &z), x, y, z)

	var name string
	err = packet.Args.Decode(nil, &name)
	if argError, ok := errors.AsType[*parser.ArgError](err); ok {
		fmt.Println("argument", argError.Index, "is not a valid", argError.Type)
	}
	// Output:
	// <nil> 3 4 -1
	// argument 1 is not a valid string
}

// After a message that violates the protocol, the connection should be closed.
func ExampleSyntaxError() {
	dec := parser.JSON.NewDecoder(parser.Limits{MaxAttachments: 1})
	for _, text := range []string{`7`, `52-["e"]`, `2["disconnect"]`} {
		_, err := dec.Decode([]byte(text), false)
		if syntaxError, ok := errors.AsType[*parser.SyntaxError](err); ok {
			fmt.Println(syntaxError.Reason)
		}
	}
	// Output:
	// unknown packet type 7
	// too many attachments
	// invalid payload
}
