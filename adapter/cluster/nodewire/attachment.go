package nodewire

import (
	"errors"

	"github.com/seed96b07ef8/socketio/adapter/cluster"
)

// AppendAttachment appends what the Postgres adapter sends instead of a message that has binary
// data or is too long for a notification: where the message is, which [Pack] encodes. The ID is that of
// the row, in decimal.
func AppendAttachment(dst []byte, m *cluster.Message, id string) []byte {
	w := writer{dst: dst, json: true}
	w.object(3)
	w.name("uid")
	w.text(m.Sender)
	w.name("type")
	w.number(int64(m.Kind))
	w.name("attachmentId")
	w.text(id)
	w.endObject()
	return w.dst
}

var errAttachmentID = malformed(errors.New("attachment ID"))

// AttachmentID returns the ID of the row that has the message of a notification, and the message's
// sender, or an empty ID if the notification is the message itself. The ID consists of digits. The error
// wraps [cluster.ErrMalformed].
func AttachmentID(wire []byte, lim cluster.Limits) (id, sender string, err error) {
	lim = lim.OrDefaults()
	c := newCursor(wire, lim, nil)
	for s := c.object(); ; {
		name, ok := c.member(&s)
		if !ok {
			break
		}
		switch string(name) {
		case "uid":
			sender = string(c.text())
		case "attachmentId":
			if !c.null() {
				id = string(c.name())
			}
		default:
			c.raw()
		}
	}
	c.end()
	if c.err != nil {
		return "", "", c.err
	}
	for _, digit := range []byte(id) {
		if digit < '0' || digit > '9' {
			return "", "", errAttachmentID
		}
	}
	return id, sender, nil
}
