/* Helpers that come and go do each part of each call once, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>
#include <pthread.h>
#include <stdatomic.h>

#include "core/linalg/denormal.h"
#include "core/linalg/team.h"
#include "tests/core/linalg/helpers.h"

enum { CALLS = 10000, HELPERS = 3 };

struct counts {
    unsigned done[TEAM_MAX_PARTS]; /* each written by whoever has the part */
};

static void count_part(void *ctx, size_t part)
{
    struct counts *c = ctx;

    c->done[part]++;
}

static void every_part_is_done_once_whoever_comes_and_goes(void **state)
{
    struct helpers h;
    struct team *t;

    (void)state;
    assert_int_equal(team_create(&t, NULL), ERR_OK);
    helpers_start(&h, t, HELPERS, 50);
    for (size_t i = 0; i < CALLS; i++) {
        size_t n = 1 + i % TEAM_MAX_PARTS;
        struct counts c = {{0}};

        team_run(t, n, count_part, &c);
        for (size_t part = 0; part < TEAM_MAX_PARTS; part++)
            assert_int_equal(c.done[part], part < n);
    }
    helpers_stop(&h);
    assert_int_equal(team_members(t), 1);
    team_destroy(t);
}

static void a_team_has_a_seat_for_each_of_64_helpers(void **state)
{
    struct team *t;
    size_t seat;

    (void)state;
    assert_int_equal(team_create(&t, NULL), ERR_OK);
    for (size_t i = 0; i < 64; i++) {
        assert_true(team_join(t, &seat));
        assert_int_equal(seat, i);
    }
    assert_int_equal(team_members(t), 65);
    assert_false(team_join(t, &seat));
    team_leave(t, 17);
    assert_true(team_join(t, &seat));
    assert_int_equal(seat, 17);
    for (size_t i = 0; i < 64; i++)
        team_leave(t, i);
    team_destroy(t);
}

static bool stay(void *ctx)
{
    (void)ctx;
    return true;
}

/* It would wait for ever otherwise. */
static void a_helper_with_nothing_to_do_gives_up(void **state)
{
    struct team *t;
    size_t seat;

    (void)state;
    assert_int_equal(team_create(&t, NULL), ERR_OK);
    team_open(t);
    assert_true(team_join(t, &seat));
    team_help(t, seat, stay, NULL);
    team_leave(t, seat);
    team_close(t);
    team_destroy(t);
}

struct products {
    float factor, product[TEAM_MAX_PARTS];
};

static void multiply_part(void *ctx, size_t part)
{
    struct products *p = ctx;

    p->product[part] = FLT_MIN * p->factor;
}

static void helpers_keep_small_numbers_where_their_owner_does(void **state)
{
    struct helpers h;
    struct team *t;

    (void)state;
    assert_int_equal(team_create(&t, NULL), ERR_OK);
    helpers_start(&h, t, HELPERS, 50);
    for (size_t i = 0; i < CALLS; i++) {
        bool flush = i % 2;
        unsigned before = flush ? denormal_flush() : denormal_setting();
        struct products p = {.factor = 0.5f};

        team_run(t, TEAM_MAX_PARTS, multiply_part, &p);
        denormal_restore(before);
        for (size_t part = 0; part < TEAM_MAX_PARTS; part++)
            assert_true((p.product[part] > 0.0f) == !flush);
    }
    helpers_stop(&h);
    team_destroy(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_part_is_done_once_whoever_comes_and_goes),
        cmocka_unit_test(a_team_has_a_seat_for_each_of_64_helpers),
        cmocka_unit_test(helpers_keep_small_numbers_where_their_owner_does),
        cmocka_unit_test(a_helper_with_nothing_to_do_gives_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
