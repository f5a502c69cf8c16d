#include "core/search/ladder.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "core/base/mem.h"
#include "core/search/median.h"

enum { LATEST = 200 }; /* trials by which a change from rung to rung is known */

/* One trial. */
struct climber {
    uint32_t bracket;        /* its place among the brackets; without brackets 0 */
    uint32_t first, told;    /* rungs first .. told - 1 have losses */
    uint32_t allowed;        /* in a bracket: the rung that it may train to */
    uint32_t place, of;      /* on the rung that it was stopped at */
    double x[RUNGS_MOST];
    bool is_settled;
};

struct bracket {
    uint32_t begin, n; /* trials begin .. begin + n - 1, from 0 */
    uint32_t size;     /* that it takes */
    uint32_t first;    /* rung */
    uint32_t level;    /* the rung that is judged next */
};

struct ladder {
    const struct ladder_rule *rule;
    struct ladder_settings settings;
    struct climber *climbers; /* (n); of trial i at i - 1 */
    size_t n, capacity;
    struct bracket *brackets; /* (n_brackets); number i at i - 1 */
    size_t n_brackets, brackets_capacity;
    uint32_t *order; /* (n): room for sorting */
    double *work;    /* (n) */
    size_t order_capacity, work_capacity;
    bool is_end;
};

enum err ladder_create(const struct ladder_rule *rule, const struct ladder_settings *settings,
                       struct ladder **out, struct error *e)
{
    struct ladder *l = calloc(1, sizeof *l);

    assert(settings->rungs.n >= 2);
    if (!l)
        return error_no_memory(e);
    l->rule = rule;
    l->settings = *settings;
    *out = l;
    return ERR_OK;
}

void ladder_destroy(struct ladder *l)
{
    if (!l)
        return;
    free(l->climbers);
    free(l->brackets);
    free(l->order);
    free(l->work);
    free(l);
}

/* ---- brackets -------------------------------------------------------------------------------- */

static bool has_ended(const struct ladder *l, const struct bracket *b)
{
    for (uint32_t i = b->begin; i < b->begin + b->n; i++)
        if (!l->climbers[i].is_settled)
            return false;
    return true;
}

/* A trial of it was stopped: also where that was before a restart. */
static bool was_judged(const struct ladder *l, const struct bracket *b)
{
    for (uint32_t i = b->begin; i < b->begin + b->n; i++) {
        const struct climber *c = &l->climbers[i];

        if (c->is_settled && c->told > c->first && c->told < l->settings.rungs.n &&
            isfinite(c->x[c->told - 1]))
            return true;
    }
    return b->level > b->first;
}

/* The last bracket, if it takes one more trial; else NULL. */
static const struct bracket *open_bracket(const struct ladder *l)
{
    const struct bracket *b = l->n_brackets > 0 ? &l->brackets[l->n_brackets - 1] : NULL;

    return b && b->n < b->size && !was_judged(l, b) && !has_ended(l, b) ? b : NULL;
}

uint32_t ladder_room(const struct ladder *l)
{
    const struct bracket *b = open_bracket(l);
    size_t n = l->n_brackets, overlap = l->settings.overlap;
    uint32_t first;

    if (b)
        return b->size - b->n;
    if (n > overlap && !has_ended(l, &l->brackets[n - overlap - 1])) /* so have all before it */
        return 0;
    return l->rule->bracket((uint32_t)n + 1, l->settings.rungs.n, &first);
}

uint32_t ladder_next_bracket(const struct ladder *l)
{
    if (!l->rule->bracket)
        return 0;
    return (uint32_t)l->n_brackets + (open_bracket(l) ? 0 : 1);
}

uint32_t ladder_next_first(const struct ladder *l)
{
    const struct bracket *b = open_bracket(l);

    if (!l->rule->bracket)
        return 0;
    return b ? b->begin + 1 : (uint32_t)l->n + 1;
}

static enum err reserve(struct ladder *l, struct error *e)
{
    void *climbers = l->climbers, *order = l->order, *work = l->work;
    enum err failed = mem_grow(&climbers, &l->capacity, l->n + 1, sizeof *l->climbers, e);

    l->climbers = climbers;
    if (!failed)
        failed = mem_grow(&order, &l->order_capacity, l->n + 1, sizeof *l->order, e);
    l->order = order;
    if (!failed)
        failed = mem_grow(&work, &l->work_capacity, l->n + 1, sizeof *l->work, e);
    l->work = work;
    return failed;
}

static enum err begin_bracket(struct ladder *l, struct error *e)
{
    uint32_t number = (uint32_t)l->n_brackets + 1, first;
    uint32_t size = l->rule->bracket(number, l->settings.rungs.n, &first);
    void *brackets = l->brackets;
    enum err failed =
        mem_grow(&brackets, &l->brackets_capacity, number, sizeof *l->brackets, e);

