package ws

var AcceptKey = acceptKey
