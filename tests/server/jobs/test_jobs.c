#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/jobs/cache.h"
#include "server/jobs/queue.h"
#include "server/jobs/scores.h"

/* ---- queue ------------------------------------------------------------------------------- */

static void push(struct queue *q, struct lane *lane, struct job *jobs, size_t n)
{
    for (size_t i = 0; i < n; i++)
        queue_push(q, lane, &jobs[i]);
}

static void folds_of_an_experiment_are_taken_in_their_order(void **state)
{
    struct job jobs[3] = {0};
    struct lane lane;
    struct queue *q;

    (void)state;
    assert_int_equal(queue_create(&q, NULL), ERR_OK);
    queue_add(q, &lane, "", 0);
    push(q, &lane, jobs, 3);
    for (size_t i = 0; i < 3; i++)
        assert_ptr_equal(queue_take(q), &jobs[i]);
    queue_stop(q);
    assert_null(queue_take(q));
    queue_destroy(q);
}

static void a_higher_priority_goes_first(void **state)
{
    struct job low_jobs[1], high_jobs[1];
    struct lane low, high;
    struct queue *q;

    (void)state;
    assert_int_equal(queue_create(&q, NULL), ERR_OK);
    queue_add(q, &low, "", -1);
    queue_add(q, &high, "", 3);
    push(q, &low, low_jobs, 1);
    push(q, &high, high_jobs, 1);
    assert_ptr_equal(queue_take(q), &high_jobs[0]);
    assert_ptr_equal(queue_take(q), &low_jobs[0]);
    queue_destroy(q);
}

/* Ann has two experiments and Bob one: of four workers Bob gets two, each of Ann's one. */
static void owners_share_first_then_their_experiments(void **state)
{
    struct job a1[9], a2[9], b1[9];
    struct lane ann_1, ann_2, bob;
    struct queue *q;

    (void)state;
    assert_int_equal(queue_create(&q, NULL), ERR_OK);
    queue_add(q, &ann_1, "ann", 0);
    queue_add(q, &ann_2, "ann", 0);
    queue_add(q, &bob, "bob", 0);
    push(q, &ann_1, a1, 9);
    push(q, &ann_2, a2, 9);
    push(q, &bob, b1, 9);
    for (size_t i = 0; i < 4; i++)
        assert_non_null(queue_take(q));
    assert_int_equal(bob.n_running, 2);
    assert_int_equal(ann_1.n_running, 1);
    assert_int_equal(ann_2.n_running, 1);
    queue_done(q, &ann_1);
    assert_ptr_equal(queue_take(q), &a1[1]);
    queue_destroy(q);
}

static void a_single_worker_goes_from_one_owner_to_the_next(void **state)
{
    struct job a1[4], a2[4], b1[4];
    struct lane *lanes[6], ann_1, ann_2, bob;
    struct queue *q;

    (void)state;
    assert_int_equal(queue_create(&q, NULL), ERR_OK);
    queue_add(q, &ann_1, "ann", 0);
    queue_add(q, &ann_2, "ann", 0);
    queue_add(q, &bob, "bob", 0);
    push(q, &ann_1, a1, 4);
    push(q, &ann_2, a2, 4);
    push(q, &bob, b1, 4);
    for (size_t i = 0; i < 6; i++) {
        lanes[i] = queue_take(q)->lane;
        queue_done(q, lanes[i]);
    }
    for (size_t i = 0; i < 6; i++)
        assert_ptr_equal(lanes[i], i % 2 == 0 ? &ann_1 : &bob);
    queue_destroy(q);
}

static void jobs_of_a_kind_are_taken_together_up_to_a_workers_part(void **state)
{
    struct job jobs[9] = {0}, *mates[9];
    struct lane lane;
    struct queue *q;

    (void)state;
    for (size_t i = 0; i < 9; i++)
        jobs[i].kind = 1 + i % 2;
    assert_int_equal(queue_create(&q, NULL), ERR_OK);
    queue_add(q, &lane, "", 0);
    push(q, &lane, jobs, 9);
    assert_ptr_equal(queue_take(q), &jobs[0]);
    assert_int_equal(queue_take_like(q, &jobs[0], 3, 9, mates), 2); /* 3 of 9 for each of 3 */
    assert_ptr_equal(mates[0], &jobs[2]);
    assert_ptr_equal(mates[1], &jobs[4]);
    assert_int_equal(lane.n_waiting, 6);
    assert_int_equal(lane.n_running, 1);
    assert_int_equal(queue_take_like(q, &jobs[0], 1, 1, mates), 1);
    assert_ptr_equal(mates[0], &jobs[6]);
    jobs[0].least = 3;
    assert_int_equal(queue_take_like(q, &jobs[0], 1, 9, mates), 0); /* one more is too few */
    jobs[0].least = 2;
    assert_int_equal(queue_take_like(q, &jobs[0], 1, 9, mates), 1);
    assert_ptr_equal(mates[0], &jobs[8]);
    queue_done(q, &lane);
    assert_int_equal(lane.n_running, 0);
    push(q, &lane, &jobs[0], 1); /* the end of the list has been kept */
    for (size_t i = 1; i < 9; i += 2)
        assert_ptr_equal(queue_take(q), &jobs[i]);
    assert_ptr_equal(queue_take(q), &jobs[0]);
    queue_destroy(q);
}

