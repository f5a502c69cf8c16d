-- The first schema: data sets, experiments, trials, folds, events, and the views that API.md
-- promises to whoever opens the file with a shell.
--
-- How to read it. Times end in _ms: milliseconds since 1970-01-01 UTC; the views show them as
-- text. A number that does not exist (a diverged loss) is NULL. Types are held by CHECK instead of
-- STRICT, so that older shells can open the file; the views use built-in functions only. Ids come
-- from AUTOINCREMENT and are never reused. JSON stands in text; neither checks nor views use JSON's
-- scalar functions, which SQLite 3.38 to 3.40 refuse there when the schema is not trusted.

PRAGMA application_id = 0x73777064; -- "swpd"; the same number stands in server/store/private.h
PRAGMA user_version = 1;            -- the number in this file's name

-- Which of these files have run.
CREATE TABLE migration (
    version       INTEGER PRIMARY KEY,  -- number in the file's name
    name          TEXT NOT NULL         -- the file's name
                  CHECK (typeof(name) = 'text'),
    checksum      TEXT NOT NULL         -- SHA-256 of the file, hexadecimal
                  CHECK (typeof(checksum) = 'text' AND length(checksum) = 64),
    applied_at_ms INTEGER NOT NULL      -- when it ran
                  CHECK (typeof(applied_at_ms) = 'integer')
);

-- ---- data sets -------------------------------------------------------------------------------

-- A table that somebody uploaded, with what was found while reading it.
CREATE TABLE dataset (
    id                  INTEGER PRIMARY KEY AUTOINCREMENT, -- never reused
    name                TEXT NOT NULL UNIQUE    -- stands for the id in every call
                        CHECK (typeof(name) = 'text' AND name <> ''),
    owner               TEXT                    -- label of the token that made it; NULL: nobody
                        CHECK (typeof(owner) IN ('text', 'null')),
    sha256              TEXT NOT NULL           -- of the bytes as received, hexadecimal
                        CHECK (typeof(sha256) = 'text'),
    options             TEXT NOT NULL           -- JSON object: the options given, in fixed order
                        CHECK (typeof(options) = 'text'),
    report              TEXT NOT NULL           -- JSON: what the upload found
                        CHECK (typeof(report) = 'text'),
    content_hash        TEXT NOT NULL           -- SHA-256 of the parsed table, hexadecimal
                        CHECK (typeof(content_hash) = 'text'),
    task                TEXT NOT NULL           -- what kind of target it has
                        CHECK (task IN ('classification', 'regression')),
    task_reason         TEXT                    -- a sentence: which task and why
                        CHECK (typeof(task_reason) IN ('text', 'null')),
    rows                INTEGER NOT NULL        -- that have a target
                        CHECK (typeof(rows) = 'integer' AND rows >= 0),
    features            INTEGER NOT NULL        -- columns that are features
                        CHECK (typeof(features) = 'integer' AND features >= 0),
    bytes               INTEGER NOT NULL        -- size as received
                        CHECK (typeof(bytes) = 'integer' AND bytes >= 0),
    duplicate_rows      INTEGER NOT NULL        -- equal to an earlier row
                        CHECK (typeof(duplicate_rows) = 'integer'),
    rows_without_target INTEGER NOT NULL        -- left out
                        CHECK (typeof(rows_without_target) = 'integer'),
    max_categories      INTEGER NOT NULL        -- columns that a text column becomes at most
                        CHECK (typeof(max_categories) = 'integer'),
    format              TEXT NOT NULL           -- of the file: csv, tsv
                        CHECK (typeof(format) = 'text'),
    delimiter           TEXT NOT NULL           -- of the file: a character or its name
                        CHECK (typeof(delimiter) = 'text'),
    decimal             TEXT NOT NULL           -- of the file: . or ,
                        CHECK (typeof(decimal) = 'text'),
    header              INTEGER NOT NULL        -- 1 if the file's first row held names, else 0
                        CHECK (header IN (0, 1)),
    created_at_ms       INTEGER NOT NULL        -- when it was uploaded
                        CHECK (typeof(created_at_ms) = 'integer')
);

