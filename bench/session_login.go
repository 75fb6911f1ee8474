package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/session"
)

const (
	loginUsers = 50_000 // each login of one replaces the one before
	listSize   = 1000   // sessions of a subject in the rows of List and DestroyAll
	listUsers  = 8      // with more sessions together than a manager remembers
)

// sessionLogin measures what a login costs after the password was verified, and what a
// person's list of sessions and "log out everywhere" cost.
func sessionLogin(settings) (comparison, error) {
	list, bareList, err := lists()
	if err != nil {
		return comparison{}, err
	}
	facts, err := endings()
	if err != nil {
		return comparison{}, err
	}
	return comparison{
		benchmarks: []benchmark{
			{"guard: Create", ours, ourLogins()},
			{"scs: RenewToken, Put and Commit", peer, scsLogins()},
			{"bare randomness, digest, JSON, map and cookie", lowerBound, bareLogins()},
			{"guard: List of 1,000", ours, list},
			{"bare json.Unmarshal of 1,000", lowerBound, bareList},
		},
		facts: facts,
		bars: []bar{
			allocs("guard: Create", 14),
			ratio("guard: Create", "bare randomness, digest, JSON, map and cookie", 4),    // 6 µs
			ratio("guard: List of 1,000", "bare json.Unmarshal of 1,000", 1.75),           // 1 ms
			factAtMost("guard: DestroyAll of 1,000, in times of 1,000 bare deletions", 5), // 0.1 ms
		},
	}, nil
}

func ourLogins() func(n int) {
	store := guard.Must(session.NewMemory(&session.MemoryOptions{MaxPerSubject: 1}))
	m := guard.Must(session.New[profile](&session.Options{Store: store}))
	login, w := guard.Must(http.NewRequest("POST", "/login", nil)), &discard{header: http.Header{}}
	var users users
	return func(n int) {
		for range n {
			_, err := m.Create(w, login, users.next(), alice)
			check(err == nil && w.header["Set-Cookie"] != nil, "Create")
			clear(w.header)
		}
	}
}

func scsLogins() func(n int) {
	store, m := memstore.NewWithCleanupInterval(0), scs.New()
	m.Store = store
	tokens, at := make([]string, loginUsers), 0
	w := &discard{header: http.Header{}}
	return func(n int) {
		for range n {
			at = (at + 1) % len(tokens)
			ctx := guard.Must(m.Load(context.Background(), ""))
			check(m.RenewToken(ctx) == nil, "scs RenewToken")
			m.Put(ctx, "subject", subject)
			m.Put(ctx, "email", alice.Email)
			m.Put(ctx, "role", alice.Role)
			token, expiry, err := m.Commit(ctx)
			check(err == nil && store.Delete(tokens[at]) == nil, "scs Commit")
			tokens[at] = token
			m.WriteSessionCookie(ctx, w, token, expiry)
			clear(w.header)
		}
	}
}

// bareLogins returns the lower bound: what every login with a token in a cookie does.
func bareLogins() func(n int) {
	type row struct{ subject, data string }
	sessions := map[[32]byte]*row{}
	keys, at := make([][32]byte, loginUsers), 0
	w := &discard{header: http.Header{}}
	return func(n int) {
		for range n {
			at = (at + 1) % len(keys)
			var token [32]byte
			_, _ = rand.Read(token[:]) // never fails
			data, err := json.Marshal(alice)
			check(err == nil, "JSON")
			delete(sessions, keys[at])
			keys[at] = sha256.Sum256(token[:])
			sessions[keys[at]] = &row{strconv.Itoa(at), string(data)}
			http.SetCookie(w, &http.Cookie{
				Name: "__Host-session", Value: base64.RawURLEncoding.EncodeToString(token[:]), Path: "/",
				Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
			})
			clear(w.header)
		}
	}
}

// manySessions returns a manager of sessions without limits, and what signs a subject
// in so many times.
func manySessions() (m *session.Manager[profile], fill func(subject string) error, err error) {
	store := guard.Must(session.NewMemory(&session.MemoryOptions{MaxPerSubject: listSize}))
	if m, err = session.New[profile](&session.Options{Store: store}); err != nil {
		return nil, nil, err
	}
	login := guard.Must(http.NewRequest("POST", "/login", nil))
	return m, func(subject string) error {
		for range listSize {
			if _, err := m.Create(&discard{header: http.Header{}}, login, subject, alice); err != nil {
				return err
			}
		}
		return nil
	}, nil
}

// lists returns the benchmark of List, and its lower bound: to decode the data.
func lists() (list, bare func(n int), err error) {
	m, fill, err := manySessions()
	if err != nil {
		return nil, nil, err
	}
	for i := range listUsers {
		if err := fill(strconv.Itoa(i)); err != nil {
			return nil, nil, err
		}
	}
	text := guard.Must(json.Marshal(alice))
	at := 0
	list = func(n int) {
		for range n {
			at = (at + 1) % listUsers
			all, err := m.List(context.Background(), strconv.Itoa(at))
			check(err == nil && len(all) == listSize && all[0].Data() == alice, "List")
		}
	}
	return list, func(n int) {
		for range n {
			all := make([]*profile, listSize)
			for i := range all {
				all[i] = new(profile)
				check(json.Unmarshal(text, all[i]) == nil, "JSON")
			}
		}
	}, nil
}

// endings measures DestroyAll of 1,000 sessions, which cannot be repeated without as many
// logins, against as many deletions from a map of 32-byte keys. It returns the median
// of the ratios.
func endings() ([]Fact, error) {
	m, fill, err := manySessions()
	if err != nil {
		return nil, err
	}
	var took, bare, ratios []float64
	for range 21 {
		if err := fill("0"); err != nil {
			return nil, err
		}
		keys, deleting := make([][32]byte, listSize), map[[32]byte]*profile{}
		for i := range keys {
			_, _ = rand.Read(keys[i][:]) // never fails
			deleting[keys[i]] = new(profile)
		}
		begun := time.Now()
		n, err := m.DestroyAll(context.Background(), "0")
		ours := time.Since(begun)
		check(err == nil && n == listSize, "DestroyAll")
		begun = time.Now()
		for _, key := range keys {
			delete(deleting, key)
		}
		limit := time.Since(begun)
		took, bare = append(took, float64(ours.Nanoseconds())), append(bare, float64(limit.Nanoseconds()))
		ratios = append(ratios, float64(ours)/float64(limit))
	}
	for _, all := range [][]float64{took, bare, ratios} {
		slices.Sort(all)
	}
	return []Fact{
		{"guard: DestroyAll of 1,000", middle(took), "ns"},
		{"1,000 bare deletions", middle(bare), "ns"},
		{"guard: DestroyAll of 1,000, in times of 1,000 bare deletions", middle(ratios), ""},
	}, nil
}
