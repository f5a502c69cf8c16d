#include "core/search/pruner.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/search/forgiving.h"
#include "core/search/permute.h"
#include "core/search/racing.h"
#include "core/search/wilcoxon.h"

/* Mates: only the latest are looked at. Revisits end below this chance. */
enum { MATES_MAX = 60 };
static const double REVISIT_LEAST = 0.01;

const struct pruner_kind *const pruner_kinds[] = {&racing_pruner, &wilcoxon_pruner,
                                                  &forgiving_pruner, NULL};

/* One trial. */
struct runner {
    double *x;       /* (told) losses in the order of the race */
    size_t capacity; /* of x */
    uint32_t told;
    uint32_t settled; /* folds that it was decided with */
    uint32_t played;  /* with the rounds of revisits that have ended */
    bool is_settled;
};

struct pruner {
    const struct pruner_kind *kind;
    struct pruner_settings settings;
    struct runner *runners; /* (n); of trial i at i - 1 */
    size_t n, capacity;
    uint32_t *leaders; /* (n_led): the incumbent of trials 1 .. i at i - 1, as they were settled */
    size_t n_led, leaders_capacity;
    uint32_t leader;       /* the incumbent of all that are settled, as they were settled */
    bool playing;          /* `played` holds */
    struct revisit *round; /* (n_round), room for `concurrency` */
    size_t n_round;
    uint32_t round_leader;
    double round_scale;
    double *work; /* (n_folds) */
};

/* Which folds count: those of trials 1 .. n, as they were settled or with the rounds played. */
struct view {
    size_t n;
    bool played;
    uint32_t except; /* a trial that is left out; 0: none */
};

const struct pruner_kind *pruner_find(const char *name)
{
    for (const struct pruner_kind *const *k = pruner_kinds; *k; k++)
        if (strcmp((*k)->name, name) == 0)
            return *k;
    return NULL;
}

uint32_t pruner_order(uint64_t seed, uint32_t n_folds, uint32_t m)
{
    return (uint32_t)permute_index(seed, n_folds, m);
}

enum err pruner_create(const struct pruner_kind *kind, const struct pruner_settings *settings,
                       struct pruner **out, struct error *e)
{
    struct pruner *p = calloc(1, sizeof *p);
    size_t most = settings->concurrency > 0 ? settings->concurrency : 1;

    assert(settings->n_folds >= 2);
    if (!p)
        return error_no_memory(e);
    p->kind = kind;
    p->settings = *settings;
    p->round = calloc(most, sizeof *p->round);
    p->work = calloc(settings->n_folds, sizeof *p->work);
    if (!p->round || !p->work) {
        pruner_destroy(p);
        return error_no_memory(e);
    }
    *out = p;
    return ERR_OK;
}

void pruner_destroy(struct pruner *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->n; i++)
        free(p->runners[i].x);
    free(p->runners);
    free(p->leaders);
    free(p->round);
    free(p->work);
    free(p);
}

const struct pruner_kind *pruner_kind_of(const struct pruner *p)
{
    return p->kind;
}

/* ---- what is told ---------------------------------------------------------------------------- */

/* The trial's runner, with all before it. */
static enum err reach(struct pruner *p, uint32_t trial, struct runner **out, struct error *e)
{
    void *runners = p->runners;
    enum err failed;

    assert(trial >= 1);
    failed = mem_grow(&runners, &p->capacity, trial, sizeof *p->runners, e);
    p->runners = runners;
    TRY(failed);
    for (; p->n < trial; p->n++) {
        p->runners[p->n] = (struct runner){0};
        p->playing = false; /* it takes part in the rounds from the first one on */
    }
    *out = &p->runners[trial - 1];
    return ERR_OK;
}

enum err pruner_tell(struct pruner *p, uint32_t trial, double loss, struct error *e)
{
    struct runner *r;
    enum err failed;
    void *x;

    TRY(reach(p, trial, &r, e));
    assert(r->told < p->settings.n_folds);
    x = r->x;
    failed = mem_grow(&x, &r->capacity, r->told + 1, sizeof *r->x, e);
    r->x = x;
    TRY(failed);
    r->x[r->told++] = loss;
    return ERR_OK;
}

void pruner_forget(struct pruner *p, uint32_t trial)
{
    if (trial > p->n)
        return;
    assert(!p->runners[trial - 1].is_settled);
    p->runners[trial - 1].told = 0;
}

uint32_t pruner_told(const struct pruner *p, uint32_t trial)
{
    return trial <= p->n ? p->runners[trial - 1].told : 0;
}

/* ---- what is seen ---------------------------------------------------------------------------- */

static bool all_finite(const double *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(x[i]))
            return false;
    return true;
}

static double mean(const double *x, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += x[i];
    return sum / (double)n;
}

