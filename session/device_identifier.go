package session

import "errors"

// An identifier names a bound session to its browser. It has the key, so that a
// signature is verified before the store is called; the store compares the key. It is no
// credential, and is sent to the device's path only.
type identifier struct {
	tag [8]byte
	id  ID
	key [deviceKeyLen]byte
}

const identifierTextLen = 112 // in base64url

func identifierOf(rec *Record) identifier {
	return identifier{[8]byte(rec.Key[:]), rec.ID, [deviceKeyLen]byte([]byte(rec.Device))}
}

// String returns the identifier in base64url.
func (i *identifier) String() string {
	b := make([]byte, 0, 8+len(i.id)+len(i.key))
	b = append(b, i.tag[:]...)
	b = append(b, i.id[:]...)
	return tokenEncoding.EncodeToString(append(b, i.key[:]...))
}

func parseIdentifier(text string) (i identifier, err error) {
	b, err := tokenEncoding.DecodeString(text)
	if err != nil || len(text) != identifierTextLen || len(b) != 84 {
		return i, errors.New("session: the identifier is none of a bound session")
	}
	i.tag, i.id, i.key = [8]byte(b), ID(b[8:]), [deviceKeyLen]byte(b[20:])
	return i, nil
}

// is reports whether rec is the session that i names, bound to its key.
func (i *identifier) is(rec *Record) bool {
	return len(rec.Device) == deviceLen && rec.Device[:deviceKeyLen] == string(i.key[:])
}
