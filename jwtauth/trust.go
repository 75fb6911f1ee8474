package jwtauth

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Trust holds the settings of one issuer of a [Verifier]. For the own tokens of an
// [Issuer] see Issuer.Trust.
type Trust struct {
	// Issuer is the iss of its tokens. If empty, they have none, which is possible
	// for one issuer; with Discover, it is the discovered one.
	Issuer string
	// Keys verify its tokens.
	Keys KeySource

	// Audience and the fields below, except for the last, are as in [VerifierOptions].
	Audience            []string
	InsecureAnyAudience bool
	Types               []string
	Algorithms          []string
	Type                string
	Leeway              time.Duration
	MaxAge              time.Duration
	Require             map[string]string
	Denylist            Denylist
	Subject             func(claims map[string]any) string
	Prefix              string
	ScopesLimit         bool

	// InsecureSameSubjects accepts a further issuer without a Prefix: it can then
	// name any user of the others, which is right only where it names the same users
	// by the same subjects.
	InsecureSameSubjects bool
}

// trust returns the settings of the issuer of keys.
func (o *VerifierOptions) trust(keys KeySource) Trust {
	return Trust{
		Issuer: o.Issuer, Keys: keys, Audience: o.Audience, InsecureAnyAudience: o.InsecureAnyAudience,
		Types: o.Types, Algorithms: o.Algorithms, Type: o.Type, Leeway: o.Leeway, MaxAge: o.MaxAge, Require: o.Require, Denylist: o.Denylist,
		Subject: o.Subject, Prefix: o.Prefix, ScopesLimit: o.ScopesLimit,
	}
}

// clone returns a copy that shares nothing that can be changed.
func (t Trust) clone() Trust {
	t.Audience, t.Types, t.Require = slices.Clone(t.Audience), slices.Clone(t.Types), maps.Clone(t.Require)
	t.Algorithms = slices.Clone(t.Algorithms)
	return t
}

// given names the fields of t that are set, for an error.
func (t Trust) given() string {
	var names []string
	for f, v := range reflect.ValueOf(t).Fields() {
		if !v.IsZero() {
			names = append(names, f.Name)
		}
	}
	return strings.Join(names, ", ")
}

// Trust returns the settings of the Issuer for a [Verifier] that accepts its tokens
// beside those of other issuers: its keys, name, audience, types, type, leeway,
// denylist and ScopesLimit. Scopes, and what is about requests, belong to that Verifier.
func (i *Issuer[C]) Trust() Trust { return i.verifier.issuers[0].Trust.clone() }
