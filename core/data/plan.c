#define _GNU_SOURCE /* asprintf */
#include "core/data/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/mem.h"

enum { MAX_CATEGORIES_LIMIT = 10000 };

/* ---- names ------------------------------------------------------------------------------------
 */

struct named {
    const char *name;
    size_t column;
};

static int by_name(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    int order = strcmp(x->name, y->name);

    return order ? order : (x->column > y->column) - (x->column < y->column);
}

static enum err check_duplicates(const struct plan *p, struct error *e)
{
    CLEANUP(mem_free) struct named *sorted = calloc(p->n_columns, sizeof *sorted);

    if (!sorted)
        return error_no_memory(e);
    for (size_t j = 0; j < p->n_columns; j++)
        sorted[j] = (struct named){p->names[j], j};
    qsort(sorted, p->n_columns, sizeof *sorted, by_name);
    for (size_t j = 1; j < p->n_columns; j++)
        if (strcmp(sorted[j - 1].name, sorted[j].name) == 0)
            return error_set(e, ERR_INVALID,
                             "header: columns %zu and %zu have the same name \"%.80s\"",
                             sorted[j - 1].column + 1, sorted[j].column + 1, sorted[j].name);
    return ERR_OK;
}

static enum err set_names(struct plan *p, const char *const *names, struct error *e)
{
    for (size_t j = 0; j < p->n_columns; j++) {
        p->columns[j].unnamed = names && !*names[j];
        if (names && *names[j])
            p->names[j] = strdup(names[j]);
        else if (asprintf(&p->names[j], "column_%zu", j + 1) < 0)
            p->names[j] = NULL;
        if (!p->names[j])
            return error_no_memory(e);
    }
    return check_duplicates(p, e);
}

/* ---- columns in options -----------------------------------------------------------------------
 */

static size_t find_column(const struct plan *p, const char *name)
{
    char *end;
    unsigned long long number;

    for (size_t j = 0; j < p->n_columns; j++)
        if (strcmp(p->names[j], name) == 0)
            return j;
    if (*name < '0' || *name > '9')
        return SIZE_MAX;
    number = strtoull(name, &end, 10);
    return *end == '\0' && number >= 1 && number <= p->n_columns ? (size_t)number - 1 : SIZE_MAX;
}

static enum err no_such_column(const struct plan *p, const char *option, const char *name,
                               struct error *e)
{
    CLEANUP(buf_finish) struct buf list = {0};

    for (size_t j = 0; j < p->n_columns && list.length < 200; j++)
        buf_printf(&list, "%s%.60s", j ? ", " : "", p->names[j]);
    (void)error_set(e, ERR_INVALID, "%s \"%.80s\": no such column; the table has %zu: %s%s", option,
                    name, p->n_columns, buf_text(&list), list.length < 200 ? "" : ", \u2026");
    return error_field(e, option);
}

typedef enum err use_column(struct plan *p, const char *option, size_t column, int what,
                            struct error *e);

/* Calls `use` for each column of a list; a name that has commas itself is tried first. */
static enum err each_column(struct plan *p, const char *option, const char *list, use_column *use,
                            int what, struct error *e)
{
    CLEANUP(mem_free) char *copy = NULL;
    char *save = NULL;

    if (!list)
        return ERR_OK;
    if (find_column(p, list) != SIZE_MAX)
        return use(p, option, find_column(p, list), what, e);
    copy = strdup(list);
    if (!copy)
        return error_no_memory(e);
    for (char *name = strtok_r(copy, ",", &save); name; name = strtok_r(NULL, ",", &save)) {
        size_t column, n;

        name += strspn(name, " ");
        for (n = strlen(name); n > 0 && name[n - 1] == ' '; n--)
            name[n - 1] = '\0';
        column = find_column(p, name);
        if (column == SIZE_MAX)
            return no_such_column(p, option, name, e);
        TRY(use(p, option, column, what, e));
    }
    return ERR_OK;
}

static enum err give_role(struct plan *p, const char *option, size_t column, int role,
                          struct error *e)
{
    struct plan_column *c = &p->columns[column];

    if (c->role != ROLE_FEATURE) {
        (void)error_set(e, ERR_INVALID, "%s \"%.80s\": the column is already given as %s", option,
                        p->names[column], table_role_name(c->role));
        return error_field(e, option);
    }
    c->role = (enum column_role)role;
    if (role == ROLE_TARGET)
        p->targets[p->n_targets++] = column;
    return ERR_OK;
}

static enum err give_force(struct plan *p, const char *option, size_t column, int force,
                           struct error *e)
{
    struct plan_column *c = &p->columns[column];

    if (c->force != FORCE_NOTHING && c->force != (enum column_force)force) {
        (void)error_set(e, ERR_INVALID, "%s \"%.80s\": the column is given as categorical too",
                        option, p->names[column]);
        return error_field(e, option);
    }
    c->force = (enum column_force)force;
    return ERR_OK;
}

