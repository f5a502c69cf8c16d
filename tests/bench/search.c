/*
 * Samplers and pruners by themselves, asked and told over a pipe: `make bench-search`.
 *
 * One command a line; those marked > are answered with one line.
 *
 *     dimension NAME int|text VALUE ...      a list
 *     dimension NAME range|log|step MIN MAX  numbers; step: integers
 *     dimension NAME logstep MIN MAX         integers, uniform in the logarithm
 *     gate CHILD PARENT least N              indices of dimensions
 *     gate CHILD PARENT is TEXT
 *     takes SAMPLER                        > "yes" where such a sampler searches this space
 *     begin SAMPLER SEED CONCURRENCY         a search of these dimensions
 *     race PRUNER ALPHA FOLDS CONCURRENCY    with a pruner
 *     ask                                  > values in declared order, of lists their index, "-"
 *                                            where not used; or "exhausted"
 *     tell TRIAL LOSS STOPPED                a trial's result
 *     fold TRIAL LOSS                      > "on", or "stop LOSS"
 *     settle TRIAL FOLDS
 *     round                                > "TRIAL FOLD" for each fold of a round of revisits
 *     more TRIAL LOSS                        such a fold
 *     endround
 *     time                                 > milliseconds of processor time for all proposals of
 *                                            this search
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/search/pruner.h"
#include "core/search/sampler.h"

enum { DIMENSIONS = 32, LINE = 8192 };

static struct dimension dimensions[DIMENSIONS];
static size_t n_dimensions;
static struct space *space;
static struct sampler *sampler;
static struct pruner *pruner;
static struct arena *arena;
static double ask_ms;

static void fail(const char *message)
{
    fprintf(stderr, "search: %s\n", message);
    exit(1);
}

static void check(enum err failed, const struct error *e)
{
    if (failed)
        fail(e->message);
}

static void *must(void *memory)
{
    if (!memory)
        fail("out of memory");
    return memory;
}

static char *word(void)
{
    char *w = strtok(NULL, " \n");

    if (!w)
        fail("a word is missing");
    return w;
}

static double number(void)
{
    return strtod(word(), NULL);
}

static uint32_t count(void)
{
    return (uint32_t)strtoul(word(), NULL, 10);
}

/* ---- the space ------------------------------------------------------------------------------- */

/* Texts live until the program ends. */
static struct value text(const char *s)
{
    return (struct value){.kind = VALUE_TEXT, .text = must(strdup(s))};
}

static void add_list(struct dimension *d, const char *kind)
{
    struct value *values = must(calloc(SPACE_CHOICES_MAX, sizeof *values));
    char *w;

    d->kind = SPACE_CHOICE;
    d->values = values;
    while (d->n_values < SPACE_CHOICES_MAX && (w = strtok(NULL, " \n")))
        values[d->n_values++] =
            strcmp(kind, "text") == 0
                ? text(w)
                : (struct value){.kind = VALUE_INT, .integer = strtoll(w, NULL, 10)};
}

static void dimension(void)
{
    struct dimension *d = &dimensions[n_dimensions];
    const char *kind;

    if (n_dimensions++ == DIMENSIONS)
        fail("too many dimensions");
    d->name = must(strdup(word()));
    kind = word();
    if (strcmp(kind, "int") == 0 || strcmp(kind, "text") == 0) {
        add_list(d, kind);
        return;
    }
    d->kind = SPACE_RANGE;
    d->log = strncmp(kind, "log", 3) == 0;
    d->integer = strstr(kind, "step") != NULL;
    d->min = number();
    d->max = number();
}

static void gate(void)
{
    struct gate *g = &dimensions[count() % DIMENSIONS].gate;

    g->parent = count();
    if (strcmp(word(), "least") == 0) {
        g->kind = GATE_AT_LEAST;
        g->least = count();
    } else {
        struct value *v = must(calloc(1, sizeof *v));

        *v = text(word());
        g->kind = GATE_ONE_OF;
        g->n_values = 1;
        g->values = v;
    }
}

/* ---- the search ------------------------------------------------------------------------------ */

static void make_space(void)
{
    struct error e = {0};

    if (!space)
        check(space_create(dimensions, n_dimensions, &space, &e), &e);
}

static void takes(void)
{
    const struct sampler_settings settings = {.seed = 1, .concurrency = 1};
    const struct sampler_kind *kind = sampler_find(word());
    struct sampler *s = NULL;
    struct error e = {0};

    make_space();
    puts(kind && !sampler_create(kind, space, &settings, &s, &e) ? "yes" : "no");
    sampler_destroy(s);
}

