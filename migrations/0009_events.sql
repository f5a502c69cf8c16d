-- Events are answered from what they tell: a trial that ends gets a number, a state of an experiment
-- a row, and both numbers come from one sequence. No second copy of a trial is kept.
--
-- The table that this file replaces was never written to.

PRAGMA user_version = 9;

ALTER TABLE trial ADD COLUMN
    change INTEGER                      -- number of its last end: of the event that tells it; NULL
                                        -- while it is queued or running
           CHECK (typeof(change) IN ('integer', 'null'));

UPDATE trial SET change = rowid WHERE state NOT IN ('queued', 'running');

CREATE INDEX trial_by_change ON trial (experiment_id, change) WHERE change IS NOT NULL;

DROP TABLE event;

-- What became of experiments, for subscribers; the number is the `id:` of a server-sent event. The
-- sequence runs on over this table and trial.change, so it has gaps here.
CREATE TABLE event (
    seq           INTEGER PRIMARY KEY AUTOINCREMENT, -- never used twice, here and in trial.change
    experiment_id INTEGER NOT NULL      -- whose; no reference: that it was deleted is an event, too
                  CHECK (typeof(experiment_id) = 'integer'),
    state         TEXT NOT NULL         -- that it came to; forgotten: no row up to here is kept
                  CHECK (state IN ('queued', 'running', 'paused', 'completed', 'cancelled',
                                   'failed', 'deleted', 'forgotten')),
    stop_reason   TEXT                  -- why, where it ended
                  CHECK (typeof(stop_reason) IN ('text', 'null')),
    at_ms         INTEGER NOT NULL      -- when
                  CHECK (typeof(at_ms) = 'integer')
);

CREATE INDEX event_by_experiment ON event (experiment_id, seq);

-- Where the experiments of today stand, after all their trials.
INSERT INTO event (seq, experiment_id, state, stop_reason, at_ms)
SELECT id + coalesce((SELECT max(rowid) FROM trial), 0), id, state, stop_reason,
       coalesce(finished_at_ms, started_at_ms, created_at_ms)
  FROM experiment
 ORDER BY id;
