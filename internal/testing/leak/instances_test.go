package leak_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/apikey"
	"github.com/go-guard/guard/bearer"
	"github.com/go-guard/guard/clientip"
	"github.com/go-guard/guard/guardtest"
	"github.com/go-guard/guard/internal/testing/leak"
	"github.com/go-guard/guard/once"
	"github.com/go-guard/guard/owner"
	"github.com/go-guard/guard/owner/list"
	"github.com/go-guard/guard/ratelimit"
	"github.com/go-guard/guard/rbac"
	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/signin/password"
	"github.com/go-guard/guard/source"
)

type user struct{ Name string }

func ofSource(*testing.T) map[string]leak.Instance {
	return map[string]leak.Instance{"Source": {Value: source.Cookie("x")}}
}

// data is an application's, such as a token of another service.
type data struct{ Token string }

// transport has a secret of the application, and answers with it.
type transport struct{ secret, body string }

func (t transport) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(t.body))}, nil
}

func client(body string) *http.Client {
	return &http.Client{Transport: transport{string(leak.Secret("client", 40)), body}}
}

// aSecret is why options are Exposed.
const aSecret = "a guard.Secret is bytes where fmt calls no method, so that a []byte is assigned to it"

func ofGuard(t *testing.T) map[string]leak.Instance {
	a := guardtest.Authenticator[*user]()
	return map[string]leak.Instance{
		"Decision": {Value: guard.Decision{Package: "x", Subject: "1", Err: errors.New("x")}},
		"Error":    {Value: &guard.Error{Status: 401, Message: "x", Challenges: []string{"Bearer"}, Header: http.Header{"X": {"x"}}, Err: errors.New("x")}},
		"Mapped":   {Value: guard.Map(a, func(context.Context, *user) (user, bool, error) { return user{}, true, nil })},
		"Outcome":  {Value: guard.Allowed},
		"Scheme":   {Value: a.Scheme()},
		"Secret":   {Value: guard.Secret(leak.Secret("secret", 40)), Exposed: aSecret},
	}
}

func ofAPIKey(t *testing.T) map[string]leak.Instance {
	memory := guard.Must(apikey.NewMemory(nil))
	options := apikey.RingOptions{
		Store: memory, Pepper: leak.Secret("pepper", 40),
		OldPeppers: []guard.Secret{leak.Secret("old pepper", 40)},
	}
	ring := guard.Must(apikey.NewRing(&options))
	key, record, err := ring.Issue(t.Context(), apikey.Grant{Subject: "1", Name: "n"})
	if err != nil {
		t.Fatal(err)
	}
	entry, _, _ := memory.Load(t.Context(), record.ID)
	_, _, err = ring.Issue(t.Context(), apikey.Grant{Subject: key.Reveal() + "\xff"})
	mistakes, _ := errors.AsType[apikey.FieldErrors](err)
	whole := key.Reveal()
	keys := []string{whole, whole[len(whole)-30:]}
	lookup := func(context.Context, string) (user, bool, error) { return user{}, false, nil }
	return map[string]leak.Instance{
		"Digest":        {Value: apikey.DigestOf(whole), Secrets: keys, Digests: true},
		"Grant":         {Value: apikey.Grant{Subject: "1"}},
		"Key":           {Value: key, Secrets: keys},
		"Options":       {Value: apikey.Options{Sources: []source.Source{source.Header("X")}}},
		"Keys":          {Value: guard.Must(apikey.New(lookup, nil))},
		"MemoryOptions": {Value: apikey.MemoryOptions{}},
		"Memory":        {Value: memory, Secrets: keys, Digests: true},
		"Record":        {Value: record, Secrets: keys},
		"Entry":         {Value: entry, Secrets: keys, Digests: true},
		"RingOptions":   {Value: options, Exposed: aSecret},
		"Ring":          {Value: ring, Secrets: keys},
		"Rotation":      {Value: apikey.Rotation{From: entry.Digest, To: entry.Digest}, Secrets: keys, Digests: true},
		"PreviousKey":   {Value: apikey.PreviousKey{Digest: entry.Digest}, Secrets: keys, Digests: true},
		"Position":      {Value: apikey.Position{ID: record.ID}, Secrets: keys},
		"FieldError":    {Value: mistakes[0], Secrets: keys},
		"FieldErrors":   {Value: mistakes, Secrets: keys},
	}
}