CREATE INDEX dataset_by_sha256 ON dataset (sha256);

-- A sentence that the upload warned with.
CREATE TABLE dataset_warning (
    dataset_id INTEGER NOT NULL         -- whose
               REFERENCES dataset (id) ON DELETE CASCADE,
    position   INTEGER NOT NULL         -- order, from 0
               CHECK (typeof(position) = 'integer'),
    sentence   TEXT NOT NULL            -- the warning
               CHECK (typeof(sentence) = 'text'),
    PRIMARY KEY (dataset_id, position)
);

-- A column of a data set: name, role, type and statistics. Its values are in dataset_chunk.
CREATE TABLE dataset_column (
    dataset_id      INTEGER NOT NULL    -- whose
                    REFERENCES dataset (id) ON DELETE CASCADE,
    position        INTEGER NOT NULL    -- in the file, from 0
                    CHECK (typeof(position) = 'integer'),
    name            TEXT NOT NULL       -- from the header, or made up
                    CHECK (typeof(name) = 'text'),
    role            TEXT NOT NULL       -- feature, target, group, time, weight, split, fold, or why
                                        -- it is left out
                    CHECK (typeof(role) = 'text'),
    type            TEXT NOT NULL       -- numeric or categorical
                    CHECK (typeof(type) = 'text'),
    target_position INTEGER             -- of a target among the targets, from 0; else NULL
                    CHECK (typeof(target_position) IN ('integer', 'null')),
    has_values      INTEGER NOT NULL    -- 0 if the column was left out and has no chunks, else 1
                    CHECK (has_values IN (0, 1)),
    labels          BLOB                -- of a categorical column, UTF-8, each with a NUL after it
                    CHECK (typeof(labels) IN ('blob', 'null')),
    n_labels        INTEGER NOT NULL    -- how many those are; a code is an index into them
                    CHECK (typeof(n_labels) = 'integer'),
    missing         INTEGER NOT NULL    -- rows without a value
                    CHECK (typeof(missing) = 'integer'),
    distinct_values INTEGER NOT NULL    -- without the missing
                    CHECK (typeof(distinct_values) = 'integer'),
    min             REAL                -- of a numeric column, like those below
                    CHECK (typeof(min) IN ('real', 'null')),
    max             REAL                -- largest value
                    CHECK (typeof(max) IN ('real', 'null')),
    mean            REAL                -- over rows with a value
                    CHECK (typeof(mean) IN ('real', 'null')),
    std             REAL                -- standard deviation, divided by n
                    CHECK (typeof(std) IN ('real', 'null')),
    PRIMARY KEY (dataset_id, position)
);

-- A stretch of a column's values, little-endian.
CREATE TABLE dataset_chunk (
    dataset_id INTEGER NOT NULL         -- whose
               REFERENCES dataset (id) ON DELETE CASCADE,
    position   INTEGER NOT NULL         -- the column's; -1: the row's number in the file, from 0
               CHECK (typeof(position) = 'integer' AND position >= -1),
    chunk      INTEGER NOT NULL         -- order within the column, from 0
               CHECK (typeof(chunk) = 'integer' AND chunk >= 0),
    storage    TEXT NOT NULL            -- f64: values, NaN where missing; i32: codes, -1 where
                                        -- missing; u32: row numbers
               CHECK (storage IN ('f64', 'f32', 'i32', 'u32')),
    data       BLOB NOT NULL            -- the numbers
               CHECK (typeof(data) = 'blob'),
    PRIMARY KEY (dataset_id, position, chunk)
);

-- ---- experiments -----------------------------------------------------------------------------

