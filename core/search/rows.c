#include "core/search/rows.h"

#include <math.h>
#include <string.h>

static const double UNUSED_CATEGORY = -1.0, UNUSED_NUMBER = 0.5;

enum use { NEVER, SOMETIMES, ALWAYS };

enum { LEVELS_LOOKED_AT = 1000 }; /* of a parent: more than a list can have */

/* By how many of its parent's values a dimension is used; a gate may well leave out none that the
 * space has. */
static enum use use_by_parent(const struct space *s, size_t i, struct value *values)
{
    size_t parent = space_dimension(s, i)->gate.parent;
    uint64_t n = space_levels(s, parent, SPACE_DRAW), used = 0;

    if (n > LEVELS_LOOKED_AT)
        return SOMETIMES;
    for (uint64_t k = 0; k < n; k++) {
        values[parent] = space_level(s, parent, SPACE_DRAW, k);
        used += space_is_active(s, i, values);
    }
    return used == 0 ? NEVER : used < n ? SOMETIMES : ALWAYS;
}

static void set_uses(const struct space *s, enum use *uses)
{
    struct value values[SPACE_DIMENSIONS_MAX] = {{0}};
    const size_t *order = space_order(s);

    for (size_t k = 0; k < space_count(s); k++) {
        size_t i = order[k];
        const struct gate *g = &space_dimension(s, i)->gate;

        if (g->kind == GATE_ALWAYS || g->kind == GATE_NEVER) {
            uses[i] = g->kind == GATE_ALWAYS ? ALWAYS : NEVER;
            continue;
        }
        uses[i] = use_by_parent(s, i, values);
        if (uses[g->parent] < uses[i])
            uses[i] = uses[g->parent];
    }
}

enum err rows_create(const struct axes *axes, struct arena *a, struct rows *out, struct error *e)
{
    size_t *dims = arena_alloc(a, axes->n + 1, sizeof *dims);
    bool *category = arena_alloc(a, axes->n + 1, sizeof *category);
    bool *conditional = arena_alloc(a, axes->n + 1, sizeof *conditional);
    enum use uses[SPACE_DIMENSIONS_MAX] = {0};

    if (!dims || !category || !conditional)
        return error_no_memory(e);
    *out =
        (struct rows){.axes = axes, .dims = dims, .category = category, .conditional = conditional};
    set_uses(axes->space, uses);
    for (size_t i = 0; i < axes->n; i++) {
        if (axes->axis[i].kind == AXIS_FIXED || uses[i] == NEVER)
            continue;
        category[out->d] = axes->axis[i].kind == AXIS_CATEGORY;
        conditional[out->d] = uses[i] == SOMETIMES;
        out->gated |= conditional[out->d];
        dims[out->d++] = i;
    }
    return ERR_OK;
}

static double row_of(const struct rows *s, size_t c, double coordinate)
{
    if (isnan(coordinate))
        return s->category[c] ? UNUSED_CATEGORY : UNUSED_NUMBER;
    return s->category[c] ? coordinate : axes_share(s->axes, s->dims[c], coordinate);
}

void rows_row(const struct rows *s, const double *coordinates, double *row)
{
    for (size_t c = 0; c < s->d; c++)
        row[c] = row_of(s, c, coordinates[s->dims[c]]);
}

void rows_quantile(const struct rows *s, const double *u, double *row)
{
    for (size_t c = 0; c < s->d; c++) {
        size_t i = s->dims[c];

        row[c] = s->axes->axis[i].kind == AXIS_REAL ? u[i]
                                                    : row_of(s, c, axes_quantile(s->axes, i, u[i]));
    }
}

double rows_coordinate(const struct rows *s, size_t c, double x)
{
    if (s->category[c])
        return x >= 0.0 ? x : 0.0; /* a branch that was not used begins with its first choice */
    return axes_quantile(s->axes, s->dims[c], x);
}

enum err rows_point(const struct rows *s, const double *row, struct arena *a, struct params *out,
                    struct error *e)
{
    double coordinates[SPACE_DIMENSIONS_MAX] = {0};

    for (size_t c = 0; c < s->d; c++)
        coordinates[s->dims[c]] = rows_coordinate(s, c, row[c]);
    return axes_point(s->axes, coordinates, a, out, e);
}

void rows_see(const struct rows *s, const double *row, double *seen, bool *used)
{
    struct value values[SPACE_DIMENSIONS_MAX];
    double coordinates[SPACE_DIMENSIONS_MAX];
    const size_t *order;

    memcpy(seen, row, s->d * sizeof *seen);
    for (size_t c = 0; c < s->d; c++)
        used[c] = true;
    if (!s->gated)
        return;
    order = space_order(s->axes->space);
    for (size_t i = 0; i < s->axes->n; i++) {
        values[i] = (struct value){.kind = VALUE_NONE};
        coordinates[i] = 0.0;
    }
    for (size_t c = 0; c < s->d; c++)
        coordinates[s->dims[c]] = rows_coordinate(s, c, row[c]);
    for (size_t k = 0; k < s->axes->n; k++)
        if (space_is_active(s->axes->space, order[k], values))
            values[order[k]] = axes_value(s->axes, order[k], coordinates[order[k]]);
    for (size_t c = 0; c < s->d; c++) {
        used[c] = values[s->dims[c]].kind != VALUE_NONE;
        if (!used[c])
            seen[c] = row_of(s, c, (double)NAN);
        else if (s->category[c])
            seen[c] = coordinates[s->dims[c]];
    }
}
