-- Who may use the service. The tokens themselves are shown once and stored nowhere.

PRAGMA user_version = 11;

CREATE TABLE token (
    id              INTEGER PRIMARY KEY AUTOINCREMENT, -- never used twice
    label           TEXT NOT NULL       -- whose: the `owner` of what is made with it; tokens may share it
                    CHECK (typeof(label) = 'text' AND length(label) > 0),
    scope           TEXT NOT NULL       -- what it allows; each allows what the one before does
                    CHECK (scope IN ('read', 'submit', 'admin')),
    digest          BLOB NOT NULL UNIQUE -- SHA-256 of the token
                    CHECK (typeof(digest) = 'blob' AND length(digest) = 32),
    created_at_ms   INTEGER NOT NULL    -- when
                    CHECK (typeof(created_at_ms) = 'integer'),
    expires_at_ms   INTEGER             -- from when on it is refused; NULL: never
                    CHECK (typeof(expires_at_ms) IN ('integer', 'null')),
    revoked_at_ms   INTEGER             -- when it was revoked; the row stays
                    CHECK (typeof(revoked_at_ms) IN ('integer', 'null')),
    last_used_at_ms INTEGER             -- to the hour; NULL: never
                    CHECK (typeof(last_used_at_ms) IN ('integer', 'null'))
);
