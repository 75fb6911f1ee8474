-- guard's tables for PostgreSQL, schema version 1. Times are Unix milliseconds.
-- Text from outside is stored as bytes, so that no collation treats two different
-- values as equal.

CREATE TABLE IF NOT EXISTS guard_schema (version integer NOT NULL PRIMARY KEY);

CREATE TABLE IF NOT EXISTS guard_sessions (
	subject   bytea  NOT NULL,
	id        bytea  NOT NULL,
	token     bytea  NOT NULL UNIQUE, -- 8 bytes of the subject's SHA-256, 24 of that of the cookie's token
	created   bigint NOT NULL,
	last_seen bigint NOT NULL,
	deadline  bigint NOT NULL,
	revision  bigint NOT NULL,
	login     bytea  NOT NULL, -- how the subject signed in, or empty
	ref       bytea  NOT NULL, -- the identity provider's name of the login, or empty
	data      bytea  NOT NULL,
	device      bytea,  -- the key that the session is bound to, or null
	device_step bigint, -- when the device's last refresh was challenged, or null
	PRIMARY KEY (subject, id)
);
CREATE INDEX IF NOT EXISTS guard_sessions_deadline ON guard_sessions (deadline);
CREATE INDEX IF NOT EXISTS guard_sessions_ref ON guard_sessions (ref) WHERE ref <> '';

CREATE TABLE IF NOT EXISTS guard_forwards (
	token   bytea  NOT NULL PRIMARY KEY, -- of a session before a rotation
	subject bytea  NOT NULL,
	id      bytea  NOT NULL,
	expires bigint NOT NULL
);
CREATE INDEX IF NOT EXISTS guard_forwards_expires ON guard_forwards (expires);

CREATE TABLE IF NOT EXISTS guard_epochs (
	id           bytea  NOT NULL PRIMARY KEY, -- SHA-256 of "s" and a subject, of "r" or "f" and the ref of a session or family, or of "k", a ring and a subject
	epoch        bigint NOT NULL,             -- when all logins were ended, or the ref; 0 if they were not
	forget_after bigint NOT NULL              -- when the row may be deleted
);
CREATE INDEX IF NOT EXISTS guard_epochs_forget_after ON guard_epochs (forget_after);

CREATE TABLE IF NOT EXISTS guard_families (
	subject    bytea  NOT NULL, -- 16 letters for the issuer, then its subject
	id         bytea  NOT NULL,
	generation bigint NOT NULL, -- the newest, or 0 if the family has ended
	made       bigint NOT NULL, -- when the newest generation was issued
	earlier    text   NOT NULL, -- when earlier ones were, the last first, each with a comma
	expires    bigint NOT NULL, -- or until when an ended family is listed
	login      bytea  NOT NULL, -- JSON, or empty
	ref        bytea  NOT NULL, -- 16 letters for the issuer, then the identity provider's name of the login; or empty
	PRIMARY KEY (subject, id)
);
CREATE INDEX IF NOT EXISTS guard_families_expires ON guard_families (expires);
CREATE INDEX IF NOT EXISTS guard_families_ref ON guard_families (ref) WHERE ref <> '';

CREATE TABLE IF NOT EXISTS guard_denied (
	id     bytea  NOT NULL PRIMARY KEY, -- SHA-256 of the ID of a token or session
	denied bigint NOT NULL              -- end of the denial
);
CREATE INDEX IF NOT EXISTS guard_denied_denied ON guard_denied (denied);

CREATE TABLE IF NOT EXISTS guard_once (
	id      bytea  NOT NULL PRIMARY KEY, -- a key of package once
	holder  bytea  NOT NULL, -- of the lease, or empty
	step    bigint NOT NULL, -- -1 while it is leased, 9223372036854775807 if it is done
	expires bigint NOT NULL
);
CREATE INDEX IF NOT EXISTS guard_once_expires ON guard_once (expires);

CREATE TABLE IF NOT EXISTS guard_api_keys (
	id           bytea    NOT NULL PRIMARY KEY,
	ring         bytea    NOT NULL, -- the prefix and env of the API key
	subject      bytea    NOT NULL,
	name         bytea    NOT NULL,
	scopes       bytea    NOT NULL, -- JSON
	networks     bytea    NOT NULL, -- JSON
	metadata     bytea    NOT NULL, -- JSON
	last4        bytea    NOT NULL,
	created      bigint   NOT NULL,
	not_before   bigint   NOT NULL, -- here and below, 0 means none
	expires      bigint   NOT NULL,
	rotated      bigint   NOT NULL,
	revoked      bigint   NOT NULL,
	last_used    bigint   NOT NULL,
	max_uses     bigint   NOT NULL,
	uses         bigint   NOT NULL,
	digest       bytea    NOT NULL, -- SHA-256 or HMAC of the API key
	in_use       smallint NOT NULL, -- 1 if that API key has been used
	previous     bytea    NOT NULL, -- 32 bytes for the digest of each earlier one, and 8 for its end
	revision     bigint   NOT NULL, -- how often the record was updated
	forget_after bigint   NOT NULL  -- when the row may be deleted
);
CREATE INDEX IF NOT EXISTS guard_api_keys_subject ON guard_api_keys (ring, subject, forget_after);
CREATE INDEX IF NOT EXISTS guard_api_keys_created ON guard_api_keys (ring, created, id);
CREATE INDEX IF NOT EXISTS guard_api_keys_forget_after ON guard_api_keys (forget_after);

-- Half of each page is free, so that updates stay in their page.
CREATE TABLE IF NOT EXISTS guard_counts (
	id           bytea  NOT NULL PRIMARY KEY, -- 16 bytes of the SHA-256 of the key and what identifies its limit
	state        bytea  NOT NULL,             -- the units that count, and when each of them expires
	forget_after bigint NOT NULL              -- when the row may be deleted
) WITH (fillfactor = 50);
CREATE INDEX IF NOT EXISTS guard_counts_forget_after ON guard_counts (forget_after);

CREATE TABLE IF NOT EXISTS guard_passkey_users (
	subject     bytea  NOT NULL PRIMARY KEY,
	user_handle bytea  NOT NULL,
	created     bigint NOT NULL
);

CREATE TABLE IF NOT EXISTS guard_passkeys (
	id              bytea    NOT NULL PRIMARY KEY, -- here and below, base64url is stored as its text
	subject         bytea    NOT NULL,
	user_handle     bytea    NOT NULL,
	public_key      bytea    NOT NULL, -- a COSE key
	sign_count      bigint   NOT NULL,
	backup_eligible smallint NOT NULL,
	backed_up       smallint NOT NULL,
	transports      bytea    NOT NULL, -- words, with a space between
	aaguid          bytea    NOT NULL,
	name            bytea    NOT NULL,
	created         bigint   NOT NULL,
	last_used       bigint   NOT NULL, -- 0 before the first sign-in
	revision        bigint   NOT NULL  -- how often the row was updated
);
CREATE INDEX IF NOT EXISTS guard_passkeys_subject ON guard_passkeys (subject, created);

-- The last statement: all tables exist.
INSERT INTO guard_schema (version) VALUES (1) ON CONFLICT DO NOTHING;