/* Options that name one column. */
static enum err give_single(struct plan *p, const char *option, const char *name,
                            enum column_role role, struct error *e)
{
    size_t column;

    if (!name)
        return ERR_OK;
    column = find_column(p, name);
    if (column == SIZE_MAX)
        return no_such_column(p, option, name, e);
    return give_role(p, option, column, (int)role, e);
}

static enum err give_roles(struct plan *p, const struct table_options *o, struct error *e)
{
    TRY(each_column(p, "target", o->target, give_role, ROLE_TARGET, e));
    TRY(each_column(p, "ignore", o->ignore, give_role, ROLE_IGNORED, e));
    TRY(give_single(p, "group", o->group, ROLE_GROUP, e));
    TRY(give_single(p, "time", o->time, ROLE_TIME, e));
    TRY(give_single(p, "weight", o->weight, ROLE_WEIGHT, e));
    TRY(give_single(p, "split", o->split, ROLE_SPLIT, e));
    TRY(give_single(p, "fold", o->fold, ROLE_FOLD, e));
    TRY(each_column(p, "categorical", o->categorical, give_force, FORCE_CATEGORICAL, e));
    TRY(each_column(p, "numeric", o->numeric, give_force, FORCE_NUMERIC, e));
    for (size_t j = p->n_columns; p->n_targets == 0 && j-- > 0;)
        if (p->columns[j].role == ROLE_FEATURE)
            TRY(give_role(p, "target", j, ROLE_TARGET, e));
    if (p->n_targets > 0)
        return ERR_OK;
    (void)error_set(e, ERR_INVALID, "target: no column is left for it");
    return error_field(e, "target");
}

/* ---- the other options ------------------------------------------------------------------------
 */

static enum err read_task(struct plan *p, const char *task, struct error *e)
{
    enum task named;

    if (!task)
        return ERR_OK;
    if (!table_task_find(task, &named)) {
        (void)error_set(e, ERR_INVALID, "task \"%.40s\": expected classification or regression",
                        task);
        return error_field(e, "task");
    }
    p->wish = named == TASK_CLASSIFICATION ? WISH_CLASSIFICATION : WISH_REGRESSION;
    if (p->wish == WISH_CLASSIFICATION && p->n_targets > 1) {
        (void)error_set(e, ERR_INVALID, "task \"classification\": expected one target, got %zu",
                        p->n_targets);
        return error_field(e, "task");
    }
    return ERR_OK;
}

static enum err read_max_categories(struct plan *p, const char *given, struct error *e)
{
    char *end = NULL;
    unsigned long n;

    p->max_categories = TABLE_MAX_CATEGORIES;
    if (!given)
        return ERR_OK;
    n = *given >= '0' && *given <= '9' ? strtoul(given, &end, 10) : 0;
    if (!end || *end || n < 2 || n > MAX_CATEGORIES_LIMIT) {
        (void)error_set(e, ERR_INVALID,
                        "max_categories \"%.40s\": expected an integer from 2 to %d", given,
                        MAX_CATEGORIES_LIMIT);
        return error_field(e, "max_categories");
    }
    p->max_categories = n;
    return ERR_OK;
}

static enum err fill(struct plan *p, const char *const *names, const struct table_options *o,
                     struct error *e)
{
    p->names = calloc(p->n_columns, sizeof *p->names);
    p->columns = calloc(p->n_columns, sizeof *p->columns);
    p->targets = calloc(p->n_columns, sizeof *p->targets);
    if (!p->names || !p->columns || !p->targets)
        return error_no_memory(e);
    p->positive = o->positive;
    TRY(set_names(p, names, e));
    TRY(give_roles(p, o, e));
    TRY(read_task(p, o->task, e));
    return read_max_categories(p, o->max_categories, e);
}

enum err plan_create(const char *const *names, size_t n, const struct table_options *o,
                     struct plan **out, struct error *e)
{
    struct plan *p = calloc(1, sizeof *p);
    enum err err;

    if (!p)
        return error_no_memory(e);
    p->n_columns = n;
    err = fill(p, names, o, e);
    if (err != ERR_OK) {
        plan_destroy(p);
        return err;
    }
    *out = p;
    return ERR_OK;
}

bool plan_wants_number(const struct plan *p, size_t column)
{
    const struct plan_column *c = &p->columns[column];

    return c->role == ROLE_WEIGHT || c->force == FORCE_NUMERIC ||
           (c->role == ROLE_TARGET && p->wish == WISH_REGRESSION);
}

void plan_destroy(struct plan *p)
{
    if (!p)
        return;
    for (size_t j = 0; p->names && j < p->n_columns; j++)
        free(p->names[j]);
    free(p->names);
    free(p->columns);
    free(p->targets);
    free(p);
}
