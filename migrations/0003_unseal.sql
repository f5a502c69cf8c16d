-- Rows set aside before a search are scored once, at its end: when that was asked for, what came.

PRAGMA user_version = 3;

-- Experiments from before this file do not tell.
ALTER TABLE experiment ADD COLUMN
    sealed_rows     INTEGER             -- rows set aside before the search; NULL: not known
                    CHECK (typeof(sealed_rows) IN ('integer', 'null'));

-- The unsealing of an experiment: one trial's configuration, trained on every row that is not
-- sealed and scored on the sealed ones. There is one at most, and it stays.
CREATE TABLE unseal (
    experiment_id   INTEGER PRIMARY KEY -- whose
                    REFERENCES experiment (id) ON DELETE CASCADE,
    trial           INTEGER NOT NULL    -- whose configuration is trained: the best when asked for
                    CHECK (typeof(trial) = 'integer' AND trial >= 1),
    state           TEXT NOT NULL       -- where it stands; failed: the loss diverged, or an error
                    CHECK (state IN ('queued', 'running', 'completed', 'failed')),
    train_rows      INTEGER NOT NULL    -- that are not sealed
                    CHECK (typeof(train_rows) = 'integer' AND train_rows >= 0),
    test_rows       INTEGER NOT NULL    -- that are sealed
                    CHECK (typeof(test_rows) = 'integer' AND test_rows >= 0),
    epochs          INTEGER             -- the epoch that is scored; like those below NULL until it ends
                    CHECK (typeof(epochs) IN ('integer', 'null')),
    epochs_run      INTEGER             -- trained
                    CHECK (typeof(epochs_run) IN ('integer', 'null')),
    seconds         REAL                -- of training
                    CHECK (typeof(seconds) IN ('real', 'null')),
    weights_hash    TEXT                -- of the final weights, hexadecimal
                    CHECK (typeof(weights_hash) IN ('text', 'null')),
    engine          TEXT                -- version of the training core
                    CHECK (typeof(engine) IN ('text', 'null')),
    kernel          TEXT                -- that computed it; does not change a bit of the result
                    CHECK (typeof(kernel) IN ('text', 'null')),
    requested_at_ms INTEGER NOT NULL    -- when it was asked for
                    CHECK (typeof(requested_at_ms) = 'integer'),
    finished_at_ms  INTEGER             -- when the sealed rows had been scored, or it failed
                    CHECK ((typeof(finished_at_ms) = 'integer') = (state IN ('completed', 'failed'))),
    error           TEXT                -- a sentence where it failed
                    CHECK (typeof(error) IN ('text', 'null')),
    warnings        TEXT NOT NULL DEFAULT '[]' -- JSON array of sentences
                    CHECK (typeof(warnings) = 'text'),
    FOREIGN KEY (experiment_id, trial) REFERENCES trial (experiment_id, trial) ON DELETE CASCADE
);

CREATE INDEX unseal_by_state ON unseal (state);

-- One metric of an unsealing.
CREATE TABLE unseal_score (
    experiment_id  INTEGER NOT NULL     -- whose
                   REFERENCES unseal (experiment_id) ON DELETE CASCADE,
    position       INTEGER NOT NULL     -- order, from 0
                   CHECK (typeof(position) = 'integer'),
    metric         TEXT NOT NULL        -- its name
                   CHECK (typeof(metric) = 'text'),
    train          REAL                 -- on the rows that are not sealed; NULL: undefined
                   CHECK (typeof(train) IN ('real', 'null')),
    test           REAL                 -- on the sealed rows; NULL: undefined
                   CHECK (typeof(test) IN ('real', 'null')),
    standard_error REAL                 -- of test, from the number of sealed rows; NULL: not known
                   CHECK (typeof(standard_error) IN ('real', 'null')),
    PRIMARY KEY (experiment_id, position)
) WITHOUT ROWID;

-- A row is one metric of the model that an experiment selected, on rows that no trial has seen.
CREATE VIEW test_scores AS
SELECT u.experiment_id AS experiment_id,
       u.trial AS trial,
       s.metric AS metric,
       s.train AS train,
       s.test AS test,
       s.standard_error AS standard_error,
       u.test_rows AS test_rows,
       strftime('%Y-%m-%dT%H:%M:%fZ', u.finished_at_ms / 1000.0, 'unixepoch') AS unsealed_at
  FROM unseal AS u
  JOIN unseal_score AS s ON s.experiment_id = u.experiment_id;
