-- A trial that a pruner stops is worth something to the sampler, and may be taken up again.

PRAGMA user_version = 4;

ALTER TABLE trial ADD COLUMN
    search_loss      REAL               -- what the sampler was told when it was stopped, to be
                                        -- minimised; never changes. NULL: never stopped, or broken
                     CHECK (typeof(search_loss) IN ('real', 'null'));

ALTER TABLE trial ADD COLUMN
    race_folds       INTEGER            -- folds that it had when it was first stopped; NULL: never
                     CHECK (typeof(race_folds) IN ('integer', 'null'));

ALTER TABLE trial ADD COLUMN
    race_p           REAL               -- the pruner's chance or p after its last fold; NULL: none
                     CHECK (typeof(race_p) IN ('real', 'null'));
