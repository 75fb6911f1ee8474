package redisstore_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/session/sessiontest"
)

// TestRefEndsDuringLogin: a session of a Ref that ends meanwhile is never live, at
// whatever step of the login it ends.
func TestRefEndsDuringLogin(t *testing.T) {
	stores, c, prefix := newStores(t)
	s, other, ctx := stores.Sessions(), reopen(t, prefix).Sessions(), t.Context()
	var step, at, deleted int
	var rec session.Record
	var subject string
	c.AddHook(hook(func(_ int, next func() error) error {
		if step++; step == at {
			deleted = must[int](t)(other.DeleteRef(ctx, rec.Ref, subject))
		}
		return next()
	}))
	insert(t, s, "u", func(rec *session.Record) { rec.Ref = "another" }) // loads the scripts
	for _, subject = range []string{"", "u"} {
		for at = 1; at <= 4; at++ {
			rec = sessiontest.Record("u")
			rec.Ref = fmt.Sprint("ref", subject, at)
			step, deleted = 0, 0
			err := s.Insert(ctx, rec, session.AnyEpoch)
			if at == 4 { // after the login
				if err != nil || step != 3 || !live(t, other, rec) {
					t.Fatalf("a login of %d commands: %v", step, err)
				}
				deleted = must[int](t)(other.DeleteRef(ctx, rec.Ref, subject))
			} else if !errors.Is(err, session.ErrEnded) {
				t.Errorf("before command %d: %v", at, err)
			}
			if live(t, other, rec) {
				t.Errorf("a session whose Ref ended before command %d is live", at)
			}
			if want := at / 3; deleted != want { // it was there from the third on
				t.Errorf("before command %d: %d deleted, want %d", at, deleted, want)
			}
		}
	}
	at = 0 // the cleanup sends commands, too
}

// TestRefOfSubjects: many subjects of a Ref end, and then the Ref. The index has no more
// members afterwards than before, and expires.
func TestRefOfSubjects(t *testing.T) {
	stores, c, prefix := newStores(t)
	s, ctx := stores.Sessions(), t.Context()
	withRef := func(rec *session.Record) { rec.Ref = "ref" }
	survivor := insert(t, s, "v", withRef)
	for i := range 250 {
		subject := fmt.Sprint("u", i)
		insert(t, s, subject, withRef)
		if n := must[int](t)(s.DeleteRef(ctx, "ref", subject)); n != 1 {
			t.Fatalf("%d deleted, want 1", n)
		}
	}
	index := must[[]string](t)(c.Keys(ctx, prefix+":r*").Result())[0]
	for _, member := range must[[]string](t)(c.ZRange(ctx, index, 0, -1).Result()) {
		if strings.Contains(member, "u1") {
			t.Fatalf("the index names the subject in %q", member)
		}
	}
	if n := must[int](t)(s.DeleteRef(ctx, "ref", "")); n != 1 || live(t, s, survivor) {
		t.Errorf("%d deleted, want 1", n)
	}
	if n := must[int64](t)(c.ZCard(ctx, index).Result()); n != 1 {
		t.Errorf("%d members are left of an ended Ref", n)
	}
	// The first end of a Ref that has no session.
	must[int](t)(s.DeleteRef(ctx, "other", "w"))
	for _, key := range must[[]string](t)(c.Keys(ctx, prefix+":r*").Result()) {
		if ttl := must[time.Duration](t)(c.TTL(ctx, key).Result()); ttl <= session.Grace-time.Minute || ttl > session.Grace {
			t.Errorf("an ended Ref expires in %v, want %v", ttl, session.Grace)
		}
	}
	// The index is lost, as with a server without persistence.
	lost := insert(t, s, "u", func(rec *session.Record) { rec.Ref = "lost" })
	for _, key := range must[[]string](t)(c.Keys(ctx, prefix+":r*").Result()) {
		c.Del(ctx, key)
	}
	if n := must[int](t)(s.DeleteRef(ctx, "lost", "u")); n != 1 || live(t, s, lost) {
		t.Errorf("without an index, %d deleted, want 1", n)
	}
}

