#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>

#include "server/jobs/cache.h"

/* An object of 100 bytes that knows whether it is there. */
struct thing {
    bool is_there;
};

static enum err make(void *ctx, void **object, size_t *bytes, struct error *e)
{
    struct thing *t = ctx;

    (void)e;
    t->is_there = true;
    *object = t;
    *bytes = 100;
    return ERR_OK;
}

static void destroy(void *object)
{
    ((struct thing *)object)->is_there = false;
}

static void take(struct cache *c, const char *key, struct thing *t)
{
    const void *object;
    struct error e;

    assert_int_equal(cache_take(c, key, (struct cache_maker){make, destroy, t}, &object, &e),
                     ERR_OK);
    assert_ptr_equal(object, t);
}

static void park(struct cache *c, const char *key, struct thing *t, const struct thing *needs)
{
    struct error e;

    t->is_there = true;
    assert_int_equal(cache_park(c, key, t, 100, destroy, needs, &e), ERR_OK);
}

static struct cache *create(uint64_t budget)
{
    struct cache *c;
    struct error e;

    assert_int_equal(cache_create(budget, &c, &e), ERR_OK);
    return c;
}

static void what_is_parked_comes_back_once_with_what_it_needs(void **state)
{
    struct cache *c = create(1000);
    struct thing fold = {0}, training = {0};

    (void)state;
    take(c, "fold", &fold);
    park(c, "training", &training, &fold);
    assert_int_equal(cache_bytes(c), 200);
    assert_ptr_equal(cache_fetch(c, "training"), &training);
    assert_null(cache_fetch(c, "training"));
    assert_int_equal(cache_bytes(c), 100);
    cache_drop(c, ""); /* the fold is in use again */
    assert_true(training.is_there && fold.is_there);
    cache_release(c, &fold);
    cache_drop(c, "");
    assert_false(fold.is_there);
    cache_destroy(c);
}

static void of_those_that_are_parked_the_least_recent_goes_first(void **state)
{
    struct cache *c = create(350);
    struct thing fold = {0}, training[4] = {{0}};
    static const char *const keys[] = {"1", "2", "3", "4"};

    (void)state;
    for (int i = 0; i < 4; i++) {
        take(c, "fold", &fold);
        park(c, keys[i], &training[i], &fold);
    }
    assert_int_equal(cache_bytes(c), 300); /* the fold that they need stays */
    assert_true(fold.is_there && training[2].is_there && training[3].is_there);
    assert_false(training[0].is_there || training[1].is_there);
    assert_null(cache_fetch(c, "1"));
    cache_drop(c, "");
    assert_false(training[2].is_there || training[3].is_there);
    cache_drop(c, "");
    assert_false(fold.is_there);
    cache_destroy(c);
}

static void a_cache_that_ends_destroys_what_is_parked(void **state)
{
    struct cache *c = create(1000);
    struct thing fold = {0}, training[2] = {{0}};

    (void)state;
    take(c, "fold", &fold);
    park(c, "a", &training[0], &fold);
    take(c, "fold", &fold);
    park(c, "b", &training[1], &fold);
    cache_destroy(c);
    assert_false(fold.is_there || training[0].is_there || training[1].is_there);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_parked_comes_back_once_with_what_it_needs),
        cmocka_unit_test(of_those_that_are_parked_the_least_recent_goes_first),
        cmocka_unit_test(a_cache_that_ends_destroys_what_is_parked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
