#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/search/keyset.h"
#include "core/search/permute.h"
#include "core/search/points.h"
#include "core/search/sampler.h"

#define INT(x)                                                                                     \
    {                                                                                              \
        .kind = VALUE_INT, .integer = (x)                                                          \
    }
#define TEXT(x)                                                                                    \
    {                                                                                              \
        .kind = VALUE_TEXT, .text = (x)                                                            \
    }

static struct dimension choice(const char *name, const struct value *values, size_t n)
{
    return (struct dimension){.name = name, .kind = SPACE_CHOICE, .n_values = n, .values = values};
}

static struct space *make(const struct dimension *d, size_t n)
{
    struct space *s;
    struct error e;

    if (space_create(d, n, &s, &e) != ERR_OK)
        fail_msg("%s", e.message);
    return s;
}

static struct sampler *start(const char *name, const struct space *s, uint64_t seed, bool shuffle)
{
    struct sampler_settings settings = {.seed = seed, .shuffle = shuffle};
    struct sampler *sampler;
    struct error e;

    if (sampler_create(sampler_find(name), s, &settings, &sampler, &e) != ERR_OK)
        fail_msg("%s", e.message);
    return sampler;
}

/* The next proposal as JSON, or "" at the end. */
static const char *next(struct sampler *s, struct arena *a, struct params *p)
{
    struct buf b = {0};
    struct error e;
    const char *text;
    bool exhausted;

    assert_int_equal(sampler_propose(s, a, p, &exhausted, &e), ERR_OK);
    if (exhausted)
        return "";
    params_json(p, &b);
    text = arena_strdup(a, buf_text(&b));
    buf_finish(&b);
    return text;
}

static struct arena *make_arena(void)
{
    struct arena *a;
    struct error e;

    assert_int_equal(arena_create(1 << 16, &a, &e), ERR_OK);
    return a;
}

static const struct value layers[] = {INT(1), INT(2)};
static const struct value widths[] = {INT(32), INT(64), INT(128)};
static const struct value words[] = {TEXT("relu"), TEXT("tanh")};

/* The example of API.md. */
static struct space *digits(void)
{
    static const struct value epochs[] = {INT(30)};
    struct dimension d[] = {
        choice("layers", layers, 2),
        choice("width", widths, 3),
        choice("activation", words, 2),
        {.name = "learning_rate",
         .kind = SPACE_RANGE,
         .log = true,
         .min = 1e-4,
         .max = 1e-1,
         .points = 4},
        {.name = "epochs", .kind = SPACE_FIXED, .n_values = 1, .values = epochs},
    };

    return make(d, 5);
}

static void a_grid_goes_in_declared_order_with_the_last_key_fastest(void **state)
{
    struct space *s = digits();
    struct sampler *g = start("grid", s, 7, false);
    struct arena *a = make_arena();
    struct params p;

    (void)state;
    assert_string_equal(next(g, a, &p), "{\"layers\": 1, \"width\": 32, \"activation\": \"relu\", "
                                        "\"learning_rate\": 0.0001, \"epochs\": 30}");
    assert_string_equal(next(g, a, &p), "{\"layers\": 1, \"width\": 32, \"activation\": \"relu\", "
                                        "\"learning_rate\": 0.001, \"epochs\": 30}");
    for (int i = 3; i < 48; i++)
        assert_string_not_equal(next(g, a, &p), "");
    assert_string_equal(next(g, a, &p), "{\"layers\": 2, \"width\": 128, \"activation\": \"tanh\", "
                                        "\"learning_rate\": 0.1, \"epochs\": 30}");
    assert_string_equal(next(g, a, &p), "");
    sampler_destroy(g);
    space_destroy(s);
    arena_destroy(a);
}

