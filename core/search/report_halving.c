/*
 * Asynchronous successive halving, in the form that stops: at the rungs r, r eta, r eta^2, … of its
 * steps a trial goes on where its value is among the best floor(n/eta) of the n seen there so far,
 * its own among them; while n < eta, where it is the best. A trial passes a rung with its first
 * report at that step or later.
 *
 * Hyperband guards against slow starters: each trial belongs to a bracket, drawn by seed and
 * number, and bracket b begins at rung r eta^b. It is drawn in proportion to the trials that
 * Hyperband begins there, so that most are judged early.
 *
 * Source  Li et al. 2018, Massively parallel hyperparameter tuning; Li et al. 2017, Hyperband;
 *         the form that stops, and the shares of brackets, as Optuna has them
 */
#include <math.h>

#include "core/base/rng.h"
#include "core/search/reports_private.h"

/* ---- brackets -------------------------------------------------------------------------------- */

static bool fits(int64_t step, const struct reports_settings *s)
{
    return step <= s->last_step / s->eta;
}

static uint32_t count_brackets(const struct reports_settings *s)
{
    uint32_t n = 1;

    for (int64_t step = s->min_step; fits(step, s); step *= s->eta)
        n++;
    return n;
}

/* How many trials Hyperband begins in bracket b of n: ceil(n eta^s / (s + 1)), s = n - 1 - b. */
static uint64_t share_of(uint32_t b, uint32_t n, int64_t eta)
{
    uint64_t s = n - 1 - b, trials = n;

    for (uint64_t i = 0; i < s; i++)
        trials *= (uint64_t)eta;
    return (trials + s) / (s + 1);
}

static uint32_t bracket_of(const struct reports *p, uint32_t trial)
{
    const struct reports_settings *s = &p->settings;
    uint32_t n, b = 0;
    double total = 0, drawn;
    struct rng rng;

    if (p->kind != &reports_hyperband)
        return 0;
    n = count_brackets(s);
    for (uint32_t i = 0; i < n; i++)
        total += (double)share_of(i, n, s->eta);
    rng_init(&rng, s->seed, 0, 0, RNG_BRACKET, trial);
    drawn = rng_f64(&rng) * total;
    while (b < n - 1 && drawn >= (double)share_of(b, n, s->eta))
        drawn -= (double)share_of(b++, n, s->eta);
    return b;
}

/* ---- rungs ----------------------------------------------------------------------------------- */

/* The next rung after this one, or INT64_MAX where nothing counts so far. */
static int64_t next_rung(const struct reports *p, int64_t rung)
{
    return rung <= INT64_MAX / p->settings.eta ? rung * p->settings.eta : INT64_MAX;
}

static int64_t first_rung(const struct reports *p, uint32_t bracket)
{
    int64_t rung = p->settings.min_step;

    while (bracket-- > 0)
        rung = next_rung(p, rung);
    return rung;
}

/* The first rung that a report passes, if it is not beyond the report's step. */
static int64_t first_passed(const struct reports *p, const struct run *r, size_t mark,
                            uint32_t bracket)
{
    int64_t before = mark > 0 ? r->marks[mark - 1].step : 0, rung = first_rung(p, bracket);

    while (rung <= before)
        rung = next_rung(p, rung);
    return rung;
}

static enum err told(struct reports *p, const struct run *r, struct error *e)
{
    const struct mark *last = &r->marks[r->n - 1];
    uint32_t bracket = bracket_of(p, r->trial);
    int64_t rung = first_passed(p, r, r->n - 1, bracket);

    for (; rung <= last->step; rung = next_rung(p, rung))
        TRY(levels_add(&p->levels, bracket, rung, last->loss, e));
    return ERR_OK;
}

static void forgot(struct reports *p, const struct run *r)
{
    uint32_t bracket = bracket_of(p, r->trial);

    for (size_t i = 0; i < r->n; i++) {
        int64_t rung = first_passed(p, r, i, bracket);

        for (; rung <= r->marks[i].step; rung = next_rung(p, rung))
            levels_remove(&p->levels, bracket, rung, r->marks[i].loss);
    }
}

static struct reports_verdict judge(const struct reports *p, const struct run *r)
{
    const struct mark *last = &r->marks[r->n - 1];
    uint32_t bracket = bracket_of(p, r->trial);
    int64_t rung = first_passed(p, r, r->n - 1, bracket);
    struct reports_verdict v = {.value = last->loss, .p = (double)NAN};

    for (; rung <= last->step && !v.stop; rung = next_rung(p, rung)) {
        const struct level *x = levels_find(&p->levels, bracket, rung);
        size_t go_on = x->n / (size_t)p->settings.eta;

        v.n = x->n;
        v.bar = x->losses[go_on > 0 ? go_on - 1 : 0];
        v.stop = last->loss > v.bar;
    }
    return v;
}

const struct reports_kind reports_successive_halving = {
    .name = "successive_halving",
    .summary = "stops a trial at the steps min_step, min_step eta, min_step eta^2, … unless its "
               "value is among the best of eta seen there so far",
    .reason = "dominated",
    .bar = "the last to go on among",
    .has_eta = true,
    .told = told,
    .forgot = forgot,
    .judge = judge,
};

const struct reports_kind reports_hyperband = {
    .name = "hyperband",
    .summary = "successive_halving in brackets, of which some begin to judge later: it needs "
               "objective.steps",
    .reason = "dominated",
    .bar = "the last to go on among",
    .has_eta = true,
    .needs_last_step = true,
    .told = told,
    .forgot = forgot,
    .judge = judge,
};
