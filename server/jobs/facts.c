#include "server/jobs/facts.h"

static double rarest_share(const struct table *t)
{
    size_t rarest = t->n_rows;

    for (size_t i = 0; i < t->n_classes; i++)
        if (t->class_rows[i] < rarest)
            rarest = t->class_rows[i];
    return t->n_rows > 0 ? (double)rarest / (double)t->n_rows : 1.0;
}

enum err facts_of(const struct table *t, int64_t dataset_id, const char *name, struct arena *a,
                  struct definition_facts *out, struct error *e)
{
    size_t fold = table_role_column(t, ROLE_FOLD);
    const char **targets = arena_alloc(a, t->n_targets, sizeof *targets);

    if (!targets)
        return error_no_memory(e);
    for (size_t j = 0; j < t->n_targets; j++)
        targets[j] = t->columns[t->targets[j]].name;
    *out = (struct definition_facts){
        .dataset_id = dataset_id,
        .dataset_name = name,
        .task = t->task,
        .n_rows = t->n_rows,
        .n_targets = t->n_targets,
        .targets = targets,
        .n_classes = t->n_classes,
        .rarest_share = rarest_share(t),
        .has_group = table_role_column(t, ROLE_GROUP) != SIZE_MAX,
        .has_time = table_role_column(t, ROLE_TIME) != SIZE_MAX,
        .n_folds = fold == SIZE_MAX ? 0 : t->columns[fold].distinct,
        .n_test_rows = table_test_rows(t),
        .table = t,
    };
    return ERR_OK;
}