static void begin(void)
{
    struct error e = {0};
    const struct sampler_kind *kind = sampler_find(word());
    struct sampler_settings settings = {.seed = count()};

    settings.concurrency = count();
    pruner_destroy(pruner);
    pruner = NULL;
    sampler_destroy(sampler);
    sampler = NULL;
    ask_ms = 0.0;
    if (!kind)
        fail("no such sampler");
    make_space();
    check(sampler_create(kind, space, &settings, &sampler, &e), &e);
}

static void race(void)
{
    struct error e = {0};
    const struct pruner_kind *kind = pruner_find(word());
    struct pruner_settings settings = {.alpha = number(), .revisit = true};

    settings.n_folds = count();
    settings.concurrency = count();
    if (!kind || settings.n_folds < 2)
        fail("no such pruner");
    check(pruner_create(kind, &settings, &pruner, &e), &e);
}

static double cpu_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static void print_value(const struct dimension *d, const struct value *v)
{
    if (!v)
        printf("- ");
    else if (d->kind == SPACE_RANGE)
        printf("%.17g ", value_number(v));
    else
        for (size_t i = 0; i < d->n_values; i++)
            if (value_equal(&d->values[i], v))
                printf("%zu ", i);
}

static void ask(void)
{
    struct error e = {0};
    struct params point = {0};
    bool exhausted;
    double began = cpu_ms();

    arena_reset(arena);
    check(sampler_propose(sampler, arena, &point, &exhausted, &e), &e);
    ask_ms += cpu_ms() - began;
    for (size_t i = 0; !exhausted && i < n_dimensions; i++)
        print_value(&dimensions[i], params_get(&point, dimensions[i].name));
    puts(exhausted ? "exhausted" : "");
}

static void tell(void)
{
    uint32_t trial = count();
    double loss = number();

    sampler_tell(sampler, trial,
                 (struct past){.state = count() ? PAST_STOPPED : PAST_COMPLETED, .loss = loss});
}

static void fold(void)
{
    struct error e = {0};
    uint32_t trial = count();
    struct verdict v;

    check(pruner_tell(pruner, trial, number(), &e), &e);
    v = pruner_judge(pruner, trial);
    if (v.stop)
        printf("stop %.17g\n", v.loss);
    else
        puts("on");
}

static void settle(void)
{
    struct error e = {0};
    uint32_t trial = count();

    check(pruner_settle(pruner, trial, count(), &e), &e);
}

static void revisit(void)
{
    struct error e = {0};
    const struct revisit *r;
    size_t n;

    check(pruner_round(pruner, &n, &r, &e), &e);
    for (size_t i = 0; i < n; i++)
        printf("%u %u ", r[i].trial, r[i].m);
    puts("");
}

static void more(void)
{
    struct error e = {0};
    uint32_t trial = count();

    check(pruner_tell(pruner, trial, number(), &e), &e);
}

static void end_round(void)
{
    pruner_round_end(pruner);
}

static void print_time(void)
{
    printf("%.6g\n", ask_ms);
}

/* ---- commands -------------------------------------------------------------------------------- */

enum needs { NOTHING, SAMPLER, PRUNER };

static const struct command {
    const char *name;
    void (*run)(void);
    enum needs needs;
} commands[] = {
    {"dimension", dimension, NOTHING}, {"gate", gate, NOTHING}, {"begin", begin, NOTHING},
    {"takes", takes, NOTHING},         {"race", race, SAMPLER}, {"ask", ask, SAMPLER},
    {"tell", tell, SAMPLER},           {"fold", fold, PRUNER},  {"settle", settle, PRUNER},
    {"round", revisit, PRUNER},        {"more", more, PRUNER},  {"endround", end_round, PRUNER},
    {"time", print_time, SAMPLER},
};

static void obey(const char *name)
{
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(commands[i].name, name) == 0) {
            if ((commands[i].needs >= SAMPLER && !sampler) ||
                (commands[i].needs == PRUNER && !pruner))
                fail("nothing was begun");
            commands[i].run();
            fflush(stdout);
            return;
        }
    fail("no such command");
}

int main(void)
{
    static char line[LINE];
    struct error e = {0};
    const char *name;

    check(arena_create(1 << 16, &arena, &e), &e);
    while (fgets(line, sizeof line, stdin))
        if ((name = strtok(line, " \n")))
            obey(name);
    pruner_destroy(pruner);
    sampler_destroy(sampler);
    space_destroy(space);
    arena_destroy(arena);
    return 0;
}
