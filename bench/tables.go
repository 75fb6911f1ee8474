package main

// tables are the comparisons, in the order in which they are printed.
func tables() []table {
	return []table{
		{"jwt, HS256", hs256},
		{"jwt, RS256", asymmetric("RS256")},
		{"jwt, ES256", asymmetric("ES256")},
		{"jwt, EdDSA", asymmetric("EdDSA")},
		{"jwt, refused", refusals},
		{"session", sessionGET},
		{"session, memory", sessionMemory},
		{"ratelimit, one hot key", hotKey},
		{"ratelimit, refused", refusedKey},
		{"ratelimit, many keys and all cores", manyKeys},
		{"ratelimit, memory", limiterMemory},
		{"rbac", policies},
		{"apikey", apiKeys},
		{"apikey, memory", apiKeyMemory},
		{"a whole route", route},
		{"password", passwords},
		{"load over TCP", overTCP},
		{"redis, session", redisSession},
		{"redis, ratelimit", redisLimit},
	}
}
