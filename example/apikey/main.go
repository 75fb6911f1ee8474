// The apikey command manages the API keys that the example accepts at
// /apikey/protected, in the store that REDIS_URL or DATABASE_URL names. The latter
// needs a build with its drivers: go run -tags sql ./example/apikey
//
//	go run ./example/apikey issue -subject 1 -name laptop -scopes read -for 720h
//	go run ./example/apikey list -subject 1
//	go run ./example/apikey rotate -id ID -overlap 24h
//	go run ./example/apikey revoke -id ID
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/go-guard/guard/apikey"
	"github.com/go-guard/guard/example/backend"
)

func main() {
	if err := run(context.Background(), os.Args[1:], os.Getenv, os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "apikey:", err)
		os.Exit(1)
	}
}

const usage = "want one of: issue -subject S, rotate -id ID, revoke -id ID, list -subject S"

// run runs one command. A new key is written to stdout, and is not stored
// anywhere.
func run(ctx context.Context, args []string, getenv func(string) string, stdout io.Writer) error {
	if len(args) == 0 {
		return errors.New(usage)
	}
	command, defined := map[string]func(context.Context, *apikey.Ring, options, io.Writer) error{
		"issue": issue, "rotate": rotate, "revoke": revoke, "list": list,
	}[args[0]]
	if !defined {
		return fmt.Errorf("unknown command %q; %s", args[0], usage)
	}
	o, err := parse(args[0], args[1:])
	if err != nil {
		return err
	}
	stores, err := backend.Open(ctx, getenv)
	if err != nil {
		return err
	}
	defer stores.Close()
	if stores.APIKeys == nil {
		return errors.New("neither REDIS_URL nor DATABASE_URL is set: keys in memory would be lost when this process exits")
	}
	ring, err := apikey.NewRing(&apikey.RingOptions{Prefix: backend.KeyPrefix, Store: stores.APIKeys})
	if err != nil {
		return err
	}
	return command(ctx, ring, o, stdout)
}

type options struct {
	subject, id, name, scopes, nets string
	lifetime, overlap               time.Duration
}

func parse(command string, args []string) (o options, err error) {
	flags := flag.NewFlagSet("apikey "+command, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	switch command {
	case "issue":
		flags.StringVar(&o.subject, "subject", "", "the holder of the key, such as 1 for Alice")
		flags.StringVar(&o.name, "name", "", "a name for the subject to recognize it")
		flags.StringVar(&o.scopes, "scopes", "", "comma-separated")
		flags.StringVar(&o.nets, "nets", "", "comma-separated networks that the key is valid from")
		flags.DurationVar(&o.lifetime, "for", 0, "lifetime, such as 720h; 0: until it is revoked")
	case "list":
		flags.StringVar(&o.subject, "subject", "", "the holder of the keys")
	case "rotate":
		flags.StringVar(&o.id, "id", "", "the id of the key")
		flags.DurationVar(&o.overlap, "overlap", 0, "how long the old key remains valid")
	case "revoke":
		flags.StringVar(&o.id, "id", "", "the id of the key")
	}
	if err = flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		flags.SetOutput(os.Stderr)
		flags.Usage()
	}
	given := map[string]bool{}
	flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
	switch {
	case err != nil:
	case flags.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q; %s", flags.Arg(0), usage)
	case flags.Lookup("subject") != nil && o.subject == "":
		err = fmt.Errorf("%s needs -subject", command)
	case flags.Lookup("id") != nil && o.id == "":
		err = fmt.Errorf("%s needs -id, as list shows it", command)
	case given["scopes"] && len(fields(o.scopes)) == 0:
		err = errors.New("-scopes names none; omit it for a key without a scope limit")
	case given["nets"] && len(fields(o.nets)) == 0:
		err = errors.New("-nets names none; omit it for a key that is valid from anywhere")
	case o.lifetime < 0:
		err = fmt.Errorf("-for %v is negative", o.lifetime)
	}
	return o, err
}

func issue(ctx context.Context, ring *apikey.Ring, o options, stdout io.Writer) error {
	g := apikey.Grant{Subject: o.subject, Name: o.name, Scopes: fields(o.scopes)}
	if o.lifetime > 0 {
		g.ExpiresAt = time.Now().Add(o.lifetime)
	}
	for _, s := range fields(o.nets) {
		net, err := netip.ParsePrefix(s)
		if err != nil {
			return fmt.Errorf("-nets: %q is not a network such as 192.0.2.0/24", s)
		}
		g.Networks = append(g.Networks, net)
	}
	key, record, err := ring.Issue(ctx, g)
	if err != nil {
		return err
	}
	return show(stdout, key, record)
}

func rotate(ctx context.Context, ring *apikey.Ring, o options, stdout io.Writer) error {
	key, found, err := ring.Rotate(ctx, o.id, o.overlap)
	if err == nil && !found {
		err = fmt.Errorf("there is no valid key %q to rotate", o.id)
	}
	if err != nil {
		return err
	}
	record, _, err := ring.Load(ctx, o.id)
	if err != nil {
		return err
	}
	return show(stdout, key, record)
}

func revoke(ctx context.Context, ring *apikey.Ring, o options, stdout io.Writer) error {
	found, err := ring.Revoke(ctx, o.id)
	if err == nil && !found {
		err = fmt.Errorf("there is no key %q", o.id)
	}
	if err == nil {
		_, err = fmt.Fprintln(stdout, "revoked", o.id)
	}
	return err
}

func list(ctx context.Context, ring *apikey.Ring, o options, stdout io.Writer) error {
	records, err := ring.List(ctx, o.subject)
	if err != nil {
		return err
	}
	for _, r := range records {
		if err := json.NewEncoder(stdout).Encode(r); err != nil {
			return err
		}
	}
	return nil
}

// show prints a new key, which cannot be shown again.
func show(stdout io.Writer, key apikey.Key, record *apikey.Record) error {
	return json.NewEncoder(stdout).Encode(struct {
		Key    string         `json:"key"`
		Record *apikey.Record `json:"record"`
	}{key.Reveal(), record})
}

// fields splits a list at commas and spaces. Without elements it is nil.
func fields(s string) (list []string) {
	for f := range strings.FieldsFuncSeq(s, func(r rune) bool { return r == ',' || r == ' ' }) {
		list = append(list, f)
	}
	return list
}
