#include "core/linalg/panels.h"

#include "core/base/mem.h"
#include "core/linalg/kernel.h"

struct panels panels_make(const struct kernel *k, size_t rows, size_t columns)
{
    size_t vectors = (columns + k->lanes - 1) / k->lanes;

    return (struct panels){
        .rows = rows,
        .columns = columns,
        .lanes = k->lanes,
        .vectors = vectors,
        .n = (vectors + k->panel - 1) / k->panel,
    };
}

size_t panels_floats(const struct panels *p)
{
    return mem_size(p->rows, p->vectors * p->lanes);
}

struct panels panels_one(const struct panels *p, size_t i)
{
    size_t first = panels_first(p, i), vectors = panels_first(p, i + 1) - first;
    size_t width = vectors * p->lanes, left = p->columns - first * p->lanes;

    return (struct panels){
        .rows = p->rows,
        .columns = left < width ? left : width,
        .lanes = p->lanes,
        .vectors = vectors,
        .n = 1,
    };
}

/* The last panel whose first vector is not beyond column c's, by inverting panels_first. */
static size_t panel_of(const struct panels *p, size_t c)
{
    return ((c / p->lanes + 1) * p->n - 1) / p->vectors;
}

size_t panels_run(const struct panels *p, size_t c)
{
    size_t end = panels_first(p, panel_of(p, c) + 1) * p->lanes;

    return (end < p->columns ? end : p->columns) - c;
}

size_t panels_index(const struct panels *p, size_t r, size_t c)
{
    size_t panel = panel_of(p, c);
    size_t first = panels_first(p, panel);
    size_t width = panels_first(p, panel + 1) - first;

    return (first * p->rows + r * width) * p->lanes + c - first * p->lanes;
}
