#include "core/linalg/lanes.h"

void lanes_update_set(struct lanes_update *u, size_t lane, const struct kernel_update *from)
{
    u->rule = from->rule;
    u->rate[lane] = from->rate;
    u->rate_now[lane] = from->rate_now;
    u->l2[lane] = from->l2;
    u->keep[lane] = from->keep;
    u->momentum[lane] = from->momentum;
    u->beta1[lane] = from->beta1;
    u->gain1[lane] = from->gain1;
    u->beta2[lane] = from->beta2;
    u->gain2[lane] = from->gain2;
    u->root[lane] = from->root;
    u->epsilon[lane] = from->epsilon;
}

/* A processor that runs a kernel with longer vectors also runs those with shorter ones. */
const struct lanes *lanes_choose(const struct kernel *k, size_t n_networks)
{
    const struct lanes *best = k->fused;
    const struct kernel *other;

    for (size_t i = 0; best && (other = kernel_at(i)); i++)
        if (other->fused && other->fused->n < best->n && other->fused->n >= n_networks &&
            kernel_supported(other))
            best = other->fused;
    return best;
}