-- One search: its definition, how far it is, how it ended.
CREATE TABLE experiment (
    id              INTEGER PRIMARY KEY AUTOINCREMENT, -- never reused
    name            TEXT NOT NULL       -- need not be unique
                    CHECK (typeof(name) = 'text'),
    owner           TEXT                -- label of the token that made it; NULL: nobody
                    CHECK (typeof(owner) IN ('text', 'null')),
    dataset_id      INTEGER             -- what is learned from; NULL: others train (ask and tell)
                    REFERENCES dataset (id),
    state           TEXT NOT NULL       -- where it stands
                    CHECK (state IN ('queued', 'running', 'paused', 'completed', 'cancelled',
                                     'failed')),
    stop_reason     TEXT                -- why it ended: trials, space_exhausted, user, …
                    CHECK (typeof(stop_reason) IN ('text', 'null')),
    error           TEXT                -- a sentence where it failed
                    CHECK (typeof(error) IN ('text', 'null')),
    metric          TEXT NOT NULL       -- decides
                    CHECK (typeof(metric) = 'text'),
    direction       TEXT NOT NULL       -- of a better score
                    CHECK (direction IN ('maximize', 'minimize')),
    sampler         TEXT NOT NULL       -- proposes the trials
                    CHECK (typeof(sampler) = 'text'),
    pruner          TEXT NOT NULL       -- ends trials early, or none
                    CHECK (typeof(pruner) = 'text'),
    seed            INTEGER NOT NULL    -- of the search; all seeds are in the definition
                    CHECK (typeof(seed) = 'integer'),
    planned_trials  INTEGER             -- NULL: not known beforehand
                    CHECK (typeof(planned_trials) IN ('integer', 'null')),
    folds_per_trial INTEGER NOT NULL    -- all repeats together
                    CHECK (typeof(folds_per_trial) = 'integer' AND folds_per_trial >= 0),
    priority        INTEGER NOT NULL DEFAULT 0 -- -10 to 10; higher goes first
                    CHECK (typeof(priority) = 'integer'),
    notes           TEXT NOT NULL DEFAULT ''   -- of the owner
                    CHECK (typeof(notes) = 'text'),
    tags            TEXT NOT NULL DEFAULT '[]' -- JSON array of strings
                    CHECK (typeof(tags) = 'text'),
    created_at_ms   INTEGER NOT NULL    -- when it was submitted
                    CHECK (typeof(created_at_ms) = 'integer'),
    started_at_ms   INTEGER             -- when it first ran
                    CHECK (typeof(started_at_ms) IN ('integer', 'null')),
    finished_at_ms  INTEGER             -- when it ended; NULL while it goes on
                    CHECK (typeof(finished_at_ms) IN ('integer', 'null')),
    elapsed_ms      INTEGER NOT NULL DEFAULT 0 -- of running, over all starts of the daemon
                    CHECK (typeof(elapsed_ms) = 'integer' AND elapsed_ms >= 0),
    definition      TEXT NOT NULL       -- JSON, every default spelled out
                    CHECK (typeof(definition) = 'text')
);

CREATE INDEX experiment_by_dataset ON experiment (dataset_id);
CREATE INDEX experiment_by_state ON experiment (state);

