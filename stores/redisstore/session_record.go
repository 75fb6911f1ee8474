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
// The field "f" has the rotations of the last seconds, the newest first. Each is
// until when it counts (Unix ms in 6 bytes), the session key that was rotated away and
// the one that the session has now, both without the tag.
const (
	sessionFormat = 2
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
	if len(rec.Login) > 255 || len(rec.Ref) > 255 {
		return fmt.Errorf("redisstore: Login and Ref of a session have %d and %d bytes, want at most 255", len(rec.Login), len(rec.Ref))
	}
	if tagOf(rec.Key) != tagOfSubject(rec.Subject) {
		return errors.New("redisstore: a session key does not begin with the tag of its subject")
	}
	return nil
}

func encodeSession(rec *session.Record) []byte {
	b := make([]byte, 0, headBytes+len(rec.Subject)+len(rec.Login)+len(rec.Ref)+len(rec.Data))
	b = append(b, sessionFormat)
	for _, n := range [...]int64{rec.LastSeen.UnixMilli(), rec.Deadline.UnixMilli(), rec.Created.UnixMilli(), rec.Revision} {
		b = append(b, byte(n>>40), byte(n>>32), byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
	b = append(b, rec.ID[:]...)
	b = append(b, byte(len(rec.Subject)), byte(len(rec.Login)), byte(len(rec.Ref)))
	b = append(b, rec.Subject...)
	b = append(b, rec.Login...)
	b = append(b, rec.Ref...)
	return append(b, rec.Data...)
}

func decodeSession(key session.Key, v string) (session.Record, error) {
	if len(v) < headBytes || v[0] != sessionFormat {
		return session.Record{}, errors.New("redisstore: a session has an unknown format")
	}
	login := headBytes + int(v[lengthsOffset])
	ref := login + int(v[lengthsOffset+1])
	data := ref + int(v[lengthsOffset+2])
	if len(v) < data {
		return session.Record{}, errors.New("redisstore: a session is truncated")
	}
	var n [4]int64
	for i := range n {
		for _, c := range []byte(v[1+6*i : 7+6*i]) {
			n[i] = n[i]<<8 | int64(c)
		}
	}
	return session.Record{
		Key: key, ID: session.ID([]byte(v[idOffset:lengthsOffset])),
		Subject: v[headBytes:login], Login: v[login:ref], Ref: v[ref:data], Data: v[data:],
		LastSeen: time.UnixMilli(n[0]).UTC(), Deadline: time.UnixMilli(n[1]).UTC(), Created: time.UnixMilli(n[2]).UTC(),
		Revision: n[3],
	}, nil
}