/* The folds of trial i + 1 that may be looked at. */
static uint32_t seen(const struct pruner *p, const struct view *v, size_t i)
{
    const struct runner *r = &p->runners[i];

    if (!r->is_settled || v->except == i + 1)
        return 0;
    return v->played ? r->played : r->settled;
}

static bool is_complete(const struct pruner *p, const struct view *v, size_t i)
{
    return seen(p, v, i) == p->settings.n_folds && all_finite(p->runners[i].x, p->settings.n_folds);
}

/* Of two complete trials, or 0, the better one; of equals the earlier. */
static uint32_t better(const struct pruner *p, uint32_t earlier, uint32_t later)
{
    uint32_t k = p->settings.n_folds;

    if (earlier == 0 || later == 0)
        return earlier + later;
    return mean(p->runners[later - 1].x, k) < mean(p->runners[earlier - 1].x, k) ? later : earlier;
}

static uint32_t find_leader(const struct pruner *p, const struct view *v)
{
    uint32_t leader = 0;

    for (size_t i = 0; i < v->n; i++)
        if (is_complete(p, v, i))
            leader = better(p, leader, (uint32_t)i + 1);
    return leader;
}

/* As find_leader for the trials 1 .. n as they were settled, without looking at each again. */
static uint32_t leader_of_first(const struct pruner *p, size_t n)
{
    assert(n <= p->n_led);
    return n > 0 ? p->leaders[n - 1] : 0;
}

/* Trials may be settled in any order. */
static void update_leader(struct pruner *p, uint32_t trial)
{
    const struct view v = {.n = p->n};

    if (is_complete(p, &v, trial - 1))
        p->leader = p->leader < trial ? better(p, p->leader, trial) : better(p, trial, p->leader);
}

static enum err extend_leaders(struct pruner *p, struct error *e)
{
    while (p->n_led < p->n && p->runners[p->n_led].is_settled) {
        const struct view v = {.n = p->n};
        size_t i = p->n_led;
        uint32_t before = leader_of_first(p, i);
        void *leaders = p->leaders;
        enum err failed = mem_grow(&leaders, &p->leaders_capacity, i + 1, sizeof *p->leaders, e);

        p->leaders = leaders;
        TRY(failed);
        p->leaders[i] = is_complete(p, &v, i) ? better(p, before, (uint32_t)i + 1) : before;
        p->n_led++;
    }
    return ERR_OK;
}

enum err pruner_settle(struct pruner *p, uint32_t trial, uint32_t m, struct error *e)
{
    struct runner *r;

    TRY(reach(p, trial, &r, e));
    assert(!r->is_settled && m <= r->told);
    r->is_settled = true;
    r->settled = m;
    p->playing = false;
    update_leader(p, trial);
    return extend_leaders(p, e);
}

static const struct runner *runner_of(const struct pruner *p, uint32_t trial)
{
    assert(trial >= 1 && trial <= p->n);
    return &p->runners[trial - 1];
}

/* ---- judged ---------------------------------------------------------------------------------- */

/* Differences to the incumbent over the first m folds. */
static struct race_mate differences(const double *x, const double *incumbent, size_t m)
{
    struct race_mate d = {0};

    for (size_t i = 0; i < m; i++)
        d.difference += x[i] - incumbent[i];
    d.difference /= (double)m;
    for (size_t i = 0; i < m; i++) {
        double off = x[i] - incumbent[i] - d.difference;

        d.variance += off * off;
    }
    d.variance = m > 1 ? d.variance / (double)(m - 1) : (double)NAN;
    return d;
}

static double learn_scale(const struct pruner *p, const struct view *v, uint32_t leader)
{
    const double *incumbent = p->runners[leader - 1].x;
    struct race_mate mates[MATES_MAX];
    size_t n = 0;

    if (!p->kind->scale)
        return (double)NAN;
    for (size_t i = v->n; i-- > 0 && n < MATES_MAX;) {
        const double *x = p->runners[i].x;
        uint32_t m = seen(p, v, i);

        if (i + 1 != leader && m >= 2 && all_finite(x, m))
            mates[n++] = differences(x, incumbent, m);
    }
    return p->kind->scale(incumbent, p->settings.n_folds, mates, n);
}

static void worsen(double *worst, const double *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (isfinite(x[i]) && !(*worst >= x[i]))
            *worst = x[i];
}

/* The worst finite loss of any fold that may be looked at, the trial's own among them. */
static double worst_seen(const struct pruner *p, const struct view *v, const struct runner *own)
{
    double worst = (double)NAN;

    for (size_t i = 0; i < v->n; i++)
        worsen(&worst, p->runners[i].x, seen(p, v, i));
    worsen(&worst, own->x, own->told);
    return worst;
}

