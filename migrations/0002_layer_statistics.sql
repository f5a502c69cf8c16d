-- What happened inside a network while it learned: for every fold, layer and epoch.

PRAGMA user_version = 2;

-- At each epoch's last step. Folds from before this file have none.
ALTER TABLE fold ADD COLUMN
    layer_statistics TEXT               -- JSON array, an item for each layer: {"gradient_norm": […],
                                        -- "update_ratio": […], "idle": […]}, an item for each epoch
                     CHECK (typeof(layer_statistics) IN ('text', 'null'));

-- A row is one layer in one epoch of one fold. Layers count from 1, and the last one is the output.
--
--   gradient_norm  of the mean loss by the layer's weights and biases, before penalties and clipping
--   update_ratio   norm of the step by norm of the weights before it
--   idle           sigmoid, tanh, hard_sigmoid: share of values within 0.01 of a limit; relu: share
--                  of units that are zero in every row; else NULL
--
-- A fold's text is read once, not once for each row: folds may have thousands of epochs.
CREATE VIEW layer_statistics AS
SELECT f.experiment_id AS experiment_id,
       f.trial AS trial,
       f.repeat AS repeat,
       f.fold AS fold,
       x.key + 1 AS epoch,
       l.key + 1 AS layer,
       max(CASE m.key WHEN 'gradient_norm' THEN x.value END) AS gradient_norm,
       max(CASE m.key WHEN 'update_ratio' THEN x.value END) AS update_ratio,
       max(CASE m.key WHEN 'idle' THEN x.value END) AS idle
  FROM fold AS f
  JOIN json_each(f.layer_statistics) AS l
  JOIN json_each(l.value) AS m
  JOIN json_each(m.value) AS x
 GROUP BY f.experiment_id, f.trial, f.repeat, f.fold, x.key + 1, l.key + 1;
