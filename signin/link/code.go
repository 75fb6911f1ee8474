package link

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"net/http"
	"strings"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/hmacstate"
	"github.com/go-guard/guard/internal/identity"
	"github.com/go-guard/guard/once"
)

// Issue returns a code for a subject of 1 to 255 bytes, to be sent to its owner. For a
// subject that does not exist it is empty, without an error, as that of [Links.Issue].
// The error is for guard.Refuse, and already reported to Observe: 503 if the state cannot
// be read.
func (c *Codes) Issue(ctx context.Context, subject string) (code string, err error) {
	d := c.decision("issue")
	d.Subject = subject
	boundTo, found, err := c.issued(ctx, subject)
	if err != nil {
		return "", d.Deny(ctx, err)
	}
	text := c.code(c.keys[0], subject, boundTo, c.slot(0))
	if !concludeIssue(ctx, d, found) {
		return "", nil
	}
	return string(text), nil
}

// Redeem does what a code of a subject is for, once: it calls action, as [Links.Redeem]
// does. Spaces in the code are ignored. Every attempt counts until the code is known to be
// right: guesses at the same time cannot exceed the limits. A text that has another number
// of digits is refused and does not count.
//
// The error is for guard.Refuse, and already reported to Observe: 400 (code_invalid) with
// the cause [ErrInvalid] for a code that does not work, and for a subject that does
// not exist; 429 with a Retry-After after too many wrong ones, whether or not this one is
// right, and while as many are tried at this time; 503 if the state or a store fails; otherwise that of action.
func (c *Codes) Redeem(ctx context.Context, subject, code string, action func(ctx context.Context, subject string) error) error {
	d := c.decision("redeem")
	d.Subject = subject
	if err := c.redeem(ctx, d, strings.ReplaceAll(code, " ", ""), action); err != nil {
		return d.Deny(ctx, err)
	}
	d.Outcome = guard.Allowed
	d.ReportTo(ctx)
	return nil
}

func (c *Codes) redeem(ctx context.Context, d guard.Decision, code string, action func(context.Context, string) error) error {
	if len(code) != c.digits || strings.Trim(code, "0123456789") != "" || d.Subject == "" || len(d.Subject) > maxSubject {
		return invalidCode(errCodeMalformed)
	}
	key := once.Key("guard signin/link: attempts", c.scope, d.Subject)
	limited := identity.WithSubject(context.WithValue(ctx, keyOfLimit{}, string(key[:])), d.Subject)
	r := (&http.Request{}).WithContext(limited)
	attempt, err := c.limit.Reserve(r, 1)
	if err != nil {
		return err
	}
	boundTo, found, err := c.stateOf(ctx, d.Subject)
	if err == nil && !c.isValid(d.Subject, boundTo, code) {
		return invalidCode(errCode)
	}
	if err == nil && !found {
		return invalidCode(errCodeUnknown)
	}
	// The code is right, or the failure is ours.
	if failure := attempt.Settle(context.WithoutCancel(ctx), 0); failure != nil { // it counts as wrong
		failed := d
		failed.Action, failed.Outcome, failed.Err, failed.Reason = "", guard.Failed, failure, failure.Error()
		failed.ReportTo(ctx)
	}
	if err != nil {
		return err
	}
	return c.spend(ctx, d, boundTo, action)
}

// isValid reports whether the code is one of this state that is accepted now.
func (c *Codes) isValid(subject, boundTo, code string) bool {
	equal := 0
	last := int64(-1)
	for _, ago := range []time.Duration{c.lifetime / 2, 0, -codeLeeway} {
		slot := c.slot(ago)
		if slot == last {
			continue
		}
		last = slot
		for _, key := range c.keys {
			equal |= subtle.ConstantTimeCompare(c.code(key, subject, boundTo, slot), []byte(code))
		}
	}
	return equal == 1
}

// slot is the number of the half Lifetime, since 1970, that the time so long ago is in.
func (c *Codes) slot(ago time.Duration) int64 {
	return c.now().Add(-ago).UnixMilli() / (c.lifetime / 2).Milliseconds()
}

// code is the decimal number of the MAC of a subject, its state and a time, cut to its
// last digits. Of 2^64 numbers, none is noticeably more frequent.
func (c *Codes) code(key hmacstate.Key, subject, boundTo string, slot int64) []byte {
	var buf [1 + 8 + sha256.Size + maxSubject]byte
	digest := sha256.Sum256([]byte(boundTo))
	b := binary.BigEndian.AppendUint64(append(buf[:0], ofCode), uint64(slot))
	tag := tagOf(key, append(append(b, digest[:]...), subject...))
	n := binary.BigEndian.Uint64(tag[:])
	text := make([]byte, c.digits)
	for i := range text {
		text[len(text)-1-i] = '0' + byte(n%10)
		n /= 10
	}
	return text
}