static void points_that_differ_only_in_unused_dimensions_are_one_trial(void **state)
{
    static const struct value few[] = {INT(8), INT(16)};
    struct dimension d[] = {choice("layers", layers, 2), choice("width_1", few, 2),
                            choice("width_2", few, 2)};
    const char *expected[] = {"{\"layers\": 1, \"width_1\": 8}",
                              "{\"layers\": 1, \"width_1\": 16}",
                              "{\"layers\": 2, \"width_1\": 8, \"width_2\": 8}",
                              "{\"layers\": 2, \"width_1\": 8, \"width_2\": 16}",
                              "{\"layers\": 2, \"width_1\": 16, \"width_2\": 8}",
                              "{\"layers\": 2, \"width_1\": 16, \"width_2\": 16}",
                              ""};
    struct arena *a = make_arena();
    struct sampler *g;
    struct params p;
    struct space *s;

    (void)state;
    for (size_t k = 1; k <= 2; k++)
        d[k].gate = (struct gate){.kind = GATE_AT_LEAST, .parent = 0, .least = (int64_t)k};
    s = make(d, 3);
    g = start("grid", s, 1, false);
    for (size_t i = 0; i < 7; i++)
        assert_string_equal(next(g, a, &p), expected[i]);
    sampler_destroy(g);
    space_destroy(s);
    arena_destroy(a);
}

/* A parent that stands last: the first of the equal points is kept, in its place. */
static void of_equal_points_the_first_is_kept(void **state)
{
    static const struct value momenta[] = {INT(0), INT(9)};
    static const struct value optimizers[] = {TEXT("adam"), TEXT("sgd")};
    struct dimension d[] = {choice("momentum", momenta, 2), choice("optimizer", optimizers, 2)};
    const char *expected[] = {"{\"optimizer\": \"adam\"}",
                              "{\"momentum\": 0, \"optimizer\": \"sgd\"}",
                              "{\"momentum\": 9, \"optimizer\": \"sgd\"}", ""};
    struct arena *a = make_arena();
    struct sampler *g;
    struct params p;
    struct space *s;

    (void)state;
    d[0].gate =
        (struct gate){.kind = GATE_ONE_OF, .parent = 1, .n_values = 1, .values = &optimizers[1]};
    s = make(d, 2);
    g = start("grid", s, 1, false);
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(next(g, a, &p), expected[i]);
    sampler_destroy(g);
    space_destroy(s);
    arena_destroy(a);
}

static void a_grid_of_1e12_points_is_counted_and_addressed_at_once(void **state)
{
    struct dimension d[4];
    struct arena *a = make_arena();
    struct points *points;
    struct params p;
    struct space *s;
    struct error e;

    (void)state;
    for (size_t i = 0; i < 4; i++)
        d[i] = (struct dimension){.name = (const char *[]){"a", "b", "c", "d"}[i],
                                  .kind = SPACE_RANGE,
                                  .integer = true,
                                  .min = 0,
                                  .max = 999};
    s = make(d, 4);
    assert_int_equal(points_create(s, SPACE_GRID, &points, &e), ERR_OK);
    assert_int_equal(points_count(points), 1000000000000);
    assert_int_equal(points_at(points, 123456789012, a, &p, &e), ERR_OK);
    assert_int_equal(p.items[0].value.integer, 123);
    assert_int_equal(p.items[1].value.integer, 456);
    assert_int_equal(p.items[2].value.integer, 789);
    assert_int_equal(p.items[3].value.integer, 12);
    points_destroy(points);
    space_destroy(s);
    arena_destroy(a);
}

static void a_grid_of_reals_without_levels_is_refused_by_name(void **state)
{
    struct dimension d[] = {choice("layers", layers, 2),
                            {.name = "learning_rate", .kind = SPACE_RANGE, .min = 0, .max = 1}};
    struct sampler_settings settings = {.seed = 1};
    struct space *s = make(d, 2);
    struct sampler *g = NULL;
    struct error e;

    (void)state;
    assert_int_equal(sampler_create(sampler_find("grid"), s, &settings, &g, &e), ERR_INVALID);
    assert_string_equal(e.field, "learning_rate");
    space_destroy(s);
}

