package session

import (
	"net/http"
	"slices"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/field"
)

const (
	// maxCandidates bounds the cookies of one name that authenticate a request: each
	// is a call of the store.
	maxCandidates = 4
	// maxPresented bounds the cookies of one name that a login or logout ends. It is
	// what Chromium and Firefox keep for a whole site. Of a name that a browser has at
	// most one cookie of, maxCandidates is the bound: a logout is for anyone, and each
	// cookie costs the store a call or two.
	maxPresented = 180
)

// presented returns the keys of the client's tokens, each once: of the one that this
// response has set, and of those that the request has sent. sent is false without
// any cookie.
func (m *Manager[D]) presented(w http.ResponseWriter, r *http.Request) (keys []Key, sent bool, err error) {
	most := maxPresented
	if m.unique {
		most = maxCandidates
	}
	return presentedKeys(w.Header(), r.Header, m.cookie.Name, most)
}

// presentedKeys is presented for a cookie's name, of which a request sends so many at
// most. It is no method of the generic type, in which the compiler does not inline the
// loop's function.
func presentedKeys(response, request http.Header, name string, most int) (keys []Key, sent bool, err error) {
	add := func(token string) {
		sent = true
		if key, ok := keyOf(token); ok && !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	for _, line := range response["Set-Cookie"] {
		if token, ours := tokenIn(line, name); ours && token != "" {
			add(token)
		}
	}
	n := 0
	for token := range field.RawCookies(request, name) {
		if n++; n > most {
			return nil, true, errNoBrowser.Clone()
		}
		add(token)
	}
	return keys, sent, nil
}

// findAmong is find for several cookies. They may be left from another Domain or path,
// or planted by a subdomain, and no answer can clear these: a refusal for their mere
// presence would keep the person out until they expire.
func (m *Manager[D]) findAmong(r *http.Request, step string, now time.Time) (*Session[D], error) {
	if m.unique {
		return nil, errUnique.Clone()
	}
	n := 0
	var live []Record
	var tried []Key
	var mismatch error
	for range field.RawCookies(r.Header, m.cookie.Name) {
		if n++; n > maxCandidates {
			return nil, errTooMany.Clone()
		}
	}
	for token := range field.RawCookies(r.Header, m.cookie.Name) {
		key, ok := keyOf(token)
		if !ok || slices.Contains(tried, key) {
			continue
		}
		tried = append(tried, key)
		switch rec, l, err := m.loadRecord(r.Context(), key, now); {
		case err == nil && kindOf(&rec, &l) == step:
			live = append(live, rec)
		case err == nil:
			mismatch = m.mismatch(kindOf(&rec, &l))
		case !isRefusal(err):
			return nil, err
		}
	}
	if len(live) == 0 && mismatch != nil {
		return nil, mismatch // its cookie is alive
	}
	rec, err := m.choose(r, live)
	if err != nil {
		return nil, err
	}
	return m.open(r.Context(), rec)
}

// choose returns the newest of live sessions, or ends them if they are of several
// subjects: then a guess could act as an attacker who planted a cookie.
func (m *Manager[D]) choose(r *http.Request, live []Record) (Record, error) {
	if len(live) == 0 {
		return Record{}, errAllDead.Clone()
	}
	for _, rec := range live[1:] {
		if rec.Subject != live[0].Subject {
			if err := m.endAll(r, live); err != nil {
				return Record{}, err
			}
			return Record{}, errSubjects.Clone()
		}
	}
	return newest(live), nil
}

func newest(live []Record) Record {
	return slices.MaxFunc(live, func(a, b Record) int { return a.Created.Compare(b.Created) })
}

func (m *Manager[D]) endAll(r *http.Request, live []Record) error {
	for _, rec := range live {
		err := m.endPresented(r.Context(), []Key{rec.Key})
		d := guard.Decision{Guard: "several cookies", Action: "sign-out", Subject: rec.Subject}
		if err := conclude(r, d, err); err != nil {
			return err
		}
	}
	return nil
}
