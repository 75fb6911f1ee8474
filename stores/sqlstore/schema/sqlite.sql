-- guard's tables for SQLite, schema version 1. Times are Unix milliseconds. Text
-- from outside is stored as bytes.

CREATE TABLE IF NOT EXISTS guard_schema (version INTEGER NOT NULL PRIMARY KEY) STRICT;

CREATE TABLE IF NOT EXISTS guard_sessions (
	subject   BLOB    NOT NULL,
	id        BLOB    NOT NULL,
	token     BLOB    NOT NULL UNIQUE, -- 8 bytes of the subject's SHA-256, 24 of that of the cookie's token
	created   INTEGER NOT NULL,
	last_seen INTEGER NOT NULL,
	deadline  INTEGER NOT NULL,
	revision  INTEGER NOT NULL,
	login     BLOB    NOT NULL, -- how the subject signed in, or empty
	ref       BLOB    NOT NULL, -- the identity provider's name of the login, or empty
	data      BLOB    NOT NULL,
	device      BLOB,    -- the key that the session is bound to, or null
	device_step INTEGER, -- when the device's last refresh was challenged, or null
	PRIMARY KEY (subject, id)
) STRICT;
CREATE INDEX IF NOT EXISTS guard_sessions_deadline ON guard_sessions (deadline);
CREATE INDEX IF NOT EXISTS guard_sessions_ref ON guard_sessions (ref) WHERE ref <> x'';

CREATE TABLE IF NOT EXISTS guard_forwards (
	token   BLOB    NOT NULL PRIMARY KEY, -- of a session before a rotation
	subject BLOB    NOT NULL,
	id      BLOB    NOT NULL,
	expires INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS guard_forwards_expires ON guard_forwards (expires);

CREATE TABLE IF NOT EXISTS guard_epochs (
	id           BLOB    NOT NULL PRIMARY KEY, -- SHA-256 of "s" and a subject, of "r" or "f" and the ref of a session or family, or of "k", a ring and a subject
	epoch        INTEGER NOT NULL,             -- when all logins were ended, or the ref; 0 if they were not
	forget_after INTEGER NOT NULL              -- when the row may be deleted
) STRICT;
CREATE INDEX IF NOT EXISTS guard_epochs_forget_after ON guard_epochs (forget_after);

CREATE TABLE IF NOT EXISTS guard_families (
	subject    BLOB    NOT NULL, -- 16 letters for the issuer, then its subject
	id         BLOB    NOT NULL,
	generation INTEGER NOT NULL, -- the newest, or 0 if the family has ended
	made       INTEGER NOT NULL, -- when the newest generation was issued
	earlier    TEXT    NOT NULL, -- when earlier ones were, the last first, each with a comma
	expires    INTEGER NOT NULL, -- or until when an ended family is listed
	login      BLOB    NOT NULL, -- JSON, or empty
	ref        BLOB    NOT NULL, -- 16 letters for the issuer, then the identity provider's name of the login; or empty
	PRIMARY KEY (subject, id)
) STRICT;
CREATE INDEX IF NOT EXISTS guard_families_expires ON guard_families (expires);
CREATE INDEX IF NOT EXISTS guard_families_ref ON guard_families (ref) WHERE ref <> x'';

CREATE TABLE IF NOT EXISTS guard_denied (
	id     BLOB    NOT NULL PRIMARY KEY, -- SHA-256 of the ID of a token or session
	denied INTEGER NOT NULL              -- end of the denial
) STRICT;
CREATE INDEX IF NOT EXISTS guard_denied_denied ON guard_denied (denied);

CREATE TABLE IF NOT EXISTS guard_once (
	id      BLOB    NOT NULL PRIMARY KEY, -- a key of package once
	holder  BLOB    NOT NULL, -- of the lease, or empty
	step    INTEGER NOT NULL, -- -1 while it is leased, 9223372036854775807 if it is done
	expires INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS guard_once_expires ON guard_once (expires);

CREATE TABLE IF NOT EXISTS guard_api_keys (
	id           BLOB    NOT NULL PRIMARY KEY,
	ring         BLOB    NOT NULL, -- the prefix and env of the API key
	subject      BLOB    NOT NULL,
	name         BLOB    NOT NULL,
	scopes       BLOB    NOT NULL, -- JSON
	networks     BLOB    NOT NULL, -- JSON
	metadata     BLOB    NOT NULL, -- JSON
	last4        BLOB    NOT NULL,
	created      INTEGER NOT NULL,
	not_before   INTEGER NOT NULL, -- here and below, 0 means none
	expires      INTEGER NOT NULL,
	rotated      INTEGER NOT NULL,
	revoked      INTEGER NOT NULL,
	last_used    INTEGER NOT NULL,
	max_uses     INTEGER NOT NULL,
	uses         INTEGER NOT NULL,
	digest       BLOB    NOT NULL, -- SHA-256 or HMAC of the API key
	in_use       INTEGER NOT NULL, -- 1 if that API key has been used
	previous     BLOB    NOT NULL, -- 32 bytes for the digest of each earlier one, and 8 for its end
	revision     INTEGER NOT NULL, -- how often the record was updated
	forget_after INTEGER NOT NULL  -- when the row may be deleted
) STRICT;
CREATE INDEX IF NOT EXISTS guard_api_keys_subject ON guard_api_keys (ring, subject, forget_after);
CREATE INDEX IF NOT EXISTS guard_api_keys_created ON guard_api_keys (ring, created, id);
CREATE INDEX IF NOT EXISTS guard_api_keys_forget_after ON guard_api_keys (forget_after);

CREATE TABLE IF NOT EXISTS guard_counts (
	id           BLOB    NOT NULL PRIMARY KEY, -- 16 bytes of the SHA-256 of the key and what identifies its limit
	state        BLOB    NOT NULL,             -- the units that count, and when each of them expires
	forget_after INTEGER NOT NULL              -- when the row may be deleted
) STRICT;
CREATE INDEX IF NOT EXISTS guard_counts_forget_after ON guard_counts (forget_after);

CREATE TABLE IF NOT EXISTS guard_passkey_users (
	subject     BLOB    NOT NULL PRIMARY KEY,
	user_handle BLOB    NOT NULL,
	created     INTEGER NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS guard_passkeys (
	id              BLOB    NOT NULL PRIMARY KEY, -- here and below, base64url is stored as its text
	subject         BLOB    NOT NULL,
	user_handle     BLOB    NOT NULL,
	public_key      BLOB    NOT NULL, -- a COSE key
	sign_count      INTEGER NOT NULL,
	backup_eligible INTEGER NOT NULL,
	backed_up       INTEGER NOT NULL,
	transports      BLOB    NOT NULL, -- words, with a space between
	aaguid          BLOB    NOT NULL,
	name            BLOB    NOT NULL,
	created         INTEGER NOT NULL,
	last_used       INTEGER NOT NULL, -- 0 before the first sign-in
	revision        INTEGER NOT NULL  -- how often the row was updated
) STRICT;
CREATE INDEX IF NOT EXISTS guard_passkeys_subject ON guard_passkeys (subject, created);

-- The last statement: all tables exist.
INSERT INTO guard_schema (version) VALUES (1) ON CONFLICT DO NOTHING;
