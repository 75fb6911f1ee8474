-- guard's tables for PostgreSQL, schema 1. Times are Unix milliseconds; names
-- that come from outside are bytes, so that no collation takes two for one.

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
	made       bigint NOT NULL, -- when the newest generation was
	expires    bigint NOT NULL,
	PRIMARY KEY (subject, id)
);
CREATE INDEX IF NOT EXISTS guard_families_expires ON guard_families (expires);

CREATE TABLE IF NOT EXISTS guard_denied (
	id     bytea  NOT NULL PRIMARY KEY, -- SHA-256 of the token's or login's id
	denied bigint NOT NULL              -- until when
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
	not_before     bigint NOT NULL, -- 0 here and below: none
	expires        bigint NOT NULL,
	rotated        bigint NOT NULL,
	revoked        bigint NOT NULL,
	last_used      bigint NOT NULL,
	digest         bytea  NOT NULL, -- SHA-256 of the key
	previous       bytea  NOT NULL,
	previous_until bigint NOT NULL,
	forget_after   bigint NOT NULL  -- when the row may be forgotten
);
CREATE INDEX IF NOT EXISTS guard_api_keys_subject ON guard_api_keys (subject, created);
CREATE INDEX IF NOT EXISTS guard_api_keys_forget_after ON guard_api_keys (forget_after);
