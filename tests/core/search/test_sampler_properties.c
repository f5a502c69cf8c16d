#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/search/keyset.h"
#include "core/search/points.h"
#include "core/search/sampler.h"
#include "tests/core/search/fixture.h"

/* A proposal costs it milliseconds: it is tried on fewer spaces, and not to the end of large ones.
 */
static bool is_slow(const struct sampler_kind *kind)
{
    return strcmp(kind->name, "gp") == 0;
}

/* Some spaces are refused; what holds for none holds for nothing. */
static void check_tried(const struct sampler_kind *kind, size_t tried, size_t n)
{
    print_message("%s: %zu of %zu spaces\n", kind->name, tried, n);
    assert_in_range(tried, n / 8, n);
}

/* Two parents, children of either, in a mixed order; some of them ranges. */
static struct space *random_space(struct rng *r, bool finite)
{
    static const struct value optimizers[] = {TEXT("sgd"), TEXT("adam"), TEXT("nadam")};
    static const struct value levels[] = {INT(1), INT(2), INT(3), INT(4), INT(5)};
    static const char *const names[] = {"a", "b", "c", "d", "e", "f"};
    uint32_t order[6] = {0, 1, 2, 3, 4, 5};
    struct dimension d[6] = {{0}};
    size_t n = 3 + rng_below(r, 4), place[6];

    rng_shuffle(r, order, n);
    for (size_t i = 0; i < n; i++)
        place[order[i]] = i; /* dimension 0 and 1 are the parents */
    for (size_t k = 0; k < n; k++) {
        struct dimension *x = &d[place[k]];

        if (k == 0) {
            *x = choice(names[k], optimizers, 2 + rng_below(r, 2));
        } else if (k == 1 || rng_below(r, 2) == 0) {
            *x = choice(names[k], levels, 1 + rng_below(r, 5));
        } else {
            *x = (struct dimension){.name = names[k],
                                    .kind = SPACE_RANGE,
                                    .min = 1,
                                    .max = 4,
                                    .integer = finite || rng_below(r, 2) == 0,
                                    .log = rng_below(r, 2) == 0};
            if (!x->integer && !x->log && rng_below(r, 2) == 0)
                x->step = 0.5;
        }
        if (k > 1 && rng_below(r, 2) == 0)
            x->gate = (struct gate){
                .kind = GATE_AT_LEAST, .parent = place[1], .least = 1 + rng_below(r, 5)};
        else if (k > 1 && rng_below(r, 2) == 0)
            x->gate = (struct gate){.kind = GATE_ONE_OF,
                                    .parent = place[0],
                                    .n_values = 1,
                                    .values = &optimizers[rng_below(r, 3)]};
    }
    return make(d, n);
}

/* What the list of points must be, by brute force: all combinations, unused ones dropped. */
static void check_list(const struct space *s, struct arena *a)
{
    size_t n = space_count(s);
    uint64_t digits[6] = {0}, listed = 0;
    struct keyset seen = {0};
    struct points *points;
    struct params p;
    struct error e;
    bool more = true;

    assert_int_equal(points_create(s, SPACE_DRAW, &points, &e), ERR_OK);
    while (more) {
        struct value values[SPACE_DIMENSIONS_MAX] = {{0}};
        struct buf key = {0}, got = {0};

        for (size_t k = 0; k < n; k++) {
            size_t i = space_order(s)[k];

            if (space_is_active(s, i, values))
                values[i] = space_level(s, i, SPACE_DRAW, digits[i]);
        }
        assert_int_equal(space_point(s, values, a, &p, &e), ERR_OK);
        space_key(s, &p, &key);
        if (!keyset_has(&seen, buf_text(&key))) {
            assert_int_equal(keyset_add(&seen, buf_text(&key), &e), ERR_OK);
            assert_int_equal(points_at(points, listed++, a, &p, &e), ERR_OK);
            space_key(s, &p, &got);
            assert_string_equal(buf_text(&got), buf_text(&key));
        }
        buf_finish(&key);
        buf_finish(&got);
        more = false;
        for (size_t i = n; i-- > 0 && !more;) {
            more = ++digits[i] < space_levels(s, i, SPACE_DRAW);
            if (!more)
                digits[i] = 0;
        }
    }
    assert_int_equal(listed, points_count(points));
    points_destroy(points);
    keyset_finish(&seen);
}

static void the_list_of_points_is_that_of_brute_force(void **state)
{
    (void)state;
    print_message("seeds 0 to 99\n");
    for (uint32_t seed = 0; seed < 100; seed++) {
        struct arena *a = make_arena();
        struct space *s;
        struct rng r;

        rng_init(&r, seed, 0, 0, RNG_TEST, 1);
        s = random_space(&r, true);
        check_list(s, a);
        space_destroy(s);
        arena_destroy(a);
    }
}

/* A loss that prefers some region; some trials fail. Told as `concurrency` allows. */
static void tell(struct sampler *s, uint32_t trial, const struct params *p)
{
    double loss = 0;

    for (size_t i = 0; i < p->n; i++) {
        double x = value_number(&p->items[i].value);

        loss += isfinite(x) ? (x - 1) * (x - 1) : 0.5;
    }
    sampler_tell(s, trial,
                 trial % 7 == 3 ? (struct past){.state = PAST_FAILED, .loss = (double)NAN}
                                : (struct past){.state = PAST_COMPLETED, .loss = loss});
}

