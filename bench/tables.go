package main

// tables are the comparisons, in the order in which they are printed.
func tables() []table {
	return []table{
		{name: "jwt, HS256", build: hs256},
		{name: "jwt, RS256", build: asymmetric("RS256")},
		{name: "jwt, ES256", build: asymmetric("ES256")},
		{name: "jwt, EdDSA", build: asymmetric("EdDSA")},
		{name: "jwt, refused", build: refusals},
		{name: "session", build: sessionGET},
		{name: "session, memory", build: sessionMemory},
		{name: "ratelimit, one hot key", build: hotKey},
		{name: "ratelimit, refused", build: refusedKey},
		{name: "ratelimit, many keys and all cores", build: manyKeys},
		{name: "ratelimit, memory", build: limiterMemory},
		{name: "rbac, gates", build: gates},
		{name: "rbac, decisions", build: decisions},
		{name: "apikey", build: apiKeys},
		{name: "apikey, memory", build: apiKeyMemory},
		{name: "a whole route", build: route},
		{name: "owner, does it exist", build: existence, waits: true},
		{name: "password", build: passwords},
		{name: "load over TCP", build: overTCP},
		{name: "redis, session", build: redisSession, waits: true},
		{name: "redis, ratelimit", build: redisLimit, waits: true},
	}
}
