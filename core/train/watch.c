#include "core/train/watch.h"

#include <math.h>

void watch_start(struct watch *w)
{
    *w = (struct watch){
        .best = (double)INFINITY,
        .plateau_best = (double)INFINITY,
        .rate_factor = 1.0,
    };
}

bool watch_best(struct watch *w, size_t epoch, double loss)
{
    if (!(loss < w->best))
        return false;
    w->best = loss;
    w->best_epoch = epoch;
    return true;
}

bool watch_is_over(const struct watch *w, size_t epoch, size_t patience)
{
    return epoch - w->best_epoch >= patience;
}

void watch_plateau(struct watch *w, double loss, double decay, size_t patience)
{
    const double THRESHOLD = 1e-4;

    if (loss < w->plateau_best * (1.0 - THRESHOLD)) {
        w->plateau_best = loss;
        w->plateau_bad = 0;
        return;
    }
    if (++w->plateau_bad <= patience)
        return;
    w->rate_factor *= decay;
    w->plateau_bad = 0;
}
