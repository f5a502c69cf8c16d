-- Trials that a pruner stops after a few epochs: their folds are cut, and brackets are kept.

PRAGMA user_version = 10;

ALTER TABLE fold ADD COLUMN
    cut              INTEGER            -- 1: a pruner stopped it before its last epoch, and it may
                                        -- be trained to its end after all; NULL: it has ended
                     CHECK (typeof(cut) = 'null' OR cut = 1);

ALTER TABLE trial ADD COLUMN
    race_epoch       INTEGER            -- epoch after which it was first stopped, of race_folds'
                                        -- last fold or of all of them; NULL: not inside a fold
                     CHECK (typeof(race_epoch) IN ('integer', 'null'));

ALTER TABLE trial ADD COLUMN
    bracket          INTEGER            -- from 1: of trials that a pruner compares on their way;
                                        -- NULL: none
                     CHECK (typeof(bracket) IN ('integer', 'null'));