    l->brackets = brackets;
    TRY(failed);
    l->brackets[l->n_brackets++] =
        (struct bracket){.begin = (uint32_t)l->n, .size = size, .first = first, .level = first};
    return ERR_OK;
}

enum err ladder_join(struct ladder *l, uint32_t bracket, struct error *e)
{
    struct climber c = {.allowed = l->settings.rungs.n - 1};

    TRY(reserve(l, e));
    if (l->rule->bracket) {
        struct bracket *b;

        if (bracket > l->n_brackets)
            TRY(begin_bracket(l, e));
        c.bracket = (uint32_t)l->n_brackets - 1;
        b = &l->brackets[c.bracket];
        c.first = c.told = c.allowed = b->first;
        b->n++;
    }
    l->climbers[l->n++] = c;
    return ERR_OK;
}

void ladder_set_end(struct ladder *l, bool is_end)
{
    l->is_end = is_end;
}

/* ---- what is told ---------------------------------------------------------------------------- */

static struct climber *climber_of(const struct ladder *l, uint32_t trial)
{
    assert(trial >= 1 && trial <= l->n);
    return &l->climbers[trial - 1];
}

uint32_t ladder_rung(const struct ladder *l, uint32_t trial)
{
    return climber_of(l, trial)->told;
}

void ladder_tell(struct ladder *l, uint32_t trial, double loss)
{
    struct climber *c = climber_of(l, trial);

    assert(c->told < l->settings.rungs.n);
    c->x[c->told++] = loss;
}

void ladder_settle(struct ladder *l, uint32_t trial)
{
    climber_of(l, trial)->is_settled = true;
}

/* ---- in a bracket ---------------------------------------------------------------------------- */

static bool is_complete(const struct ladder *l, const struct bracket *b)
{
    return l->is_end || b != open_bracket(l);
}

/* Everybody who was to reach the bracket's rung is there, or has ended. */
static bool all_there(const struct ladder *l, const struct bracket *b)
{
    for (uint32_t i = b->begin; i < b->begin + b->n; i++) {
        const struct climber *c = &l->climbers[i];

        if (c->allowed >= b->level && c->told <= b->level && !c->is_settled)
            return false;
    }
    return true;
}

/* The loss of a trial on a rung; not finite where it did not come so far. */
static double loss_at(const struct climber *c, uint32_t rung)
{
    return rung >= c->first && rung < c->told ? c->x[rung] : (double)NAN;
}

/* Puts i into the list of those before it by loss; of equals the earlier stays in front. */
static void insert(const struct ladder *l, uint32_t rung, uint32_t *list, size_t n, uint32_t i)
{
    double x = l->climbers[i].x[rung];

    for (; n > 0 && l->climbers[list[n - 1]].x[rung] > x; n--)
        list[n] = list[n - 1];
    list[n] = i;
}

/* How many of n go on. */
static uint32_t best_of(uint32_t n)
{
    return n / RUNGS_RATIO > 1 ? n / RUNGS_RATIO : 1;
}

static void judge_rung(struct ladder *l, struct bracket *b)
{
    uint32_t n = 0, finite = 0, best;

    for (uint32_t i = b->begin; i < b->begin + b->n; i++) {
        if (l->climbers[i].allowed < b->level)
            continue;
        n++;
        if (isfinite(loss_at(&l->climbers[i], b->level)))
            insert(l, b->level, l->order, finite++, i);
    }
    best = best_of(n);
    for (uint32_t i = 0; i < finite; i++) {
        struct climber *c = &l->climbers[l->order[i]];

        c->place = i + 1;
        c->of = n;
        if (i < best)
            c->allowed = b->level + 1;
    }
    b->level++;
}

static void judge_bracket(struct ladder *l, struct bracket *b)
{
    while (b->level + 1 < l->settings.rungs.n && is_complete(l, b) && all_there(l, b))
        judge_rung(l, b);
}

/* ---- what a stopped trial is worth ----------------------------------------------------------- */

/* Trials 1 .. n that may be looked at. */
static size_t visible(const struct ladder *l, uint32_t trial)
{
    uint32_t concurrency = l->settings.concurrency, back = l->settings.overlap;
    uint32_t bracket = climber_of(l, trial)->bracket;

    if (!l->rule->bracket)
        return trial > concurrency ? trial - concurrency : 0;
    return bracket >= back ? l->brackets[bracket - back].begin : 0;
}

/* By how much the loss of a trial changes between two rungs, one after the other; 0: not known. */
static double change(const struct ladder *l, size_t n, uint32_t rung)
{
    size_t found = 0;

    for (size_t i = n; i-- > 0 && found < LATEST;) {
        double d = loss_at(&l->climbers[i], rung + 1) - loss_at(&l->climbers[i], rung);

        if (isfinite(d))
            l->work[found++] = d;
    }
    return found > 0 ? median_of(l->work, found) : 0.0;
}

