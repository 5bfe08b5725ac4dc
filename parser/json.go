package parser

// JSON is the default codec: JSON text followed by binary data (Socket.IO
// protocol v5, "Packet encoding"). The package documentation describes how Go
// values map to JSON.
var JSON Codec = jsonCodec{}

type jsonCodec struct{}

func (jsonCodec) Binary() bool { return false }

func (jsonCodec) NewDecoder(limits Limits) Decoder {
	return &jsonDecoder{limits: limits.WithDefaults()}
}

func (jsonCodec) Append(dst []byte, h Header, event string, args []any) ([]byte, [][]byte, error) {
	var a appender
	data, err := a.appendPacket(dst, h, event, args)
	if a.full != nil {
		a.full.release()
	}
	if err != nil {
		return nil, nil, err
	}
	return data, a.attachments, nil
}
