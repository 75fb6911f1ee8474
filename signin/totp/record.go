package totp

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-guard/guard"
)

// A record is what the Store has of an account.
type record struct {
	active, pending *factor
	recovery        []digest
	text            string // as it was loaded; empty for none
	stale           bool   // an old key sealed it
}

// A factor is a secret and what belongs to it.
type factor struct {
	id     [16]byte // names its steps in Options.Steps
	digits int
	since  time.Time // when it was confirmed or, if pending, made
	secret []byte
}

func newFactor(digits int, now time.Time) *factor {
	f := &factor{digits: digits, since: now, secret: make([]byte, secretSize)}
	_, _ = rand.Read(f.id[:]) // never fails
	_, _ = rand.Read(f.secret)
	return f
}

// match is the function match for a code of the factor's length.
func (f *factor) match(code string, now time.Time) (step int64, ok bool) {
	if f == nil || len(code) != f.digits {
		return 0, false
	}
	return match(f.secret, code, now)
}

const (
	sealPurpose = "guard signin/totp: record"
	format      = 1
	maxSecret   = 64
	maxRecord   = 1024 // characters
	maxSwaps    = 32   // of one change, before it fails
)

var (
	errUnsealed = errors.New("totp: the record of the account does not open: it is changed, of another account, or sealed with a key that is neither the key nor in OldKeys")
	errFormat   = errors.New("totp: the record of the account is of another version of this package")
	errContend  = errors.New("totp: the record of the account changed all the time")
)

// load returns the record of an account, which is empty if it has none.
func (f *Factors) load(ctx context.Context, subject string) (*record, error) {
	if err := checkSubject(subject); err != nil {
		return nil, err
	}
	text, found, err := f.store.Load(ctx, subject)
	if err != nil {
		return nil, guard.Unavailable(fmt.Errorf("totp: load: %w", err))
	}
	if !found || text == "" {
		return &record{}, nil
	}
	if len(text) > maxRecord {
		return nil, errUnsealed
	}
	plain, ok := f.newest.Open(text, subject)
	stale := false
	if !ok {
		plain, stale = f.old.Open(text, subject)
	}
	if !ok && !stale {
		return nil, errUnsealed
	}
	rec, err := parseRecord(plain)
	if err != nil {
		return nil, err
	}
	rec.text, rec.stale = text, stale
	return rec, nil
}

// swap replaces the record that was loaded by rec, which it seals. Without a factor or
// recovery codes, the account has no record.
func (f *Factors) swap(ctx context.Context, subject string, rec *record) (bool, error) {
	text := ""
	if rec.active != nil || rec.pending != nil || len(rec.recovery) > 0 {
		text = f.newest.Seal(rec.marshal(), subject)
	}
	if text == rec.text { // there was none, and is none
		return true, nil
	}
	swapped, err := f.store.Swap(ctx, subject, rec.text, text)
	if err != nil {
		return false, guard.Unavailable(fmt.Errorf("totp: swap: %w", err))
	}
	return swapped, nil
}

// update changes the record of an account by a compare-and-swap. change is called again
// if another change came between; its error ends the update.
func (f *Factors) update(ctx context.Context, subject string, change func(*record) error) error {
	for range maxSwaps {
		rec, err := f.load(ctx, subject)
		if err != nil {
			return err
		}
		if err := change(rec); err != nil {
			return err
		}
		if swapped, err := f.swap(ctx, subject, rec); err != nil || swapped {
			return err
		}
	}
	return guard.Unavailable(errContend)
}

// marshal returns the version, the active and the pending factor, and the digests.
func (r *record) marshal() []byte {
	b := append(make([]byte, 0, 512), format)
	b = r.active.append(b)
	b = r.pending.append(b)
	b = append(b, byte(len(r.recovery)))
	for _, d := range r.recovery {
		b = append(b, d[:]...)
	}
	return b
}

// append appends the length of the secret, which is 0 for no factor, and the factor.
func (f *factor) append(b []byte) []byte {
	if f == nil {
		return append(b, 0)
	}
	b = append(b, byte(len(f.secret)), byte(f.digits))
	b = append(b, f.id[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(f.since.Unix()))
	return append(b, f.secret...)
}

func parseRecord(b []byte) (*record, error) {
	if len(b) == 0 || b[0] != format {
		return nil, errFormat
	}
	r := &record{}
	var ok bool
	if r.active, b, ok = parseFactor(b[1:]); !ok {
		return nil, errFormat
	}
	if r.pending, b, ok = parseFactor(b); !ok || len(b) == 0 || len(b) != 1+int(b[0])*sha256.Size {
		return nil, errFormat
	}
	r.recovery = make([]digest, b[0])
	for i := range r.recovery {
		r.recovery[i] = digest(b[1+i*sha256.Size:])
	}
	return r, nil
}

func parseFactor(b []byte) (f *factor, rest []byte, ok bool) {
	const fixed = 2 + 16 + 8
	if len(b) > 0 && b[0] == 0 {
		return nil, b[1:], true
	}
	if len(b) < fixed || len(b) < fixed+int(b[0]) || b[0] > maxSecret || b[1] != 6 && b[1] != 8 {
		return nil, nil, false
	}
	end := fixed + int(b[0])
	return &factor{
		id: [16]byte(b[2:]), digits: int(b[1]), since: time.Unix(int64(binary.BigEndian.Uint64(b[18:])), 0),
		secret: slices.Clone(b[fixed:end]),
	}, b[end:], true
}
