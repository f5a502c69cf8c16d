#include "core/search/rungs.h"

struct rungs rungs_make(uint32_t epochs)
{
    uint32_t span = 27, first = epochs > span ? epochs / span : 1;
    struct rungs r = {0};

    for (uint32_t at = first; at <= epochs / RUNGS_RATIO; at *= RUNGS_RATIO)
        r.epochs[r.n++] = at;
    r.epochs[r.n++] = epochs;
    return r;
}
