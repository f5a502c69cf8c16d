#include "server/jobs/stop.h"

bool stop_is_wanted(const struct definition *d)
{
    return d->has_target || d->patience > 0;
}

/* What was let run ahead of the results is finished and kept. */
static void end(struct stop *s, const struct definition *d, const char *reason)
{
    s->reason = reason;
    s->last = (int64_t)s->judged + d->concurrency - 1;
}

static void judge_one(struct stop *s, const struct definition *d, struct past p)
{
    double target = d->metric->maximize ? -d->target : d->target;

    s->since_best++;
    if (p.state == PAST_COMPLETED && (!s->has_best || p.loss < s->best)) {
        s->has_best = true;
        s->best = p.loss;
        s->since_best = 0;
    }
    if (d->has_target && s->has_best && s->best <= target)
        end(s, d, "target");
    else if (d->patience > 0 && s->since_best >= d->patience)
        end(s, d, "patience");
}

void stop_judge(struct stop *s, const struct definition *d, const struct history *h)
{
    while (!s->reason && s->judged < h->n && h->past[s->judged].state != PAST_PENDING)
        judge_one(s, d, h->past[s->judged++]);
}
