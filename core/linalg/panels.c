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

size_t panels_index(const struct panels *p, size_t r, size_t c)
{
    size_t vector = c / p->lanes;
    /* The last panel whose first vector is not beyond ours, by inverting panels_first. */
    size_t panel = ((vector + 1) * p->n - 1) / p->vectors;
    size_t first = panels_first(p, panel);
    size_t width = panels_first(p, panel + 1) - first;

    return (first * p->rows + r * width) * p->lanes + c - first * p->lanes;
}