static double worst_seen(const struct ladder *l, size_t n, const struct climber *own)
{
    double worst = (double)NAN;

    for (size_t i = 0; i <= n; i++) {
        const struct climber *c = i < n ? &l->climbers[i] : own;

        for (uint32_t r = c->first; r < c->told; r++)
            if (isfinite(c->x[r]) && !(worst >= c->x[r]))
                worst = c->x[r];
    }
    return worst;
}

static double worth(const struct ladder *l, uint32_t trial, uint32_t rung)
{
    const struct climber *c = climber_of(l, trial);
    size_t n = visible(l, trial);
    double loss = c->x[rung];

    for (uint32_t r = rung; r + 1 < l->settings.rungs.n && isfinite(loss); r++)
        loss += change(l, n, r);
    return isfinite(loss) ? loss : worst_seen(l, n, c);
}

/* ---- judged ---------------------------------------------------------------------------------- */

static double least_loss(const struct climber *c)
{
    double least = c->x[c->first];

    for (uint32_t r = c->first + 1; r < c->told; r++)
        least = c->x[r] < least ? c->x[r] : least;
    return least;
}

/* Compared with trials that have completed. */
static bool is_stopped(const struct ladder *l, uint32_t trial, uint32_t rung,
                       struct ladder_verdict *v)
{
    size_t n = visible(l, trial), found = 0;

    for (size_t i = 0; i < n; i++) {
        const struct climber *c = &l->climbers[i];

        if (isfinite(loss_at(c, l->settings.rungs.n - 1)) && isfinite(c->x[rung]))
            l->work[found++] = c->x[rung];
    }
    v->least = least_loss(climber_of(l, trial));
    return l->rule->stops(v->least, l->work, found, &v->limit);
}

static enum ladder_step step(struct ladder *l, uint32_t trial, uint32_t rung,
                             struct ladder_verdict *v)
{
    struct climber *c = climber_of(l, trial);
    struct bracket *b;

    if (!l->rule->bracket)
        return is_stopped(l, trial, rung, v) ? LADDER_STOPS : LADDER_GOES_ON;
    b = &l->brackets[c->bracket];
    judge_bracket(l, b);
    if (b->level <= rung)
        return LADDER_WAITS;
    v->place = c->place;
    v->of = c->of;
    return c->allowed > rung ? LADDER_GOES_ON : LADDER_STOPS;
}

struct ladder_verdict ladder_judge(struct ladder *l, uint32_t trial)
{
    const struct climber *c = climber_of(l, trial);
    uint32_t rung = c->told - 1;
    struct ladder_verdict v = {.epochs = l->settings.rungs.epochs[rung],
                               .least = (double)NAN,
                               .limit = (double)NAN,
                               .loss = (double)NAN};

    assert(c->told > c->first);
    v.step = LADDER_GOES_ON;
    if (rung + 1 == l->settings.rungs.n)
        return v;
    v.broken = !isfinite(c->x[rung]);
    v.step = v.broken ? LADDER_STOPS : step(l, trial, rung, &v);
    if (v.step == LADDER_STOPS)
        v.loss = worth(l, trial, rung);
    return v;
}

/* ---- budgets --------------------------------------------------------------------------------- */

void ladder_whole(const struct ladder_rule *rule, uint32_t n_rungs, uint64_t trials,
                  uint64_t *below, uint64_t *above)
{
    uint32_t first;

    *below = *above = 0;
    for (uint32_t number = 1; *above < trials; number++) {
        *below = *above;
        *above += rule->bracket(number, n_rungs, &first);
    }
    if (*above == trials)
        *below = trials;
}

double ladder_share(const struct ladder_rule *rule, const struct rungs *rungs)
{
    double trained = 0, whole = 0;

    for (uint32_t number = 1; number <= rungs->n; number++) {
        uint32_t first, n = rule->bracket(number, rungs->n, &first);

        whole += (double)n * rungs->epochs[rungs->n - 1];
        trained += (double)n * rungs->epochs[first];
        for (uint32_t r = first; r + 1 < rungs->n; r++) {
            n = best_of(n);
            trained += (double)n * (rungs->epochs[r + 1] - rungs->epochs[r]);
        }
    }
    return trained / whole;
}

uint32_t ladder_widest(const struct ladder_rule *rule, uint32_t n_rungs)
{
    uint32_t widest = 0, first;

    for (uint32_t number = 1; number <= n_rungs; number++) {
        uint32_t size = rule->bracket(number, n_rungs, &first);

        widest = size > widest ? size : widest;
    }
    return widest;
}