func ofBearer(t *testing.T) map[string]leak.Instance {
	options := bearer.IntrospectorOptions{Cache: time.Hour, Client: client(`{"active":true,"sub":"1","jwt":"` + leak.Marker + `"}`)}
	in := guard.Must(bearer.NewIntrospector("https://as.test/i", "client", string(leak.Secret("secret", 40)), &options))
	i, found, err := in.Verify(t.Context(), string(leak.Secret("token", 40)))
	if !found || err != nil {
		t.Fatal(found, err)
	}
	metadata := bearer.ResourceMetadata{Resource: "https://api.test"}
	return map[string]leak.Instance{
		"Options":             {Value: bearer.Options{Realm: "x"}},
		"ScopesByOptions":     {Value: bearer.ScopesByOptions{MaxBodyBytes: 1}},
		"MCPMessage":          {Value: bearer.MCPMessage{Method: "x"}},
		"Tokens":              {Value: guard.Must(bearer.New(in.Verify, nil))},
		"Introspection":       {Value: i},
		"IntrospectorOptions": {Value: bearer.IntrospectorOptions{Audience: []string{"x"}}},
		"Introspector":        {Value: in, Digests: true},
		"ResourceMetadata":    {Value: metadata},
		"Metadata":            {Value: guard.Must(bearer.NewMetadata(metadata)), Digests: true}, // its document, which is public
	}
}

func ofGuardtest(t *testing.T) map[string]leak.Instance {
	var recorder guardtest.Recorder
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Authorization", "Bearer "+leak.Marker)
	tokens := guard.Must(bearer.New(func(context.Context, string) (user, bool, error) { return user{}, false, nil }, nil))
	recorder.Observe(tokens.Wrap(http.NotFoundHandler())).ServeHTTP(httptest.NewRecorder(), r)
	if len(recorder.Decisions()) != 1 {
		t.Fatal("nothing was recorded")
	}
	callers := guardtest.Callers{"bob": guardtest.Header("Authorization", leak.Marker)}
	return map[string]leak.Instance{
		"Recorder": {Value: &recorder},
		"Matrix":   {Value: guardtest.Matrix{Callers: callers}},
		"Callers":  {Value: callers},
		"Want":     {Value: guardtest.Want{}},
	}
}

func ofOnce(*testing.T) map[string]leak.Instance {
	m := guard.Must(once.NewMemory(nil))
	first, _ := m.Take(context.Background(), once.Key("purpose", leak.Marker), time.Now().Add(time.Hour))
	l, _, err := m.Acquire(context.Background(), once.Key("work"), time.Hour)
	if !first || err != nil {
		panic(err)
	}
	return map[string]leak.Instance{
		"MemoryOptions": {Value: once.MemoryOptions{}}, "Memory": {Value: m}, "Lease": {Value: l, Digests: true}, "State": {Value: once.First},
	}
}

func ofOwner(*testing.T) map[string]leak.Instance {
	load := func(*http.Request, user) (data, bool, error) { return data{leak.Marker}, true, nil }
	return map[string]leak.Instance{
		"Options":  {Value: owner.Options{}},
		"Resource": {Value: guard.Must(owner.New(load, nil))},
	}
}

func ofList(*testing.T) map[string]leak.Instance {
	column := list.NotNull("secret", func(d data) string { return leak.Marker })
	return map[string]leak.Instance{
		"Column":  {Value: column},
		"Rule":    {Value: list.Any(column.Is(leak.Marker), list.Not(column.In(leak.Marker, "x")))},
		"Dialect": {Value: list.SQLite},
	}
}

// remoteStore is a store of another process.
type remoteStore struct{ ratelimit.Store }

func ofRatelimit(t *testing.T) map[string]leak.Instance {
	memory := guard.Must(ratelimit.NewMemory(&ratelimit.MemoryOptions{Max: 8}))
	secret := leak.Secret("secret", 40)
	limit := ratelimit.Limit{Name: "n", Quota: 5, Window: time.Hour}
	options := ratelimit.Options{Store: remoteStore{memory}, Secret: secret, OnFailure: ratelimit.Fallback(memory)}
	limiter := guard.Must(ratelimit.New(limit, ratelimit.ByHeader("X-Plan"), &options))
	result := guard.Must(limiter.Take(t.Context(), leak.Marker, 1))
	reserved := httptest.NewRequest("POST", "/", nil)
	reserved.Header.Set("X-Plan", leak.Marker)
	reservation := guard.Must(limiter.Reserve(reserved, 1))
	loginOptions := ratelimit.LoginOptions{Store: remoteStore{memory}, Secret: secret}
	login := guard.Must(ratelimit.NewLogin(clientip.Direct(), &loginOptions))
	attempt := guard.Must(login.Attempt(httptest.NewRequest("POST", "/", nil), leak.Marker))
	attempt.Fail(t.Context()) // otherwise it ends while it is printed
	return map[string]leak.Instance{
		"Bucket":        {Value: guard.Must(ratelimit.NewBucket(1, 1))},
		"Failure":       {Value: options.OnFailure, Digests: true},
		"Headers":       {Value: ratelimit.Headers(0)},
		"Algorithm":     {Value: ratelimit.GCRA},
		"Calendar":      {Value: ratelimit.Daily(nil)},
		"Limit":         {Value: limit},
		"By":            {Value: ratelimit.By{Key: ratelimit.ByHeader("Org"), Limits: []ratelimit.Limit{limit}}},
		"Options":       {Value: options, Digests: true, Exposed: aSecret},
		"Limiter":       {Value: limiter, Digests: true},
		"Result":        {Value: result},
		"Reservation":   {Value: reservation, Digests: true},
		"LoginOptions":  {Value: loginOptions, Digests: true, Exposed: aSecret},
		"Login":         {Value: login, Digests: true},
		"Attempt":       {Value: attempt, Digests: true},
		"MemoryOptions": {Value: ratelimit.MemoryOptions{}},
		"Memory":        {Value: memory, Digests: true}, // tables of numbers
		"Take":          {Value: ratelimit.Take{Limit: limit, Key: "k"}},
		"State":         {Value: ratelimit.State{}},
		"Taken":         {Value: ratelimit.Taken{Take: ratelimit.Take{Limit: limit, Key: "k"}}},
	}
}