-- One configuration of an experiment, and how it scored over its folds. The columns from layers to
-- epochs hold the value in effect, whether it was searched, fixed or left at its default.
CREATE TABLE trial (
    experiment_id    INTEGER NOT NULL   -- whose
                     REFERENCES experiment (id) ON DELETE CASCADE,
    trial            INTEGER NOT NULL   -- number within the experiment, from 1
                     CHECK (typeof(trial) = 'integer' AND trial >= 1),
    state            TEXT NOT NULL      -- where it stands
                     CHECK (state IN ('queued', 'running', 'completed', 'pruned', 'failed',
                                      'cancelled')),
    reason           TEXT               -- code where it did not complete: diverged, user, …
                     CHECK (typeof(reason) IN ('text', 'null')),
    error            TEXT               -- a sentence where it did not complete
                     CHECK (typeof(error) IN ('text', 'null')),
    rank_class       INTEGER NOT NULL DEFAULT 2 -- 0: completed; 1: completed, score undefined; 2: rest
                     CHECK (rank_class IN (0, 1, 2)),
    rank_key         REAL               -- the score, negated if larger is better; NULL but in class 0
                     CHECK ((typeof(rank_key) = 'real') = (rank_class = 0)),
    score            REAL               -- mean over the folds, with its natural sign
                     CHECK (typeof(score) IN ('real', 'null')),
    score_std        REAL               -- between folds, divided by folds - 1
                     CHECK (typeof(score_std) IN ('real', 'null')),
    score_sem        REAL               -- corrected for overlapping training parts
                     CHECK (typeof(score_sem) IN ('real', 'null')),
    train_mean       REAL               -- the same metric on the training parts
                     CHECK (typeof(train_mean) IN ('real', 'null')),
    folds_planned    INTEGER NOT NULL   -- all repeats together
                     CHECK (typeof(folds_planned) = 'integer'),
    folds_done       INTEGER NOT NULL DEFAULT 0 -- rows in fold
                     CHECK (typeof(folds_done) = 'integer'),
    bytes            INTEGER NOT NULL   -- that it takes here with its folds, roughly
                     CHECK (typeof(bytes) = 'integer'),
    layers           INTEGER            -- hidden ones; 0: a linear model
                     CHECK (typeof(layers) IN ('integer', 'null')),
    width                               -- integer where all layers agree, else the list as text
                     CHECK (typeof(width) IN ('integer', 'text', 'null')),
    hidden           TEXT               -- the list of widths, as in 64,32
                     CHECK (typeof(hidden) IN ('text', 'null')),
    activation       TEXT               -- a name where all layers agree, else the list
                     CHECK (typeof(activation) IN ('text', 'null')),
    learning_rate    REAL               -- of the optimizer
                     CHECK (typeof(learning_rate) IN ('real', 'null')),
    optimizer        TEXT               -- its name; NULL where others train
                     CHECK (typeof(optimizer) IN ('text', 'null')),
    batch_size                          -- rows, or 'full'
                     CHECK (typeof(batch_size) IN ('integer', 'text', 'null')),
    epochs           INTEGER            -- at most
                     CHECK (typeof(epochs) IN ('integer', 'null')),
    weight_count     INTEGER            -- weights and biases
                     CHECK (typeof(weight_count) IN ('integer', 'null')),
    seconds          REAL               -- of training, all folds together
                     CHECK (typeof(seconds) IN ('real', 'null')),
    reused_experiment INTEGER           -- where the same configuration was trained before; no
                                        -- reference, since results outlive their source
                     CHECK (typeof(reused_experiment) IN ('integer', 'null')),
    reused_trial     INTEGER            -- the trial there
                     CHECK (typeof(reused_trial) IN ('integer', 'null')),
    started_at_ms    INTEGER            -- when it first ran
                     CHECK (typeof(started_at_ms) IN ('integer', 'null')),
    finished_at_ms   INTEGER            -- when it ended
                     CHECK (typeof(finished_at_ms) IN ('integer', 'null')),
    configuration_key TEXT              -- names what is trained: data, folds, seed, configuration
                     CHECK (typeof(configuration_key) IN ('text', 'null')),
    warnings         TEXT NOT NULL DEFAULT '[]' -- JSON array of sentences
                     CHECK (typeof(warnings) = 'text'),
    params           TEXT NOT NULL      -- JSON object: the dimensions of the space, fixed ones too
                     CHECK (typeof(params) = 'text'),
    PRIMARY KEY (experiment_id, trial)
);

CREATE INDEX trial_by_rank ON trial (experiment_id, rank_class, rank_key, trial);
CREATE INDEX trial_by_state ON trial (experiment_id, state, trial, folds_done, bytes);
CREATE INDEX trial_by_key ON trial (configuration_key) WHERE configuration_key IS NOT NULL;