static void a_mixed_grid_has_the_same_points_in_an_order_by_seed(void **state)
{
    struct space *s = digits();
    struct sampler *plain = start("grid", s, 7, false);
    struct sampler *mixed = start("grid", s, 7, true), *again = start("grid", s, 7, true);
    struct sampler *other = start("grid", s, 8, true);
    struct arena *a = make_arena();
    struct keyset seen = {0};
    size_t same_place = 0, same_as_other = 0;
    struct params p;
    struct error e;

    (void)state;
    for (int i = 0; i < 48; i++) {
        const char *one = next(mixed, a, &p);

        assert_int_equal(space_check(s, &p, &e), ERR_OK);
        assert_int_equal(keyset_add(&seen, one, &e), ERR_OK);
        assert_string_equal(one, next(again, a, &p));
        same_place += strcmp(one, next(plain, a, &p)) == 0;
        same_as_other += strcmp(one, next(other, a, &p)) == 0;
    }
    assert_int_equal(seen.n, 48);
    assert_string_equal(next(mixed, a, &p), "");
    assert_in_range(same_place, 0, 8);
    assert_in_range(same_as_other, 0, 8);
    keyset_finish(&seen);
    sampler_destroy(plain);
    sampler_destroy(mixed);
    sampler_destroy(again);
    sampler_destroy(other);
    space_destroy(s);
    arena_destroy(a);
}

static void a_permutation_reaches_every_place_once(void **state)
{
    const uint64_t sizes[] = {1, 2, 3, 5, 16, 17, 100, 1000, 4097};

    (void)state;
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        uint64_t n = sizes[k];
        bool *hit = calloc(n, sizeof *hit);

        for (uint64_t i = 0; i < n; i++) {
            uint64_t j = permute_index(3, n, i);

            assert_true(j < n);
            assert_false(hit[j]);
            hit[j] = true;
        }
        free(hit);
    }
    assert_true(permute_index(3, UINT64_C(1) << 62, 0) < UINT64_C(1) << 62);
}

/* ---- random spaces ------------------------------------------------------------------------- */

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

static void every_proposal_is_valid_and_none_comes_twice_until_the_space_is_exhausted(void **state)
{
    (void)state;
    print_message("seeds 0 to 39\n");
    for (uint32_t seed = 0; seed < 40; seed++) {
        struct arena *a = make_arena();
        struct keyset seen = {0};
        struct points *points;
        struct sampler *sampler;
        struct space *s;
        struct params p;
        struct error e;
        struct rng r;
        const char *text;

        rng_init(&r, seed, 0, 0, RNG_TEST, 2);
        s = random_space(&r, true);
        sampler = start("random", s, seed, false);
        while (*(text = next(sampler, a, &p))) {
            assert_int_equal(space_check(s, &p, &e), ERR_OK);
            assert_false(keyset_has(&seen, text));
            assert_int_equal(keyset_add(&seen, text, &e), ERR_OK);
        }
        assert_int_equal(points_create(s, SPACE_DRAW, &points, &e), ERR_OK);
        assert_int_equal(seen.n, points_count(points));
        points_destroy(points);
        sampler_destroy(sampler);
        space_destroy(s);
        keyset_finish(&seen);
        arena_destroy(a);
    }
}

