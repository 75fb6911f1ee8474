package sessiontest

import "github.com/go-guard/guard/session"

var epochs = []testCase{
	{"insert with an epoch", insertWithEpoch},
	{"delete all raises the epoch", deleteAllRaises},
	{"the epoch outlives the records", epochSurvives},
	{"guests", guests},
}

func insertWithEpoch(s *suite) {
	before := s.epoch()
	if before < 0 {
		s.Fatalf("epoch %d", before)
	}
	first := Record(s.subject)
	s.must(s.store.Insert(s.ctx, first, before))
	for _, other := range []int64{before + 1, before + 1<<40, -2} {
		s.wantEnded(Record(s.subject), other)
	}
	s.wantList(first)
	n, err := s.store.DeleteAll(s.ctx, s.subject, nil)
	check(s, "delete all", n, err, 1)
	late := Record(s.subject)
	s.wantEnded(late, before)
	s.wantEnded(first, before)
	s.wantList()
	s.add(late) // the refusal did not use up the key
	now := Record(s.subject)
	s.must(s.store.Insert(s.ctx, now, s.epoch()))
	s.wantRecord(late)
	s.wantList(late, now)
}

func deleteAllRaises(s *suite) {
	spared := s.insert(nil)
	for _, keep := range [][]session.ID{nil, {spared.ID}, {{}}} { // of no record, of one that is kept, of all
		if keep == nil {
			s.subject += "x"
		} else {
			s.subject = spared.Subject
		}
		before := s.epoch()
		_, err := s.store.DeleteAll(s.ctx, s.subject, keep)
		s.must(err)
		if after := s.epoch(); after <= before {
			s.Errorf("epoch %d after %d", after, before)
		}
		s.wantEnded(Record(s.subject), before)
	}
	s.wantList()
}

// epochSurvives checks that no epoch comes back.
func epochSurvives(s *suite) {
	largest := s.epoch()
	stale := []int64{}
	for range 3 {
		stale = append(stale, largest)
		rec := s.insert(func(rec *session.Record) { rec.Ref = newRef() })
		s.rotate(&rec)
		_, err := s.store.DeleteAll(s.ctx, s.subject, nil)
		s.must(err)
		if n := s.epoch(); n <= largest {
			s.Fatalf("epoch %d after %d", n, largest)
		}
		largest = s.epoch()
		rec = s.insert(func(rec *session.Record) { rec.Ref = newRef() })
		_, err = s.store.DeleteRef(s.ctx, rec.Ref, "")
		s.must(err)
		rec = s.insert(nil)
		_, err = s.store.Delete(s.ctx, rec.Key)
		s.must(err)
		s.wantList()
		if n := s.epoch(); n < largest {
			s.Fatalf("epoch %d after %d", n, largest)
		}
		for _, n := range stale {
			s.wantEnded(Record(s.subject), n)
		}
	}
}

// guests checks that the subjects of guests are like all others.
func guests(s *suite) {
	s.subject = "\x00" + s.subject
	rec := Record(s.subject)
	s.must(s.store.Insert(s.ctx, rec, s.epoch()))
	other := s.insert(func(rec *session.Record) { rec.Login = "guest" })
	s.wantRecord(rec)
	s.wantList(rec, other)
	from := s.rotate(&rec)
	s.wantList(rec, other)
	s.wantDeleted(rec, from)
	n, err := s.store.DeleteAll(s.ctx, s.subject, nil)
	check(s, "delete all", n, err, 1)
	s.wantAbsent(other.Key)
	s.wantList()
}