-- One hyperparameter of a trial, in its own type.
CREATE TABLE trial_param (
    experiment_id INTEGER NOT NULL,     -- whose
    trial         INTEGER NOT NULL,     -- whose
    position      INTEGER NOT NULL      -- order in the space, from 0
                  CHECK (typeof(position) = 'integer'),
    name          TEXT NOT NULL         -- of the dimension, as in width_1
                  CHECK (typeof(name) = 'text'),
    kind          TEXT NOT NULL         -- tells 1 from true, and text from a list of widths
                  CHECK (kind IN ('none', 'bool', 'int', 'real', 'text', 'list')),
    value,                              -- integer, real or text; a list as 64,32; NULL: none
    PRIMARY KEY (experiment_id, trial, position),
    FOREIGN KEY (experiment_id, trial) REFERENCES trial (experiment_id, trial) ON DELETE CASCADE,
    CHECK (typeof(value) = CASE kind WHEN 'none' THEN 'null' WHEN 'real' THEN 'real'
                                     WHEN 'bool' THEN 'integer' WHEN 'int' THEN 'integer'
                                     ELSE 'text' END)
) WITHOUT ROWID;

-- One metric of a trial over its folds.
CREATE TABLE trial_score (
    experiment_id INTEGER NOT NULL,     -- whose
    trial         INTEGER NOT NULL,     -- whose
    position      INTEGER NOT NULL      -- order, from 0
                  CHECK (typeof(position) = 'integer'),
    metric        TEXT NOT NULL         -- its name
                  CHECK (typeof(metric) = 'text'),
    mean          REAL                  -- over the folds' validation parts
                  CHECK (typeof(mean) IN ('real', 'null')),
    std           REAL                  -- between folds, divided by folds - 1
                  CHECK (typeof(std) IN ('real', 'null')),
    train_mean    REAL                  -- over the folds' training parts
                  CHECK (typeof(train_mean) IN ('real', 'null')),
    PRIMARY KEY (experiment_id, trial, position),
    FOREIGN KEY (experiment_id, trial) REFERENCES trial (experiment_id, trial) ON DELETE CASCADE
) WITHOUT ROWID;

-- One finished fold of a trial. A row is written once and never changes. Large columns come last,
-- so that reading the small ones does not touch their pages.
CREATE TABLE fold (
    experiment_id    INTEGER NOT NULL,  -- whose
    trial            INTEGER NOT NULL,  -- whose
    repeat           INTEGER NOT NULL   -- of the cross-validation, from 1
                     CHECK (typeof(repeat) = 'integer' AND repeat >= 1),
    fold             INTEGER NOT NULL   -- within the repeat, from 1
                     CHECK (typeof(fold) = 'integer' AND fold >= 1),
    state            TEXT NOT NULL      -- failed: the loss diverged, or an error
                     CHECK (state IN ('completed', 'failed')),
    epochs           INTEGER NOT NULL   -- the epoch that is scored
                     CHECK (typeof(epochs) = 'integer'),
    epochs_run       INTEGER NOT NULL   -- trained
                     CHECK (typeof(epochs_run) = 'integer'),
    seconds          REAL               -- of training
                     CHECK (typeof(seconds) IN ('real', 'null')),
    weights_hash     TEXT               -- of the final weights, hexadecimal
                     CHECK (typeof(weights_hash) IN ('text', 'null')),
    engine           TEXT NOT NULL      -- version of the training core
                     CHECK (typeof(engine) = 'text'),
    kernel           TEXT NOT NULL      -- that computed it; does not change a bit of the result
                     CHECK (typeof(kernel) = 'text'),
    finished_at_ms   INTEGER NOT NULL   -- when it ended
                     CHECK (typeof(finished_at_ms) = 'integer'),
    error            TEXT               -- a sentence where it failed
                     CHECK (typeof(error) IN ('text', 'null')),
    warnings         TEXT NOT NULL DEFAULT '[]' -- JSON array of sentences
                     CHECK (typeof(warnings) = 'text'),
    train_loss       TEXT               -- JSON array, an item for each epoch, like those below
                     CHECK (typeof(train_loss) IN ('text', 'null')),
    validation_loss  TEXT               -- the loss on the validation part
                     CHECK (typeof(validation_loss) IN ('text', 'null')),
    validation_score TEXT               -- the experiment's metric on the validation part
                     CHECK (typeof(validation_score) IN ('text', 'null')),
    learning_rate    TEXT               -- in effect
                     CHECK (typeof(learning_rate) IN ('text', 'null')),
    predictions      TEXT               -- JSON array: of the validation rows, where they are kept
                     CHECK (typeof(predictions) IN ('text', 'null')),
    PRIMARY KEY (experiment_id, trial, repeat, fold),
    FOREIGN KEY (experiment_id, trial) REFERENCES trial (experiment_id, trial) ON DELETE CASCADE
);

