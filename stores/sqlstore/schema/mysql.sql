-- guard's tables for MySQL and MariaDB, schema version 1. Times are Unix
-- milliseconds. Text from outside is stored as bytes, so that no collation treats
-- two different values as equal.

CREATE TABLE IF NOT EXISTS guard_schema (version INTEGER NOT NULL PRIMARY KEY) ENGINE=InnoDB;

CREATE TABLE IF NOT EXISTS guard_sessions (
	subject   VARBINARY(255) NOT NULL,
	id        BINARY(12)     NOT NULL,
	token     BINARY(32)     NOT NULL, -- 8 bytes of the subject's SHA-256, 24 of that of the cookie's token
	created   BIGINT         NOT NULL,
	last_seen BIGINT         NOT NULL,
	deadline  BIGINT         NOT NULL,
	revision  BIGINT         NOT NULL,
	login     VARBINARY(255) NOT NULL, -- how the subject signed in, or empty
	ref       VARBINARY(255) NOT NULL, -- the identity provider's name of the login, or empty
	data      MEDIUMBLOB     NOT NULL,
	device      VARBINARY(255), -- the key that the session is bound to, or null
	device_step BIGINT,         -- when the device's last refresh was challenged, or null
	PRIMARY KEY (subject, id),
	UNIQUE KEY guard_sessions_token (token),
	KEY guard_sessions_deadline (deadline),
	KEY guard_sessions_ref (ref)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC;

CREATE TABLE IF NOT EXISTS guard_forwards (
	token   BINARY(32)     NOT NULL PRIMARY KEY, -- of a session before a rotation
	subject VARBINARY(255) NOT NULL,
	id      BINARY(12)     NOT NULL,
	expires BIGINT         NOT NULL,
	KEY guard_forwards_expires (expires)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC;

CREATE TABLE IF NOT EXISTS guard_epochs (
	id           BINARY(32) NOT NULL PRIMARY KEY, -- SHA-256 of "s" and a subject, of "r" or "f" and the ref of a session or family, or of "k", a ring and a subject
	epoch        BIGINT     NOT NULL,             -- when all logins were ended, or the ref; 0 if they were not
	forget_after BIGINT     NOT NULL,             -- when the row may be deleted
	KEY guard_epochs_forget_after (forget_after)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC;

CREATE TABLE IF NOT EXISTS guard_families (
	subject    VARBINARY(1040) NOT NULL, -- 16 letters for the issuer, then its subject
	id         VARBINARY(32)   NOT NULL,
	generation BIGINT          NOT NULL, -- the newest, or 0 if the family has ended
	made       BIGINT          NOT NULL, -- when the newest generation was issued
	earlier    VARBINARY(255)  NOT NULL, -- when earlier ones were, the last first, each with a comma
	expires    BIGINT          NOT NULL, -- or until when an ended family is listed
	login      BLOB            NOT NULL, -- JSON, or empty
	ref        VARBINARY(271)  NOT NULL, -- 16 letters for the issuer, then the identity provider's name of the login; or empty
	PRIMARY KEY (subject, id),
	KEY guard_families_expires (expires),
	KEY guard_families_ref (ref)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC;

CREATE TABLE IF NOT EXISTS guard_denied (
	id     BINARY(32) NOT NULL PRIMARY KEY, -- SHA-256 of the ID of a token or session
	denied BIGINT     NOT NULL,             -- end of the denial
	KEY guard_denied_denied (denied)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC;

CREATE TABLE IF NOT EXISTS guard_once (
	id      BINARY(32)    NOT NULL PRIMARY KEY, -- a key of package once
	holder  VARBINARY(12) NOT NULL, -- of the lease, or empty
	step    BIGINT        NOT NULL, -- -1 while it is leased, 9223372036854775807 if it is done
	expires BIGINT        NOT NULL,
	KEY guard_once_expires (expires)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC;

CREATE TABLE IF NOT EXISTS guard_api_keys (
	id           VARBINARY(64)   NOT NULL PRIMARY KEY,
	ring         VARBINARY(33)   NOT NULL, -- the prefix and env of the API key
	subject      VARBINARY(1024) NOT NULL,
	name         MEDIUMBLOB      NOT NULL,
	scopes       MEDIUMBLOB      NOT NULL, -- JSON
	networks     MEDIUMBLOB      NOT NULL, -- JSON
	metadata     MEDIUMBLOB      NOT NULL, -- JSON
	last4        VARBINARY(16)   NOT NULL,
	created      BIGINT          NOT NULL,
	not_before   BIGINT          NOT NULL, -- here and below, 0 means none
	expires      BIGINT          NOT NULL,
	rotated      BIGINT          NOT NULL,
	revoked      BIGINT          NOT NULL,
	last_used    BIGINT          NOT NULL,
	max_uses     BIGINT          NOT NULL,
	uses         BIGINT          NOT NULL,
	digest       BINARY(32)      NOT NULL, -- SHA-256 or HMAC of the API key
	in_use       TINYINT         NOT NULL, -- 1 if that API key has been used
	previous     VARBINARY(4000) NOT NULL, -- 32 bytes for the digest of each earlier one, and 8 for its end
	revision     BIGINT          NOT NULL, -- how often the record was updated
	forget_after BIGINT          NOT NULL, -- when the row may be deleted
	KEY guard_api_keys_subject (ring, subject, forget_after),
	KEY guard_api_keys_created (ring, created, id),
	KEY guard_api_keys_forget_after (forget_after)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC;

CREATE TABLE IF NOT EXISTS guard_counts (
	id           BINARY(16) NOT NULL PRIMARY KEY, -- of the SHA-256 of the key and what identifies its limit
	state        MEDIUMBLOB NOT NULL,             -- the units that count, and when each of them expires
	forget_after BIGINT     NOT NULL,             -- when the row may be deleted
	KEY guard_counts_forget_after (forget_after)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC;

CREATE TABLE IF NOT EXISTS guard_passkey_users (
	subject     VARBINARY(255) NOT NULL PRIMARY KEY,
	user_handle VARBINARY(86)  NOT NULL,
	created     BIGINT         NOT NULL
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC;

CREATE TABLE IF NOT EXISTS guard_passkeys (
	id              VARBINARY(1364) NOT NULL PRIMARY KEY, -- here and below, base64url is stored as its text
	subject         VARBINARY(255)  NOT NULL,
	user_handle     VARBINARY(86)   NOT NULL,
	public_key      VARBINARY(1500) NOT NULL, -- a COSE key
	sign_count      BIGINT          NOT NULL,
	backup_eligible TINYINT         NOT NULL,
	backed_up       TINYINT         NOT NULL,
	transports      VARBINARY(135)  NOT NULL, -- words, with a space between
	aaguid          VARBINARY(36)   NOT NULL,
	name            VARBINARY(64)   NOT NULL,
	created         BIGINT          NOT NULL,
	last_used       BIGINT          NOT NULL, -- 0 before the first sign-in
	revision        BIGINT          NOT NULL, -- how often the row was updated
	KEY guard_passkeys_subject (subject, created)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC;

-- The last statement: all tables exist.
INSERT IGNORE INTO guard_schema (version) VALUES (1);
