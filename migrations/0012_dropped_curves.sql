-- Learning curves take most of the room of an experiment: they may be dropped once it has ended.

PRAGMA user_version = 12;

-- The curves and layer statistics of its folds are NULL from then on; the scores stay.
ALTER TABLE experiment ADD COLUMN
    curves_pruned_at_ms INTEGER         -- when they were first dropped; NULL: they were not
                        CHECK (typeof(curves_pruned_at_ms) IN ('integer', 'null'));