-- One metric of one fold.
CREATE TABLE fold_metric (
    experiment_id INTEGER NOT NULL,     -- whose
    trial         INTEGER NOT NULL,     -- whose
    repeat        INTEGER NOT NULL,     -- whose
    fold          INTEGER NOT NULL,     -- whose
    position      INTEGER NOT NULL      -- order, from 0
                  CHECK (typeof(position) = 'integer'),
    metric        TEXT NOT NULL         -- its name
                  CHECK (typeof(metric) = 'text'),
    train         REAL                  -- on the training part; NULL: undefined
                  CHECK (typeof(train) IN ('real', 'null')),
    validation    REAL                  -- on the validation part; NULL: undefined
                  CHECK (typeof(validation) IN ('real', 'null')),
    PRIMARY KEY (experiment_id, trial, repeat, fold, position),
    FOREIGN KEY (experiment_id, trial, repeat, fold)
        REFERENCES fold (experiment_id, trial, repeat, fold) ON DELETE CASCADE
) WITHOUT ROWID;

-- What happened, for subscribers; the number is the `id:` of a server-sent event.
CREATE TABLE event (
    seq           INTEGER PRIMARY KEY AUTOINCREMENT, -- order of everything that happened
    experiment_id INTEGER NOT NULL      -- to which it happened
                  REFERENCES experiment (id) ON DELETE CASCADE,
    kind          TEXT NOT NULL         -- what it tells about
                  CHECK (kind IN ('progress', 'trial', 'state')),
    trial         INTEGER               -- which; NULL: the experiment as a whole
                  CHECK (typeof(trial) IN ('integer', 'null')),
    payload       TEXT NOT NULL         -- JSON: the `data:` of the event
                  CHECK (typeof(payload) = 'text'),
    at_ms         INTEGER NOT NULL      -- when
                  CHECK (typeof(at_ms) = 'integer')
);

CREATE INDEX event_by_experiment ON event (experiment_id, seq);

-- ---- views: part of the contract, see API.md -------------------------------------------------

-- A row is a trial. Completed ones by score, ties by number, then the rest by number. Columns of
-- hyperparameters hold the effective value.
CREATE VIEW leaderboard AS
SELECT t.experiment_id AS experiment_id,
       e.name AS experiment,
       e.owner AS owner,
       d.name AS dataset,
       t.trial AS trial,
       row_number() OVER (PARTITION BY t.experiment_id
                              ORDER BY t.rank_class, t.rank_key, t.trial) AS rank,
       t.state AS state,
       t.reason AS reason,
       e.metric AS metric,
       e.direction AS direction,
       t.score AS cv_mean,
       t.score_std AS cv_std,
       t.score_sem AS cv_sem,
       t.train_mean AS train_mean,
       t.folds_planned AS folds,
       t.folds_done AS folds_done,
       t.layers AS layers,
       t.width AS width,
       t.hidden AS hidden,
       t.activation AS activation,
       t.learning_rate AS learning_rate,
       t.optimizer AS optimizer,
       t.batch_size AS batch_size,
       t.epochs AS epochs,
       t.weight_count AS weight_count,
       t.seconds AS seconds,
       strftime('%Y-%m-%dT%H:%M:%fZ', t.finished_at_ms / 1000.0, 'unixepoch') AS finished_at,
       t.params AS params
  FROM trial AS t
  JOIN experiment AS e ON e.id = t.experiment_id
  LEFT JOIN dataset AS d ON d.id = e.dataset_id;

