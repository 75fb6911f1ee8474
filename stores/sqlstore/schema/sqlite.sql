-- guard's tables for SQLite, schema version 1. Times are Unix milliseconds. Text
-- from outside is stored as bytes.

CREATE TABLE IF NOT EXISTS guard_sessions (
	subject   BLOB    NOT NULL,
	id        BLOB    NOT NULL,
	token     BLOB    NOT NULL UNIQUE, -- SHA-256 of the cookie's token
	created   INTEGER NOT NULL,
	last_seen INTEGER NOT NULL,
	deadline  INTEGER NOT NULL,
	revision  INTEGER NOT NULL,
	remember  INTEGER NOT NULL,
	data      BLOB    NOT NULL,
	PRIMARY KEY (subject, id)
) STRICT;
CREATE INDEX IF NOT EXISTS guard_sessions_deadline ON guard_sessions (deadline);

CREATE TABLE IF NOT EXISTS guard_families (
	subject    BLOB    NOT NULL,
	id         BLOB    NOT NULL,
	generation INTEGER NOT NULL,
	made       INTEGER NOT NULL, -- when the newest generation was issued
	expires    INTEGER NOT NULL,
	PRIMARY KEY (subject, id)
) STRICT;
CREATE INDEX IF NOT EXISTS guard_families_expires ON guard_families (expires);

CREATE TABLE IF NOT EXISTS guard_denied (
	id     BLOB    NOT NULL PRIMARY KEY, -- SHA-256 of the ID of a token or session
	denied INTEGER NOT NULL              -- end of the denial
) STRICT;
CREATE INDEX IF NOT EXISTS guard_denied_denied ON guard_denied (denied);

CREATE TABLE IF NOT EXISTS guard_api_keys (
	id             BLOB    NOT NULL PRIMARY KEY,
	subject        BLOB    NOT NULL,
	name           BLOB    NOT NULL,
	scopes         BLOB    NOT NULL, -- JSON
	networks       BLOB    NOT NULL, -- JSON
	last4          BLOB    NOT NULL,
	created        INTEGER NOT NULL,
	not_before     INTEGER NOT NULL, -- here and below, 0 means none
	expires        INTEGER NOT NULL,
	rotated        INTEGER NOT NULL,
	revoked        INTEGER NOT NULL,
	last_used      INTEGER NOT NULL,
	digest         BLOB    NOT NULL, -- SHA-256 or HMAC of the API key
	previous       BLOB    NOT NULL,
	previous_until INTEGER NOT NULL,
	forget_after   INTEGER NOT NULL  -- when the row may be deleted
) STRICT;
CREATE INDEX IF NOT EXISTS guard_api_keys_subject ON guard_api_keys (subject, created);
CREATE INDEX IF NOT EXISTS guard_api_keys_forget_after ON guard_api_keys (forget_after);
