-- guard's tables for PostgreSQL, schema version 1. Times are Unix milliseconds.
-- Text from outside is stored as bytes, so that no collation treats two different
-- values as equal.

CREATE TABLE IF NOT EXISTS guard_sessions (
	subject   bytea    NOT NULL,
	id        bytea    NOT NULL,
	token     bytea    NOT NULL UNIQUE, -- SHA-256 of the cookie's token
	created   bigint   NOT NULL,
	last_seen bigint   NOT NULL,
	deadline  bigint   NOT NULL,
	revision  bigint   NOT NULL,
	remember  smallint NOT NULL,
	data      bytea    NOT NULL,
	PRIMARY KEY (subject, id)
);
CREATE INDEX IF NOT EXISTS guard_sessions_deadline ON guard_sessions (deadline);

CREATE TABLE IF NOT EXISTS guard_families (
	subject    bytea  NOT NULL,
	id         bytea  NOT NULL,
	generation bigint NOT NULL,
	made       bigint NOT NULL, -- when the newest generation was issued
	expires    bigint NOT NULL,
	PRIMARY KEY (subject, id)
);
CREATE INDEX IF NOT EXISTS guard_families_expires ON guard_families (expires);

CREATE TABLE IF NOT EXISTS guard_denied (
	id     bytea  NOT NULL PRIMARY KEY, -- SHA-256 of the ID of a token or session
	denied bigint NOT NULL              -- end of the denial
);
CREATE INDEX IF NOT EXISTS guard_denied_denied ON guard_denied (denied);

CREATE TABLE IF NOT EXISTS guard_api_keys (
	id             bytea  NOT NULL PRIMARY KEY,
	subject        bytea  NOT NULL,
	name           bytea  NOT NULL,
	scopes         bytea  NOT NULL, -- JSON
	networks       bytea  NOT NULL, -- JSON
	last4          bytea  NOT NULL,
	created        bigint NOT NULL,
	not_before     bigint NOT NULL, -- here and below, 0 means none
	expires        bigint NOT NULL,
	rotated        bigint NOT NULL,
	revoked        bigint NOT NULL,
	last_used      bigint NOT NULL,
	digest         bytea  NOT NULL, -- SHA-256 or HMAC of the API key
	previous       bytea  NOT NULL,
	previous_until bigint NOT NULL,
	forget_after   bigint NOT NULL  -- when the row may be deleted
);
CREATE INDEX IF NOT EXISTS guard_api_keys_subject ON guard_api_keys (subject, created);
CREATE INDEX IF NOT EXISTS guard_api_keys_forget_after ON guard_api_keys (forget_after);
