package cluster

import "strconv"

// A Kind says what a [Message] means. The values up to AdapterClose are those that the adapters
// of the reference implementation write.
type Kind uint8

// The kinds of messages. The comment of each names the fields of a Message that it has, besides
// Sender and Namespace, which all have.
const (
	InitialHeartbeat       Kind = 1 + iota // the sender has started, and asks the others for a Heartbeat
	Heartbeat                              // the sender is there
	Broadcast                              // an event for sockets: Target, Flags, Body; to collect acknowledgements, RequestID and Timeout
	SocketsJoin                            // Target, Rooms
	SocketsLeave                           // Target, Rooms
	DisconnectSockets                      // Target, CloseConn
	FetchSockets                           // asks for a description of sockets: Target, RequestID
	FetchSocketsResponse                   // RequestID, Sockets
	ServerSideEmit                         // an event for servers: Body, RequestID if an answer is wanted
	ServerSideEmitResponse                 // RequestID, Body with at most one element
	BroadcastClientCount                   // how many sockets of the sender a Broadcast has reached: RequestID, ClientCount
	BroadcastAck                           // the acknowledgement of one of them: RequestID, Body with at most one element
	AdapterClose                           // the sender leaves the cluster
)

// Kinds that only old members of a cluster with the classic Redis adapter ask for, and the
// answers.
const (
	ListSockets         Kind = 32 + iota // Target, RequestID
	ListSocketsResponse                  // RequestID, Rooms: the IDs of the sockets
	ListRooms                            // RequestID
	ListRoomsResponse                    // RequestID, Rooms
	Applied                              // SocketsJoin, SocketsLeave or DisconnectSockets with a RequestID was applied: RequestID
)

// class says which fields a kind has.
type class uint8

const (
	known     class = 1 << iota
	targeted        // Target
	asks            // a RequestID, always
	answers         // a RequestID of another node, always
	hasEvent        // a Body that is an event and its arguments
	hasResult       // a Body with at most one element
)

var classes = [...]class{
	InitialHeartbeat:       known,
	Heartbeat:              known,
	Broadcast:              known | targeted | hasEvent,
	SocketsJoin:            known | targeted,
	SocketsLeave:           known | targeted,
	DisconnectSockets:      known | targeted,
	FetchSockets:           known | targeted | asks,
	FetchSocketsResponse:   known | answers,
	ServerSideEmit:         known | hasEvent,
	ServerSideEmitResponse: known | answers | hasResult,
	BroadcastClientCount:   known | answers,
	BroadcastAck:           known | answers | hasResult,
	AdapterClose:           known,
	ListSockets:            known | targeted | asks,
	ListSocketsResponse:    known | answers,
	ListRooms:              known | asks,
	ListRoomsResponse:      known | answers,
	Applied:                known | answers,
}

func (k Kind) is(c class) bool { return int(k) < len(classes) && classes[k]&c != 0 }

// Known reports whether k is one of the constants.
func (k Kind) Known() bool { return k.is(known) }

// Answer reports whether messages of this kind answer a request. Their RequestID is that of
// the request.
func (k Kind) Answer() bool { return k.is(answers) }

var kindNames = [...]string{
	InitialHeartbeat:       "InitialHeartbeat",
	Heartbeat:              "Heartbeat",
	Broadcast:              "Broadcast",
	SocketsJoin:            "SocketsJoin",
	SocketsLeave:           "SocketsLeave",
	DisconnectSockets:      "DisconnectSockets",
	FetchSockets:           "FetchSockets",
	FetchSocketsResponse:   "FetchSocketsResponse",
	ServerSideEmit:         "ServerSideEmit",
	ServerSideEmitResponse: "ServerSideEmitResponse",
	BroadcastClientCount:   "BroadcastClientCount",
	BroadcastAck:           "BroadcastAck",
	AdapterClose:           "AdapterClose",
	ListSockets:            "ListSockets",
	ListSocketsResponse:    "ListSocketsResponse",
	ListRooms:              "ListRooms",
	ListRoomsResponse:      "ListRoomsResponse",
	Applied:                "Applied",
}

// String returns the name of the constant.
func (k Kind) String() string {
	if k.Known() {
		return kindNames[k]
	}
	return "Kind(" + strconv.Itoa(int(k)) + ")"
}