-- A row is an experiment. trials_done: completed, pruned or failed.
CREATE VIEW experiment_summary AS
SELECT e.id AS experiment_id,
       e.name AS name,
       e.owner AS owner,
       d.name AS dataset,
       e.state AS state,
       e.stop_reason AS stop_reason,
       e.metric AS metric,
       e.direction AS direction,
       e.sampler AS sampler,
       e.pruner AS pruner,
       e.seed AS seed,
       coalesce(e.planned_trials,
                (SELECT count(*) FROM trial AS t WHERE t.experiment_id = e.id)) AS trials,
       (SELECT count(*) FROM trial AS t
         WHERE t.experiment_id = e.id
           AND t.state IN ('completed', 'pruned', 'failed')) AS trials_done,
       (SELECT t.trial FROM trial AS t
         WHERE t.experiment_id = e.id AND t.rank_class = 0
         ORDER BY t.rank_key, t.trial LIMIT 1) AS best_trial,
       (SELECT t.score FROM trial AS t
         WHERE t.experiment_id = e.id AND t.rank_class = 0
         ORDER BY t.rank_key, t.trial LIMIT 1) AS best_score,
       strftime('%Y-%m-%dT%H:%M:%fZ', e.created_at_ms / 1000.0, 'unixepoch') AS created_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', e.started_at_ms / 1000.0, 'unixepoch') AS started_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', e.finished_at_ms / 1000.0, 'unixepoch') AS finished_at,
       e.elapsed_ms / 1000.0 AS elapsed_seconds,
       e.definition AS definition
  FROM experiment AS e
  LEFT JOIN dataset AS d ON d.id = e.dataset_id;

-- A row is one hyperparameter of a trial.
CREATE VIEW trial_params AS
SELECT p.experiment_id AS experiment_id,
       p.trial AS trial,
       p.name AS name,
       p.value AS value
  FROM trial_param AS p;

-- A row is one metric of one fold.
CREATE VIEW fold_scores AS
SELECT f.experiment_id AS experiment_id,
       f.trial AS trial,
       f.repeat AS repeat,
       f.fold AS fold,
       m.metric AS metric,
       m.train AS train,
       m.validation AS validation,
       f.epochs AS epochs,
       f.seconds AS seconds
  FROM fold AS f
  JOIN fold_metric AS m ON m.experiment_id = f.experiment_id
                       AND m.trial = f.trial
                       AND m.repeat = f.repeat
                       AND m.fold = f.fold;

-- A row is one epoch of one fold.
CREATE VIEW learning_curves AS
SELECT f.experiment_id AS experiment_id,
       f.trial AS trial,
       f.repeat AS repeat,
       f.fold AS fold,
       j.key + 1 AS epoch,
       j.value AS train_loss,
       v.value AS validation_loss,
       s.value AS validation_score,
       r.value AS learning_rate
  FROM fold AS f
  JOIN json_each(f.train_loss) AS j
  LEFT JOIN json_each(f.validation_loss, '$[' || j.key || ']') AS v
  LEFT JOIN json_each(f.validation_score, '$[' || j.key || ']') AS s
  LEFT JOIN json_each(f.learning_rate, '$[' || j.key || ']') AS r;