static void jobs_of_the_same_part_go_together_if_they_are_enough(void **state)
{
    struct job jobs[7] = {0}, *mates[7];
    struct lane lane;
    struct queue *q;

    (void)state;
    for (size_t i = 0; i < 7; i++)
        jobs[i] = (struct job){.kind = 1, .part = i % 2};
    assert_int_equal(queue_create(&q, NULL), ERR_OK);
    queue_add(q, &lane, "", 0);
    push(q, &lane, jobs, 7);
    assert_ptr_equal(queue_take(q), &jobs[0]);
    assert_int_equal(queue_take_like(q, &jobs[0], 1, 2, mates), 2);
    assert_ptr_equal(mates[0], &jobs[2]);
    assert_ptr_equal(mates[1], &jobs[4]);
    assert_int_equal(queue_take_like(q, &jobs[0], 1, 2, mates), 2); /* one of its part is left */
    assert_ptr_equal(mates[0], &jobs[1]);
    assert_ptr_equal(mates[1], &jobs[3]);
    queue_destroy(q);
}

static void jobs_of_no_kind_and_held_ones_are_taken_alone(void **state)
{
    struct job jobs[4] = {0}, *mates[4];
    struct lane lane;
    struct queue *q;

    (void)state;
    assert_int_equal(queue_create(&q, NULL), ERR_OK);
    queue_add(q, &lane, "", 0);
    push(q, &lane, jobs, 4);
    assert_ptr_equal(queue_take(q), &jobs[0]);
    assert_int_equal(queue_take_like(q, &jobs[0], 1, 4, mates), 0);
    for (size_t i = 0; i < 4; i++)
        jobs[i].kind = 1;
    queue_hold(q, &lane, true);
    assert_int_equal(queue_take_like(q, &jobs[0], 1, 4, mates), 0);
    queue_hold(q, &lane, false);
    assert_int_equal(queue_take_like(q, &jobs[0], 1, 4, mates), 3);
    queue_destroy(q);
}

static void what_is_held_or_dropped_is_not_taken(void **state)
{
    struct job one[2], two[1];
    struct lane held, other;
    struct queue *q;

    (void)state;
    assert_int_equal(queue_create(&q, NULL), ERR_OK);
    queue_add(q, &held, "", 5);
    queue_add(q, &other, "", 0);
    push(q, &held, one, 2);
    push(q, &other, two, 1);
    queue_hold(q, &held, true);
    assert_ptr_equal(queue_take(q), &two[0]);
    queue_hold(q, &held, false);
    assert_ptr_equal(queue_take(q), &one[0]);
    assert_ptr_equal(queue_drop(q, &held), &one[1]);
    queue_stop(q);
    assert_null(queue_take(q));
    queue_destroy(q);
}

/* ---- cache ------------------------------------------------------------------------------- */

struct counting {
    int made, destroyed;
    size_t bytes;
    enum err fails;
    useconds_t slowness;
};

static struct counting *counting;

static enum err make(void *ctx, struct team *team, void **object, size_t *bytes, struct error *e)
{
    struct counting *c = ctx;

    assert_null(team); /* this cannot be shared */
    (void)usleep(c->slowness);
    if (c->fails != ERR_OK)
        return error_set(e, c->fails, "it cannot be made");
    __atomic_add_fetch(&c->made, 1, __ATOMIC_RELAXED);
    *object = malloc(1);
    *bytes = c->bytes;
    return ERR_OK;
}

static void destroy(void *object)
{
    counting->destroyed++;
    free(object);
}

static const void *take(struct cache *c, const char *key)
{
    struct cache_maker maker = {make, destroy, counting, false};
    const void *object;

    assert_int_equal(cache_take(c, key, maker, &object, NULL), ERR_OK);
    return object;
}

static void an_object_is_made_once_and_shared(void **state)
{
    struct counting c = {.bytes = 10};
    struct cache *cache;
    const void *a, *b;

    (void)state;
    counting = &c;
    assert_int_equal(cache_create(100, &cache, NULL), ERR_OK);
    a = take(cache, "x");
    b = take(cache, "x");
    assert_ptr_equal(a, b);
    assert_int_equal(c.made, 1);
    cache_release(cache, a);
    cache_release(cache, b);
    assert_int_equal(c.destroyed, 0);
    cache_destroy(cache);
    assert_int_equal(c.destroyed, 1);
}

