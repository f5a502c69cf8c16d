/*
 * The facts of the data set that these tests' definitions are about.
 */
#ifndef SWEEPD_TESTS_SERVER_SCHEMA_IRIS_H
#define SWEEPD_TESTS_SERVER_SCHEMA_IRIS_H

#include "server/schema/definition.h"

static const struct definition_facts iris = {
    .dataset_id = 1,
    .dataset_name = "iris",
    .task = TASK_CLASSIFICATION,
    .n_rows = 150,
    .n_classes = 3,
    .rarest_share = 1.0 / 3,
};

#endif
