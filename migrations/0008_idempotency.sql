-- What a POST with an Idempotency-Key was answered, so that the same request again makes nothing
-- new and has the same answer. A row is written in the transaction of what the request made, and
-- deleted about a day later.

PRAGMA user_version = 8;

CREATE TABLE idempotency (
    owner         TEXT NOT NULL         -- whose key; empty where nobody owns it
                  CHECK (typeof(owner) = 'text'),
    key           TEXT NOT NULL         -- as the client chose it
                  CHECK (typeof(key) = 'text'),
    digest        TEXT NOT NULL         -- SHA-256 of path, parameters and body, hexadecimal
                  CHECK (typeof(digest) = 'text'),
    request       TEXT NOT NULL         -- what was asked for, as in POST /api/v1/experiments
                  CHECK (typeof(request) = 'text'),
    status        INTEGER NOT NULL      -- of the answer
                  CHECK (typeof(status) = 'integer'),
    location      TEXT                  -- its Location header
                  CHECK (typeof(location) IN ('text', 'null')),
    body          TEXT NOT NULL         -- JSON
                  CHECK (typeof(body) = 'text'),
    at_ms         INTEGER NOT NULL      -- when
                  CHECK (typeof(at_ms) = 'integer'),
    PRIMARY KEY (owner, key)
);

CREATE INDEX idempotency_by_time ON idempotency (at_ms);
