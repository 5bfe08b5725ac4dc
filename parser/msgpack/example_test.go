package msgpack_test

import (
	"fmt"
	"time"

	"github.com/seed96b07ef8/socketio/parser"
	"github.com/seed96b07ef8/socketio/parser/msgpack"
)

// An event with binary data and a date is one binary message.
func Example() {
	type Upload struct {
		Name string    `json:"name"`
		Time time.Time `json:"time"`
		Data []byte    `json:"data"`
	}
	header := parser.Header{Type: parser.Event, ID: 7, HasID: true}
	upload := Upload{"a.txt", time.UnixMilli(1700000000123), []byte("hello")}
	data, _, err := msgpack.Codec.Append(nil, header, "upload", []any{upload})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%q\n", data)

	packet, err := msgpack.Codec.NewDecoder(parser.Limits{}).Decode(data, true)
	if err != nil {
		fmt.Println(err)
		return
	}
	var received Upload
	if err := packet.Args.Decode(&received); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(packet.Type, packet.Namespace, packet.Event, packet.ID)
	fmt.Printf("%s, %v: %s\n", received.Name, received.Time, received.Data)
	// Output:
	// "\x84\xa4type\x02\xa4data\x92\xa6upload\x83\xa4name\xa5a.txt\xa4time\xd7\x00\x00\x00\x01\x8b\xcf\xe5h{\xa4data\xc4\x05hello\xa2id\a\xa3nsp\xa1/"
	// EVENT / upload 7
	// a.txt, 2023-11-14 22:13:20.123 +0000 UTC: hello
}
