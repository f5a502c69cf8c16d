-- Trials that are trained elsewhere: to whom one was handed out, and what it reported on its way.

PRAGMA user_version = 5;

ALTER TABLE trial ADD COLUMN
    lease INTEGER                       -- how often it was handed out (ask and tell); NULL: never,
                                        -- as it is trained here, or was told of from outside
          CHECK (typeof(lease) IN ('integer', 'null'));

-- A value that a trial reported before its end, or a fold of it. Those of an earlier lease are gone.
CREATE TABLE trial_report (
    experiment_id INTEGER NOT NULL,     -- whose
    trial         INTEGER NOT NULL,     -- whose
    step          INTEGER NOT NULL      -- an epoch, a number of rows, a fold: as its client counts
                  CHECK (typeof(step) = 'integer'),
    value         REAL NOT NULL         -- of the objective
                  CHECK (typeof(value) = 'real'),
    at_ms         INTEGER NOT NULL      -- when
                  CHECK (typeof(at_ms) = 'integer'),
    PRIMARY KEY (experiment_id, trial, step),
    FOREIGN KEY (experiment_id, trial) REFERENCES trial (experiment_id, trial) ON DELETE CASCADE
) WITHOUT ROWID;
