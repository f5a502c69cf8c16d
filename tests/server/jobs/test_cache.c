#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <unistd.h>

#include "server/jobs/cache.h"

/* An object of 100 bytes that knows whether it is there. */
struct thing {
    bool is_there;
};

static enum err make(void *ctx, struct team *team, void **object, size_t *bytes, struct error *e)
{
    struct thing *t = ctx;

    (void)team;
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

    assert_int_equal(
        cache_take(c, key, (struct cache_maker){make, destroy, t, false}, &object, &e), ERR_OK);
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

/* Made of two parts, which wait until two threads are at them. */
struct shared {
    struct thing thing;
    struct cache *cache;
    atomic_size_t at_it;
};

static void meet(void *ctx, size_t part)
{
    struct shared *s = ctx;

    (void)part;
    atomic_fetch_add(&s->at_it, 1);
    while (atomic_load(&s->at_it) < 2)
        (void)usleep(100);
}

static enum err make_together(void *ctx, struct team *team, void **object, size_t *bytes,
                              struct error *e)
{
    struct shared *s = ctx;

    (void)e;
    team_open(team);
    team_run(team, 2, meet, s);
    s->thing.is_there = true;
    *object = &s->thing;
    *bytes = 100;
    return ERR_OK;
}

static void *take_shared(void *ctx)
{
    struct shared *s = ctx;
    const void *object;
    struct error e;

    assert_int_equal(
        cache_take(s->cache, "x", (struct cache_maker){make_together, destroy, s, true}, &object, &e),
        ERR_OK);
    cache_release(s->cache, object);
    return NULL;
}

static void who_waits_for_an_object_helps_to_make_it(void **state)
{
    struct shared s = {.cache = create(1000)};
    pthread_t other;

    (void)state;
    assert_int_equal(pthread_create(&other, NULL, take_shared, &s), 0);
    (void)take_shared(&s);
    assert_int_equal(pthread_join(other, NULL), 0);
    assert_int_equal(atomic_load(&s.at_it), 2);
    cache_destroy(s.cache);
    assert_false(s.thing.is_there);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_parked_comes_back_once_with_what_it_needs),
        cmocka_unit_test(who_waits_for_an_object_helps_to_make_it),
        cmocka_unit_test(of_those_that_are_parked_the_least_recent_goes_first),
        cmocka_unit_test(a_cache_that_ends_destroys_what_is_parked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
