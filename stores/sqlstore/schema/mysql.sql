-- guard's tables for MySQL and MariaDB, schema version 1. Times are Unix
-- milliseconds. Text from outside is stored as bytes, so that no collation treats
-- two different values as equal.

CREATE TABLE IF NOT EXISTS guard_sessions (
	subject   VARBINARY(255) NOT NULL,
	id        BINARY(12)     NOT NULL,
	token     BINARY(32)     NOT NULL, -- SHA-256 of the cookie's token
	created   BIGINT         NOT NULL,
	last_seen BIGINT         NOT NULL,
	deadline  BIGINT         NOT NULL,
	revision  BIGINT         NOT NULL,
	remember  SMALLINT       NOT NULL,
	data      MEDIUMBLOB     NOT NULL,
	PRIMARY KEY (subject, id),
	UNIQUE KEY guard_sessions_token (token),
	KEY guard_sessions_deadline (deadline)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC;

CREATE TABLE IF NOT EXISTS guard_families (
	subject    VARBINARY(1024) NOT NULL,
	id         VARBINARY(32)   NOT NULL,
	generation BIGINT          NOT NULL,
	made       BIGINT          NOT NULL, -- when the newest generation was issued
	expires    BIGINT          NOT NULL,
	PRIMARY KEY (subject, id),
	KEY guard_families_expires (expires)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC;

CREATE TABLE IF NOT EXISTS guard_denied (
	id     BINARY(32) NOT NULL PRIMARY KEY, -- SHA-256 of the ID of a token or session
	denied BIGINT     NOT NULL,             -- end of the denial
	KEY guard_denied_denied (denied)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC;

CREATE TABLE IF NOT EXISTS guard_api_keys (
	id             VARBINARY(64)   NOT NULL PRIMARY KEY,
	subject        VARBINARY(1024) NOT NULL,
	name           MEDIUMBLOB      NOT NULL,
	scopes         MEDIUMBLOB      NOT NULL, -- JSON
	networks       MEDIUMBLOB      NOT NULL, -- JSON
	last4          VARBINARY(16)   NOT NULL,
	created        BIGINT          NOT NULL,
	not_before     BIGINT          NOT NULL, -- here and below, 0 means none
	expires        BIGINT          NOT NULL,
	rotated        BIGINT          NOT NULL,
	revoked        BIGINT          NOT NULL,
	last_used      BIGINT          NOT NULL,
	digest         BINARY(32)      NOT NULL, -- SHA-256 or HMAC of the API key
	previous       BINARY(32)      NOT NULL,
	previous_until BIGINT          NOT NULL,
	forget_after   BIGINT          NOT NULL, -- when the row may be deleted
	KEY guard_api_keys_subject (subject, created),
	KEY guard_api_keys_forget_after (forget_after)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC;
