-- Trials that are trained elsewhere may be told to stop: what a pruner has answered is kept.

PRAGMA user_version = 7;

-- A trial whose client was told to stop. It goes on running until its end is told.
CREATE TABLE trial_stop (
    experiment_id INTEGER NOT NULL,     -- whose
    trial         INTEGER NOT NULL,     -- which
    step          INTEGER NOT NULL      -- after the report of this step
                  CHECK (typeof(step) = 'integer'),
    reason        TEXT NOT NULL,        -- code: raced_out, dominated
    error         TEXT NOT NULL,        -- a sentence: what it was compared with
    loss          REAL NOT NULL         -- what the sampler is told of it if it ends so: what the best
                                        -- trial came to and how much worse this one was, to be minimised
                  CHECK (typeof(loss) = 'real'),
    at_ms         INTEGER NOT NULL      -- when
                  CHECK (typeof(at_ms) = 'integer'),
    PRIMARY KEY (experiment_id, trial),
    FOREIGN KEY (experiment_id, trial) REFERENCES trial (experiment_id, trial) ON DELETE CASCADE
) WITHOUT ROWID;

-- What trials that are trained elsewhere have reported on their way.
CREATE VIEW trial_reports AS
SELECT r.experiment_id,
       r.trial,
       r.step,                                -- an epoch, a fold, as its client counts
       r.value,                               -- of the objective
       s.step IS NOT NULL AS stop,            -- 1: the client was told to stop after this report
       s.error AS stop_error,                 -- and why; NULL: it was not
       strftime('%Y-%m-%dT%H:%M:%fZ', r.at_ms / 1000.0, 'unixepoch') AS reported_at
  FROM trial_report AS r
  LEFT JOIN trial_stop AS s
    ON s.experiment_id = r.experiment_id AND s.trial = r.trial AND s.step = r.step;