static bool propose_until_exhausted(const struct sampler_kind *kind, uint32_t seed)
{
    struct sampler_settings settings = {.seed = seed};
    struct arena *a = make_arena();
    struct keyset seen = {0};
    struct points *points;
    struct sampler *sampler;
    struct space *s;
    struct params p;
    struct error e;
    struct rng r;
    const char *text;
    bool tried;

    rng_init(&r, seed, 0, 0, RNG_TEST, 2);
    s = random_space(&r, true);
    assert_int_equal(points_create(s, kind->levels, &points, &e), ERR_OK);
    sampler = try_start(kind, s, &settings);
    tried = sampler && (!is_slow(kind) || points_count(points) <= 60);
    while (tried && *(text = next(sampler, a, &p))) {
        assert_int_equal(space_check(s, &p, &e), ERR_OK);
        assert_false(keyset_has(&seen, text));
        assert_int_equal(keyset_add(&seen, text, &e), ERR_OK);
        tell(sampler, (uint32_t)seen.n, &p);
    }
    assert_int_equal(seen.n, tried ? points_count(points) : 0);
    points_destroy(points);
    sampler_destroy(sampler);
    space_destroy(s);
    keyset_finish(&seen);
    arena_destroy(a);
    return tried;
}

static void every_proposal_is_valid_and_none_comes_twice_until_the_space_is_exhausted(void **state)
{
    (void)state;
    print_message("seeds 0 to 39\n");
    for (const struct sampler_kind *const *k = sampler_kinds; *k; k++) {
        size_t tried = 0;

        for (uint32_t seed = 0; seed < 40; seed++)
            tried += propose_until_exhausted(*k, seed);
        check_tried(*k, tried, 40);
    }
}

/* Tells the results that the next proposal may look at, in the order that they may have come in. */
static void tell_needed(struct sampler *s, size_t next_trial, uint32_t *told,
                        const struct params *points)
{
    size_t needed = sampler_needs(s, next_trial);

    for (; *told < needed; ++*told)
        tell(s, *told + 1, &points[*told]);
}

enum { TRIALS = 70 };

/* The rebuilt one takes up where the first has proposed `stop` trials. */
static bool compare_with_rebuilt(const struct sampler_kind *kind, uint32_t seed)
{
    struct sampler_settings settings = {
        .seed = seed, .shuffle = seed % 4 == 0, .concurrency = 1 + seed % 5 * 3, .startup = 5};
    struct arena *a = make_arena();
    struct sampler *whole, *rebuilt;
    struct params points[TRIALS], again;
    struct space *s;
    struct error e;
    struct rng r;
    uint32_t stop, told = 0, retold = 0, n = is_slow(kind) ? 25 : TRIALS;

    rng_init(&r, seed, 0, 0, RNG_TEST, 3);
    s = random_space(&r, kind->levels == SPACE_GRID || seed % 2 == 0);
    stop = rng_below(&r, n / 2);
    whole = try_start(kind, s, &settings);
    rebuilt = whole ? try_start(kind, s, &settings) : NULL;
    for (uint32_t t = 1; whole && t < n; t++) {
        const char *text;

        tell_needed(whole, t, &told, points);
        text = next(whole, a, &points[t - 1]);
        if (!*text)
            break;
        if (t <= stop) {
            assert_int_equal(sampler_replay(rebuilt, &points[t - 1], &e), ERR_OK);
            continue;
        }
        tell_needed(rebuilt, t, &retold, points);
        assert_string_equal(text, next(rebuilt, a, &again));
    }
    sampler_destroy(whole);
    sampler_destroy(rebuilt);
    space_destroy(s);
    arena_destroy(a);
    return whole;
}

static void a_rebuilt_sampler_goes_on_as_the_one_that_never_stopped(void **state)
{
    (void)state;
    print_message("seeds 0 to 39\n");
    for (const struct sampler_kind *const *k = sampler_kinds; *k; k++) {
        uint32_t n = is_slow(*k) ? 10 : 40;
        size_t tried = 0;

        for (uint32_t seed = 0; seed < n; seed++)
            tried += compare_with_rebuilt(*k, seed);
        check_tried(*k, tried, n);
    }
}

/* One is told what it may look at, the other everything as soon as it is there. */
static void compare_with_impatient(const struct sampler_kind *kind, uint32_t seed)
{
    struct sampler_settings settings = {
        .seed = seed, .concurrency = 1 + seed % 5 * 3, .startup = 5};
    struct arena *a = make_arena();
    struct sampler *patient, *impatient;
    struct params points[TRIALS], other;
    struct space *s;
    struct rng r;
    uint32_t told = 0, n = is_slow(kind) ? 20 : TRIALS;

    rng_init(&r, seed, 0, 0, RNG_TEST, 4);
    s = random_space(&r, kind->levels == SPACE_GRID || seed % 2 == 0);
    patient = try_start(kind, s, &settings);
    impatient = patient ? try_start(kind, s, &settings) : NULL;
    for (uint32_t t = 1; patient && t < n; t++) {
        const char *text;

        tell_needed(patient, t, &told, points);
        text = next(patient, a, &points[t - 1]);
        assert_string_equal(text, next(impatient, a, &other));
        if (!*text)
            break;
        tell(impatient, t, &points[t - 1]);
    }
    sampler_destroy(patient);
    sampler_destroy(impatient);
    space_destroy(s);
    arena_destroy(a);
}

static void results_that_may_not_be_looked_at_yet_change_nothing(void **state)
{
    (void)state;
    print_message("seeds 0 to 39\n");
    for (const struct sampler_kind *const *k = sampler_kinds; *k; k++)
        for (uint32_t seed = 0; seed < (is_slow(*k) ? 10 : 40); seed++)
            compare_with_impatient(*k, seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_list_of_points_is_that_of_brute_force),
        cmocka_unit_test(every_proposal_is_valid_and_none_comes_twice_until_the_space_is_exhausted),
        cmocka_unit_test(a_rebuilt_sampler_goes_on_as_the_one_that_never_stopped),
        cmocka_unit_test(results_that_may_not_be_looked_at_yet_change_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
