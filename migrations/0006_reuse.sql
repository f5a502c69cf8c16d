-- A fold that was trained before, in this or another experiment, is copied and not trained again.
--
-- From here on trial.configuration_key is a hash of what is trained: data, fold plan, seed of
-- training, metric, precision and configuration. Older trials have another text there, and are not
-- found. trial_by_key finds a trial by it; its folds follow by their primary key.

PRAGMA user_version = 6;

ALTER TABLE fold ADD COLUMN
    reused_experiment INTEGER           -- where the fold was trained; NULL: here. No reference, since
                                        -- results outlive their source. Its seconds are 0
                     CHECK (typeof(reused_experiment) IN ('integer', 'null'));

ALTER TABLE fold ADD COLUMN
    reused_trial     INTEGER            -- the trial there
                     CHECK (typeof(reused_trial) IN ('integer', 'null'));
