package main

// tables returns all tables, in the order in which they are printed.
func tables() []table {
	return []table{
		{name: "jwt, HS256", build: hs256, small: true},
		{name: "jwt, RS256", build: asymmetric("RS256"), small: true},
		{name: "jwt, ES256", build: asymmetric("ES256"), small: true},
		{name: "jwt, EdDSA", build: asymmetric("EdDSA"), small: true},
		{name: "jwt, refused", build: refusedTokens, small: true},
		{name: "token login", build: tokenLogin},
		{name: "token refresh", build: tokenRefresh},
		{name: "jwt, memory", build: jwtMemory},
		{name: "session", build: sessionGET, small: true},
		{name: "session, login", build: sessionLogin},
		{name: "session, memory", build: sessionMemory},
		{name: "ratelimit, one hot key", build: hotKey, small: true},
		{name: "ratelimit, refused", build: refusedKey, small: true},
		{name: "ratelimit, what ends with the request", build: endedRequests, small: true},
		{name: "ratelimit, many keys and all cores", build: manyKeys},
		{name: "ratelimit, memory", build: limiterMemory},
		{name: "rbac, gates", build: gates, small: true},
		{name: "rbac, tenants and scopes", build: tenantsAndScopes},
		{name: "rbac, decisions", build: decisions, small: true},
		{name: "apikey", build: apiKeys, small: true},
		{name: "apikey, memory", build: apiKeyMemory},
		{name: "a whole route", build: route, small: true},
		{name: "owner, does it exist", build: existence, waits: true},
		{name: "oauth", build: oauthSignIn, small: true},
		{name: "password", build: passwords},
		{name: "load over TCP", build: loadOverTCP},
		{name: "redis, session", build: redisSession, waits: true},
		{name: "redis, capacity", build: redisCapacity, waits: true},
		{name: "redis, logins", build: redisLogin, waits: true},
		{name: "redis, ratelimit", build: redisLimit, waits: true},
		{name: "redis, 20 ms away", build: distantRedis},
		{name: "postgresql, session", build: sqlSession, waits: true},
	}
}