static void a_rebuilt_sampler_goes_on_as_the_one_that_never_stopped(void **state)
{
    const char *const kinds[] = {"grid", "random"};

    (void)state;
    print_message("seeds 0 to 39\n");
    for (uint32_t seed = 0; seed < 40; seed++) {
        bool is_grid = seed % 2 == 0;
        struct arena *a = make_arena();
        struct sampler *whole, *rebuilt;
        struct space *s;
        struct params p, q;
        struct error e;
        struct rng r;
        uint32_t stop;

        rng_init(&r, seed, 0, 0, RNG_TEST, 3);
        s = random_space(&r, is_grid);
        stop = rng_below(&r, 10);
        whole = start(kinds[!is_grid], s, seed, seed % 4 == 0);
        rebuilt = start(kinds[!is_grid], s, seed, seed % 4 == 0);
        for (uint32_t t = 0; t < stop && *next(whole, a, &p); t++)
            assert_int_equal(sampler_replay(rebuilt, &p, &e), ERR_OK);
        for (uint32_t t = 0; t < 30; t++)
            assert_string_equal(next(whole, a, &p), next(rebuilt, a, &q));
        sampler_destroy(whole);
        sampler_destroy(rebuilt);
        space_destroy(s);
        arena_destroy(a);
    }
}

static void conditional_children_of_an_infinite_space_do_not_repeat_the_finite_part(void **state)
{
    static const struct value optimizers[] = {TEXT("adam"), TEXT("sgd")};
    struct dimension d[] = {choice("optimizer", optimizers, 2),
                            {.name = "momentum", .kind = SPACE_RANGE, .min = 0, .max = 0.9}};
    struct arena *a = make_arena();
    struct sampler *sampler;
    struct space *s;
    struct params p;
    size_t adam = 0;

    (void)state;
    d[1].gate =
        (struct gate){.kind = GATE_ONE_OF, .parent = 0, .n_values = 1, .values = &optimizers[1]};
    s = make(d, 2);
    sampler = start("random", s, 1, false);
    for (int t = 0; t < 50; t++) {
        assert_string_not_equal(next(sampler, a, &p), "");
        adam += p.n == 1;
    }
    assert_int_equal(adam, 1);
    sampler_destroy(sampler);
    space_destroy(s);
    arena_destroy(a);
}

/* The numbers are part of every stored search: they never change. */
static void the_first_random_proposals_are_fixed_for_all_time(void **state)
{
    struct space *s = digits();
    struct sampler *sampler = start("random", s, 7, false);
    struct arena *a = make_arena();
    struct params p;

    (void)state;
    assert_string_equal(next(sampler, a, &p),
                        "{\"layers\": 2, \"width\": 128, \"activation\": \"tanh\", "
                        "\"learning_rate\": 0.00616226481145, \"epochs\": 30}");
    assert_string_equal(next(sampler, a, &p),
                        "{\"layers\": 1, \"width\": 32, \"activation\": \"tanh\", "
                        "\"learning_rate\": 0.003463915582, \"epochs\": 30}");
    sampler_destroy(sampler);
    sampler = start("grid", s, 7, true);
    assert_string_equal(next(sampler, a, &p),
                        "{\"layers\": 1, \"width\": 32, \"activation\": \"tanh\", "
                        "\"learning_rate\": 0.001, \"epochs\": 30}");
    sampler_destroy(sampler);
    space_destroy(s);
    arena_destroy(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_grid_goes_in_declared_order_with_the_last_key_fastest),
        cmocka_unit_test(points_that_differ_only_in_unused_dimensions_are_one_trial),
        cmocka_unit_test(of_equal_points_the_first_is_kept),
        cmocka_unit_test(a_grid_of_1e12_points_is_counted_and_addressed_at_once),
        cmocka_unit_test(a_grid_of_reals_without_levels_is_refused_by_name),
        cmocka_unit_test(a_mixed_grid_has_the_same_points_in_an_order_by_seed),
        cmocka_unit_test(a_permutation_reaches_every_place_once),
        cmocka_unit_test(the_list_of_points_is_that_of_brute_force),
        cmocka_unit_test(every_proposal_is_valid_and_none_comes_twice_until_the_space_is_exhausted),
        cmocka_unit_test(a_rebuilt_sampler_goes_on_as_the_one_that_never_stopped),
        cmocka_unit_test(conditional_children_of_an_infinite_space_do_not_repeat_the_finite_part),
        cmocka_unit_test(the_first_random_proposals_are_fixed_for_all_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
