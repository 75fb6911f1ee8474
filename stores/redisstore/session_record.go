package redisstore

import (
	"errors"
	"fmt"
	"time"

	"github.com/go-guard/guard/session"
)

// The hash of a subject has a field for each session, which is an "s" and the session
// key without the tag. Its value is
//
//	1 byte    2
//	4×6 bytes last seen, deadline, created (Unix ms), revision; big-endian
//	12 bytes  the ID
//	3 bytes   the lengths of subject, Login and Ref
//	          subject, Login, Ref, data
//
// That of a session with a Device begins with 3, and has behind the Ref
//
//	6 bytes   DeviceStep (Unix ms)
//	1 byte    the length of Device
//	          Device
//
// The field "f" has the rotations of the last seconds, the newest first. Each is
// until when it counts (Unix ms in 6 bytes), the session key that was rotated away and
// the one that the session has now, both without the tag.
const (
	sessionFormat = 2
	deviceFormat  = 3
	deviceHead    = 6 + 1 // up to the Device
	recordField   = "s"
	idOffset      = 1 + 4*6
	lengthsOffset = idOffset + 12
	headBytes     = lengthsOffset + 3 // up to the subject
)

// checkSession returns an error for a record that cannot be encoded.
func checkSession(rec *session.Record) error {
	if n := len(rec.Subject); n < 1 || n > 255 {
		return fmt.Errorf("redisstore: the subject of a session has %d bytes, want 1 to 255", n)
	}
	if len(rec.Login) > 255 || len(rec.Ref) > 255 || len(rec.Device) > 255 {
		return fmt.Errorf("redisstore: Login, Ref and Device of a session have %d, %d and %d bytes, want at most 255", len(rec.Login), len(rec.Ref), len(rec.Device))
	}
	if tagOf(rec.Key) != tagOfSubject(rec.Subject) {
		return errors.New("redisstore: a session key does not begin with the tag of its subject")
	}
	return nil
}

func encodeSession(rec *session.Record) []byte {
	b := make([]byte, 0, headBytes+len(rec.Subject)+len(rec.Login)+len(rec.Ref)+deviceHead+len(rec.Device)+len(rec.Data))
	format := byte(sessionFormat)
	if rec.Device != "" {
		format = deviceFormat
	}
	b = append(b, format)
	for _, n := range [...]int64{rec.LastSeen.UnixMilli(), rec.Deadline.UnixMilli(), rec.Created.UnixMilli(), rec.Revision} {
		b = append48(b, n)
	}
	b = append(b, rec.ID[:]...)
	b = append(b, byte(len(rec.Subject)), byte(len(rec.Login)), byte(len(rec.Ref)))
	b = append(b, rec.Subject...)
	b = append(b, rec.Login...)
	b = append(b, rec.Ref...)
	if rec.Device != "" {
		b = append(append48(b, rec.DeviceStep), byte(len(rec.Device)))
		b = append(b, rec.Device...)
	}
	return append(b, rec.Data...)
}

// append48 appends n in 6 bytes, big-endian.
func append48(b []byte, n int64) []byte {
	return append(b, byte(n>>40), byte(n>>32), byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
}

func read48(s string) (n int64) {
	for _, c := range []byte(s[:6]) {
		n = n<<8 | int64(c)
	}
	return n
}

func decodeSession(key session.Key, v string) (session.Record, error) {
	if len(v) < headBytes || v[0] != sessionFormat && v[0] != deviceFormat {
		return session.Record{}, errors.New("redisstore: a session has an unknown format")
	}
	login := headBytes + int(v[lengthsOffset])
	ref := login + int(v[lengthsOffset+1])
	data := ref + int(v[lengthsOffset+2])
	device, step := "", int64(0)
	refEnd := data
	if v[0] == deviceFormat && len(v) >= data+deviceHead {
		step = read48(v[data:])
		data += deviceHead
		if end := data + int(v[data-1]); len(v) >= end {
			device, data = v[data:end], end
		}
	}
	if len(v) < data || (v[0] == deviceFormat) != (device != "") {
		return session.Record{}, errors.New("redisstore: a session is truncated")
	}
	var n [4]int64
	for i := range n {
		n[i] = read48(v[1+6*i:])
	}
	return session.Record{
		Device: device, DeviceStep: step,
		Key: key, ID: session.ID([]byte(v[idOffset:lengthsOffset])),
		Subject: v[headBytes:login], Login: v[login:ref], Ref: v[ref:refEnd], Data: v[data:],
		LastSeen: time.UnixMilli(n[0]).UTC(), Deadline: time.UnixMilli(n[1]).UTC(), Created: time.UnixMilli(n[2]).UTC(),
		Revision: n[3],
	}, nil
}