static void past_the_budget_the_least_recently_used_goes_but_nothing_in_use(void **state)
{
    struct counting c = {.bytes = 40};
    const void *used, *old, *recent;
    struct cache *cache;

    (void)state;
    counting = &c;
    assert_int_equal(cache_create(100, &cache, NULL), ERR_OK);
    used = take(cache, "used");
    old = take(cache, "old");
    cache_release(cache, old);
    recent = take(cache, "recent"); /* 120 bytes: `old` has to go */
    assert_int_equal(c.destroyed, 1);
    assert_int_equal(cache_bytes(cache), 80);
    (void)take(cache, "used");
    assert_int_equal(c.made, 3);
    cache_release(cache, used);
    cache_release(cache, used);
    cache_release(cache, recent);
    cache_drop(cache, "use");
    assert_int_equal(c.destroyed, 2);
    cache_destroy(cache);
}

static void an_object_that_cannot_be_made_is_tried_again_next_time(void **state)
{
    struct counting c = {.bytes = 1, .fails = ERR_NO_MEMORY};
    struct cache_maker maker = {make, destroy, &c, false};
    const void *object;
    struct cache *cache;
    struct error e;

    (void)state;
    counting = &c;
    assert_int_equal(cache_create(100, &cache, NULL), ERR_OK);
    assert_int_equal(cache_take(cache, "x", maker, &object, &e), ERR_NO_MEMORY);
    assert_string_equal(e.message, "it cannot be made");
    c.fails = ERR_OK;
    cache_release(cache, take(cache, "x"));
    cache_destroy(cache);
}

static void *take_and_release(void *ctx)
{
    struct cache *cache = ctx;

    for (int i = 0; i < 50; i++)
        cache_release(cache, take(cache, i % 2 ? "a" : "b"));
    return NULL;
}

static void threads_wait_for_one_making(void **state)
{
    struct counting c = {.bytes = 1, .slowness = 20000};
    pthread_t threads[8];
    struct cache *cache;

    (void)state;
    counting = &c;
    assert_int_equal(cache_create(100, &cache, NULL), ERR_OK);
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_and_release, cache), 0);
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(c.made, 2);
    cache_destroy(cache);
    assert_int_equal(c.destroyed, 2);
}

static void *fail_to_take(void *ctx)
{
    struct cache_maker maker = {make, destroy, counting, false};
    const void *object;
    struct error e = {0};

    assert_int_equal(cache_take(ctx, "x", maker, &object, &e), ERR_INVALID);
    assert_string_equal(e.message, "it cannot be made");
    return NULL;
}

static void all_who_wait_hear_why_an_object_could_not_be_made(void **state)
{
    struct counting c = {.fails = ERR_INVALID, .slowness = 50000};
    pthread_t threads[4];
    struct cache *cache;

    (void)state;
    counting = &c;
    assert_int_equal(cache_create(100, &cache, NULL), ERR_OK);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, fail_to_take, cache), 0);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    cache_destroy(cache);
}

/* ---- scores ------------------------------------------------------------------------------ */

static void scores_have_the_corrected_standard_error(void **state)
{
    static const double X[] = {1, 2, 3, 4, 5};
    struct scores s = scores_of(X, 5, 0.25);

    (void)state;
    assert_true(s.mean == 3);
    assert_true(fabs(s.std - sqrt(2.5)) < 1e-15);
    assert_true(fabs(s.sem - sqrt(2.5 * (1.0 / 5 + 1.0 / 4))) < 1e-15);
}

static void a_single_fold_has_no_deviation_and_an_undefined_fold_no_mean(void **state)
{
    const double one[] = {0.5}, undefined[] = {1, (double)NAN, 2};
    struct scores s = scores_of(one, 1, 0.25);

    (void)state;
    assert_true(s.mean == 0.5 && isnan(s.std) && isnan(s.sem));
    s = scores_of(undefined, 3, 0.5);
    assert_true(isnan(s.mean) && isnan(s.std));
}

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(folds_of_an_experiment_are_taken_in_their_order),
        cmocka_unit_test(a_higher_priority_goes_first),
        cmocka_unit_test(owners_share_first_then_their_experiments),
        cmocka_unit_test(a_single_worker_goes_from_one_owner_to_the_next),
        cmocka_unit_test(jobs_of_a_kind_are_taken_together_up_to_a_workers_part),
        cmocka_unit_test(jobs_of_the_same_part_go_together_if_they_are_enough),
        cmocka_unit_test(jobs_of_no_kind_and_held_ones_are_taken_alone),
        cmocka_unit_test(what_is_held_or_dropped_is_not_taken),
        cmocka_unit_test(an_object_is_made_once_and_shared),
        cmocka_unit_test(past_the_budget_the_least_recently_used_goes_but_nothing_in_use),
        cmocka_unit_test(an_object_that_cannot_be_made_is_tried_again_next_time),
        cmocka_unit_test(threads_wait_for_one_making),
        cmocka_unit_test(all_who_wait_hear_why_an_object_could_not_be_made),
        cmocka_unit_test(scores_have_the_corrected_standard_error),
        cmocka_unit_test(a_single_fold_has_no_deviation_and_an_undefined_fold_no_mean),
    };

    return cmocka_run_group_tests(TESTS, NULL, NULL);
}