func ofRBAC(t *testing.T) map[string]leak.Instance {
	policy := guard.Must(rbac.New(rbac.Roles("admin"), func(user) string { return "admin" }, nil))
	ctx := context.WithValue(guard.WithPrincipal(t.Context(), user{"1"}), user{}, leak.Marker)
	return map[string]leak.Instance{
		"Granted":    {Value: policy.From(ctx)},
		"Membership": {Value: rbac.Membership{Roles: []string{"admin"}, Tenant: "1"}},
		"Options":    {Value: rbac.Options{}},
		"Policy":     {Value: policy},
		"Spec":       {Value: rbac.Roles("admin")},
		"Role":       {Value: rbac.Role[string]{}},
	}
}

func ofSession(t *testing.T) map[string]leak.Instance {
	memory := guard.Must(session.NewMemory(nil))
	manager := guard.Must(session.New[data](&session.Options{Store: memory}))
	w := httptest.NewRecorder()
	s := guard.Must(manager.Create(w, httptest.NewRequest("POST", "/", nil), "1", data{leak.Marker}, session.Ref(leak.Marker), session.Factors("pwd")))
	cookie := w.Result().Cookies()[0].Value
	records := guard.Must(memory.List(t.Context(), "1"))
	return map[string]leak.Instance{
		"DeviceOptions": {Value: session.DeviceOptions{Path: "/device"}},
		"Manager":       {Value: manager, Secrets: []string{cookie}, Digests: true},
		"MemoryOptions": {Value: session.MemoryOptions{}},
		"Memory":        {Value: memory, Secrets: []string{cookie}, Digests: true},
		"Options":       {Value: session.Options{Store: memory}, Secrets: []string{cookie}, Digests: true},
		"Session":       {Value: s, Secrets: []string{cookie}},
		"Key":           {Value: records[0].Key, Secrets: []string{cookie}, Digests: true},
		"ID":            {Value: records[0].ID},
		"Record":        {Value: session.Record{Key: records[0].Key, Subject: "1"}, Secrets: []string{cookie}, Digests: true},
	}
}

func ofPassword(t *testing.T) map[string]leak.Instance {
	options := password.Options{Memory: 7168}
	hasher := guard.Must(password.New(&options))
	if _, err := hasher.Hash(t.Context(), leak.Marker); err != nil {
		t.Fatal(err)
	}
	loginOptions := password.LoginOptions[data]{InsecureUnlimited: true, Hasher: hasher}
	encoded := guard.Must(hasher.Hash(t.Context(), leak.Marker))
	login := guard.Must(password.NewLogin(func(context.Context, string) (data, string, bool, error) {
		return data{leak.Marker}, encoded, true, nil
	}, &loginOptions))
	if _, err := login.Check(httptest.NewRequest("POST", "/", nil), "alice", leak.Marker); err != nil {
		t.Fatal(err)
	}
	deviceOptions := password.DeviceOptions{OldKeys: []guard.Secret{leak.Secret("old key", 40)}}
	devices := guard.Must(password.NewDevices(leak.Secret("key", 40), func(context.Context, string) (int64, error) { return 0, nil }, &deviceOptions))
	w := httptest.NewRecorder()
	if err := devices.Remember(w, httptest.NewRequest("POST", "/", nil), password.Device{Account: "alice", Subject: "1"}); err != nil {
		t.Fatal(err)
	}
	cookie := w.Result().Cookies()[0]
	r := httptest.NewRequest("POST", "/", nil)
	r.AddCookie(cookie)
	if _, found, _ := devices.Of(r, "alice"); !found {
		t.Fatal("the device is a stranger")
	}
	return map[string]leak.Instance{
		"Device":        {Value: password.Device{Account: "alice", Subject: "1"}},
		"DeviceOptions": {Value: deviceOptions, Exposed: aSecret},
		"Devices":       {Value: devices, Secrets: []string{cookie.Value}},

		"Options":      {Value: options},
		"Hasher":       {Value: hasher},
		"LoginOptions": {Value: loginOptions},
		"Login":        {Value: login, Secrets: []string{encoded}},
	}
}