static struct verdict compare(const struct pruner *p, const struct runner *r, uint32_t m,
                              uint32_t leader, double scale)
{
    uint32_t k = p->settings.n_folds;
    const double *incumbent = p->runners[leader - 1].x;
    struct race race = {.n_folds = k,
                        .m = m,
                        .x = r->x,
                        .incumbent = incumbent,
                        .incumbent_mean = mean(incumbent, k),
                        .scale = scale,
                        .alpha = p->settings.alpha,
                        .work = p->work};
    struct verdict v = {.m = m, .incumbent = leader, .p = (double)NAN};

    v.stop = p->kind->stops(&race, &v.p);
    v.loss = race.incumbent_mean + differences(r->x, incumbent, m).difference;
    return v;
}

/* What a trial that is not settled may look at. */
static struct view view_of(const struct pruner *p, uint32_t trial)
{
    uint32_t concurrency = p->settings.concurrency;

    if (concurrency == 0)
        return (struct view){.n = p->n, .except = trial};
    return (struct view){.n = trial > concurrency ? trial - concurrency : 0};
}

struct verdict pruner_judge(const struct pruner *p, uint32_t trial)
{
    const struct runner *r = runner_of(p, trial);
    struct view v = r->is_settled ? (struct view){.n = p->n, .played = true} : view_of(p, trial);
    struct verdict verdict = {.m = r->told, .p = (double)NAN, .loss = (double)NAN};
    uint32_t leader;

    assert(r->told > 0);
    if (!isfinite(r->x[r->told - 1])) {
        verdict.stop = verdict.broken = true;
        verdict.loss = worst_seen(p, &v, r);
        return verdict;
    }
    if (r->told == p->settings.n_folds)
        return verdict;
    if (r->is_settled)
        return compare(p, r, r->told, p->round_leader, p->round_scale);
    leader = p->settings.concurrency > 0 ? leader_of_first(p, v.n) : p->leader;
    if (leader == 0)
        return verdict;
    verdict = compare(p, r, r->told, leader, learn_scale(p, &v, leader));
    if (!isfinite(verdict.loss)) /* a sum was too large */
        verdict.loss = worst_seen(p, &v, r);
    return verdict;
}

/* ---- revisits -------------------------------------------------------------------------------- */

static void rewind_rounds(struct pruner *p)
{
    for (size_t i = 0; i < p->n; i++)
        p->runners[i].played = p->runners[i].settled;
    p->playing = true;
    p->n_round = 0;
}

struct chance {
    double p;
    uint32_t trial;
};

static int by_chance(const void *a, const void *b)
{
    const struct chance *x = a, *y = b;

    if (x->p != y->p)
        return x->p > y->p ? -1 : 1;
    return x->trial < y->trial ? -1 : x->trial > y->trial;
}

/* The trials that were stopped and may win after all. */
static size_t list_chances(const struct pruner *p, struct chance *out)
{
    size_t n = 0;

    for (size_t i = 0; i < p->n; i++) {
        const struct runner *r = &p->runners[i];
        struct verdict v;

        assert(r->is_settled);
        if (r->played == 0 || r->played == p->settings.n_folds || !all_finite(r->x, r->played))
            continue;
        v = compare(p, r, r->played, p->round_leader, p->round_scale);
        if (v.p >= REVISIT_LEAST)
            out[n++] = (struct chance){v.p, (uint32_t)i + 1};
    }
    return n;
}

static enum err choose_round(struct pruner *p, struct error *e)
{
    const struct view v = {.n = p->n, .played = true};
    size_t most = p->settings.concurrency > 0 ? p->settings.concurrency : 1, n;
    CLEANUP(mem_free) struct chance *chances = NULL;

    p->round_leader = find_leader(p, &v);
    if (p->round_leader == 0)
        return ERR_OK; /* nothing was stopped but what failed */
    chances = calloc(p->n, sizeof *chances);
    if (!chances)
        return error_no_memory(e);
    p->round_scale = learn_scale(p, &v, p->round_leader);
    n = list_chances(p, chances);
    qsort(chances, n, sizeof *chances, by_chance);
    for (size_t i = 0; i < n && i < most; i++)
        p->round[p->n_round++] =
            (struct revisit){chances[i].trial, p->runners[chances[i].trial - 1].played};
    return ERR_OK;
}

enum err pruner_round(struct pruner *p, size_t *n, const struct revisit **out, struct error *e)
{
    if (!p->playing)
        rewind_rounds(p);
    if (p->n_round == 0 && p->kind->revisits && p->settings.revisit && p->n > 0)
        TRY(choose_round(p, e));
    *n = p->n_round;
    *out = p->round;
    return ERR_OK;
}

void pruner_round_end(struct pruner *p)
{
    for (size_t i = 0; i < p->n_round; i++) {
        struct runner *r = &p->runners[p->round[i].trial - 1];

        assert(r->told > r->played);
        r->played++;
    }
    p->n_round = 0;
}