// TestTouchEndsRefOfSubject: a session that is left of an ended Ref ends when it is
// used, and that of another subject does not.
func TestTouchEndsRefOfSubject(t *testing.T) {
	stores, c, prefix := newStores(t)
	s, ctx := stores.Sessions(), t.Context()
	withRef := func(rec *session.Record) { rec.Ref = "ref" }
	sessions := map[string]session.Record{"u": insert(t, s, "u", withRef)}
	hash := must[[]string](t)(c.Keys(ctx, prefix+":s*").Result())[0]
	fields := must[map[string]string](t)(c.HGetAll(ctx, hash).Result())
	sessions["v"] = insert(t, s, "v", withRef)
	sameTag := sessions["u"]
	sameTag.Key[31]++
	for _, v := range fields { // of a subject with the tag of "u"
		if err := c.HSet(ctx, hash, "s"+string(sameTag.Key[8:]), strings.Replace(v, "uref{", "xref{", 1)).Err(); err != nil {
			t.Fatal(err)
		}
	}
	if n := must[int](t)(s.DeleteRef(ctx, "ref", "u")); n != 1 || !live(t, s, sameTag) {
		t.Fatalf("%d deleted, that of another subject is live: %t", n, live(t, s, sameTag))
	}
	if err := c.HSet(ctx, hash, fields).Err(); err != nil { // as an insert whose end failed
		t.Fatal(err)
	}
	sessions["x"] = sameTag
	for subject, rec := range sessions {
		seen := rec.LastSeen.Add(time.Minute)
		if err := s.Touch(ctx, rec.Key, seen, seen.Add(time.Hour)); err != nil || live(t, s, rec) != (subject != "u") {
			t.Errorf("%s was touched (%v), live %t", subject, err, live(t, s, rec))
		}
	}
}

// TestRefIsFoundWhileUsed: the index of a Ref lasts as long as its sessions do.
func TestRefIsFoundWhileUsed(t *testing.T) {
	stores, c, prefix := newStores(t)
	s, ctx := stores.Sessions(), t.Context()
	rec := insert(t, s, "u", func(rec *session.Record) { rec.Ref = "ref" })
	index := must[[]string](t)(c.Keys(ctx, prefix+":r*").Result())[0]
	if strings.Contains(index, "ref") {
		t.Errorf("the key %q shows the Ref", index)
	}
	expires := func() time.Time {
		return time.UnixMilli(must[time.Duration](t)(c.PExpireTime(ctx, index).Result()).Milliseconds())
	}
	// Should a touch extend the session and then fail, the index is still there.
	if want := rec.Deadline.Add(time.Hour + session.Grace); !expires().Equal(want) {
		t.Errorf("the index expires at %v, want %v", expires(), want)
	}
	seen := rec.LastSeen.Add(50 * time.Minute)
	if err := s.Touch(ctx, rec.Key, seen, seen.Add(24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if want := seen.Add(48*time.Hour + session.Grace); !expires().Equal(want) {
		t.Errorf("after a touch the index expires at %v, want %v", expires(), want)
	}
	if err := c.Del(ctx, index).Err(); err != nil {
		t.Fatal(err)
	}
	seen = seen.Add(time.Minute)
	if err := s.Touch(ctx, rec.Key, seen, seen.Add(24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if n := must[int](t)(s.DeleteRef(ctx, "ref", "")); n != 1 || live(t, s, rec) {
		t.Errorf("after the index was lost, DeleteRef deleted %d, want 1", n)
	}
	if end := time.Now().Add(session.Grace); expires().After(end) || expires().Before(end.Add(-time.Minute)) {
		t.Errorf("the ended Ref expires at %v, want about %v", expires(), end)
	}
	survivor := insert(t, s, "u", func(rec *session.Record) { rec.Ref = "other" })
	for _, key := range must[[]string](t)(c.Keys(ctx, prefix+":r*").Result()) {
		c.Del(ctx, key)
	}
	must[int](t)(s.DeleteRef(ctx, "other", "")) // finds nothing
	if err := s.Touch(ctx, survivor.Key, seen, seen.Add(time.Hour)); err != nil || live(t, s, survivor) {
		t.Errorf("a session of an ended Ref was touched (%v), live %t", err, live(t, s, survivor))
	}
}

// TestDeleteRefContinues: of many subjects, and after a failure.
func TestDeleteRefContinues(t *testing.T) {
	stores, c, prefix := newStores(t)
	s, ctx := stores.Sessions(), t.Context()
	for i := range 250 {
		insert(t, s, fmt.Sprint("u", i), func(rec *session.Record) { rec.Ref = "ref" })
	}
	down, sent := errors.New("down"), 0
	c.AddHook(hook(func(_ int, next func() error) error {
		if sent++; sent == 170 {
			return down
		}
		return next()
	}))
	n, err := s.DeleteRef(ctx, "ref", "")
	if !errors.Is(err, down) || n < 100 || n >= 170 {
		t.Fatalf("%d deleted, %v", n, err)
	}
	n += must[int](t)(s.DeleteRef(ctx, "ref", ""))
	if left := must[[]string](t)(c.Keys(ctx, prefix+":s*").Result()); n != 250 || len(left) > 0 {
		t.Errorf("%d deleted, %d left", n, len(left))
	}
}
