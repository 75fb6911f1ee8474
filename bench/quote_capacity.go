package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

const capacityTable, loginsTable = "redis, capacity", "redis, logins"

// capacity is the table of docs/many-processes.md: what an entry takes in Redis, and what
// the steps with it cost there.
func capacity(g *reading) string {
	var out strings.Builder
	out.WriteString("| entry | bytes in Redis | step | µs of Redis | a second and core |\n|---|---|---|---|---|\n")
	for _, line := range []struct{ entry, size, step, cost string }{
		{"a session with about 40 bytes of data", "a session", "a login", "a login with a session"},
		{"", "", "a GET", "a GET with a session"},
		{"a login with refresh tokens", "a refresh family", "a login", "a login with refresh tokens"},
		{"", "", "a refresh", "a refresh"},
		{"a denied token", "a denied token", "a denial", "a denial"},
		{"", "", "a check of a token", "a denylist check"},
		{"an API key with two scopes", "an API key", "an issue", "an issue of an API key"},
		{"a count of 5 in 15 minutes", "a count of 5", "a take", "a take of 5 in 15 minutes"},
		{"a count of 100 a minute", "a count of 100", "a take", "a take of 100 a minute"},
	} {
		size := ""
		if line.size != "" {
			size = number(math.Round(g.fact(capacityTable, "bytes "+line.size)))
		}
		fmt.Fprintf(&out, "| %s | %s | %s | %s | %s |\n", line.entry, size, line.step,
			number(significant(g.fact(capacityTable, line.cost+": CPU in Redis"), 2)),
			thousands(significant(g.fact(capacityTable, line.cost+": a second and core of Redis"), 2)))
	}
	return out.String()
}

// thousands formats an integer with a comma before its last three digits.
func thousands(v float64) string {
	digits := strconv.FormatFloat(v, 'f', 0, 64)
	if n := len(digits) - 3; n > 0 {
		return digits[:n] + "," + digits[n:]
	}
	return digits
}

// logins compares the costs of logins.
func logins(g *reading) string {
	line := func(what, fact, other string) string {
		return fmt.Sprintf("| %s | %s |\n", what, proportion(g.fact(loginsTable, fact), other))
	}
	return "| a login with | in proportion to |\n|---|---|\n" +
		line("a session", "guard: a session, in times of scs with an index by subject", `scs with a set of each subject's tokens, for "log out everywhere"`) +
		line("a session", "guard: a session, in times of scs alone: no logging out everywhere", "scs alone, which sends one SET") +
		line("refresh tokens", "guard: a pair, in times of golang-jwt by hand: a pair", "golang-jwt with such a set by hand")
}

// tenMillion is what ten million sessions in Redis need.
func tenMillion(g *reading) string {
	gigabytes := func(table, fact string) string { return number(significant(g.fact(table, fact)*1e7/1e9, 2)) }
	gets := significant(g.fact(capacityTable, "a GET with a session: a second and core of Redis"), 2)
	return "- " + gigabytes(capacityTable, "bytes a session") + " GB of memory with `hash-max-listpack-value 512`, or " +
		gigabytes("redis, session", "guard: the same where hash-max-listpack-value is 64") + " GB with the default of 64.\n" +
		"- One core for " + thousands(gets) + " GETs a second: from every session one in " + number(significant(1e7/gets, 2)) + " seconds.\n"
}
