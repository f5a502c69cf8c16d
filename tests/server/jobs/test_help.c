/* Workers without a job help trainings that run, and no longer than that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "server/jobs/queue.h"

struct worker {
    struct queue *queue;
    pthread_t thread;
    struct job *took;
};

static void *take(void *ctx)
{
    struct worker *w = ctx;

    w->took = queue_take(w->queue);
    return NULL;
}

static void worker_start(struct worker *w, struct queue *q)
{
    *w = (struct worker){.queue = q};
    assert_int_equal(pthread_create(&w->thread, NULL, take, w), 0);
}

static struct job *worker_end(struct worker *w)
{
    assert_int_equal(pthread_join(w->thread, NULL), 0);
    return w->took;
}

struct scene {
    struct queue *queue;
    struct lane lane;
    struct job job;
    struct team *small, *large;
    struct offer small_offer, large_offer;
};

static void scene_start(struct scene *s)
{
    *s = (struct scene){0};
    assert_int_equal(queue_create(&s->queue, NULL), ERR_OK);
    assert_int_equal(team_create(&s->small, NULL), ERR_OK);
    assert_int_equal(team_create(&s->large, NULL), ERR_OK);
    queue_add(s->queue, &s->lane, "", 0);
    s->small_offer = (struct offer){.team = s->small, .work = 1e9};
    s->large_offer = (struct offer){.team = s->large, .work = 3e9};
}

static void scene_end(struct scene *s)
{
    team_destroy(s->small);
    team_destroy(s->large);
    queue_destroy(s->queue);
}

/* Helpers nap now and then; so this may take several looks. */
static void wait_for_members(const struct team *t, size_t n)
{
    while (team_members(t) != n)
        (void)sched_yield();
}

static void count(void *ctx, size_t part)
{
    (void)part;
    atomic_fetch_add((atomic_uint *)ctx, 1);
}

static void who_has_nothing_to_do_helps_until_a_job_comes(void **state)
{
    atomic_uint n = 0;
    struct worker w;
    struct scene s;

    (void)state;
    scene_start(&s);
    worker_start(&w, s.queue);
    queue_offer(s.queue, &s.small_offer);
    wait_for_members(s.small, 2);
    for (size_t i = 0; i < 1000; i++)
        team_run(s.small, 10, count, &n);
    assert_int_equal(n, 10000);
    queue_push(s.queue, &s.lane, &s.job);
    assert_ptr_equal(worker_end(&w), &s.job);
    assert_int_equal(team_members(s.small), 1);
    queue_withdraw(s.queue, &s.small_offer);
    scene_end(&s);
}

static void a_training_that_ends_is_left(void **state)
{
    struct worker w;
    struct scene s;

    (void)state;
    scene_start(&s);
    worker_start(&w, s.queue);
    for (size_t i = 0; i < 40; i++) {
        queue_offer(s.queue, &s.small_offer);
        if (i % 2)
            wait_for_members(s.small, 2);
        queue_withdraw(s.queue, &s.small_offer);
        assert_int_equal(team_members(s.small), 1);
    }
    queue_push(s.queue, &s.lane, &s.job);
    assert_ptr_equal(worker_end(&w), &s.job);
    scene_end(&s);
}

static void whoever_helps_stops_with_the_queue(void **state)
{
    struct worker w[2];
    struct scene s;

    (void)state;
    scene_start(&s);
    for (size_t i = 0; i < 2; i++)
        worker_start(w + i, s.queue);
    queue_offer(s.queue, &s.small_offer);
    wait_for_members(s.small, 3);
    queue_stop(s.queue);
    for (size_t i = 0; i < 2; i++)
        assert_null(worker_end(w + i));
    queue_withdraw(s.queue, &s.small_offer);
    scene_end(&s);
}

/* Three times the work: of the first two helpers each has more to do there. */
static void the_training_with_the_most_work_for_each_is_helped_first(void **state)
{
    struct worker w[2];
    struct scene s;

    (void)state;
    scene_start(&s);
    queue_offer(s.queue, &s.large_offer);
    queue_offer(s.queue, &s.small_offer);
    for (size_t i = 0; i < 2; i++)
        worker_start(w + i, s.queue);
    wait_for_members(s.large, 3);
    queue_withdraw(s.queue, &s.large_offer);
    wait_for_members(s.small, 3);
    queue_stop(s.queue);
    for (size_t i = 0; i < 2; i++)
        assert_null(worker_end(w + i));
    queue_withdraw(s.queue, &s.small_offer);
    scene_end(&s);
}

static void work_that_is_held_back_keeps_nobody_from_helping(void **state)
{
    struct worker w;
    struct scene s;

    (void)state;
    scene_start(&s);
    queue_hold(s.queue, &s.lane, true);
    queue_push(s.queue, &s.lane, &s.job);
    queue_offer(s.queue, &s.small_offer);
    worker_start(&w, s.queue);
    wait_for_members(s.small, 2);
    queue_hold(s.queue, &s.lane, false);
    assert_ptr_equal(worker_end(&w), &s.job);
    queue_withdraw(s.queue, &s.small_offer);
    scene_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_has_nothing_to_do_helps_until_a_job_comes),
        cmocka_unit_test(a_training_that_ends_is_left),
        cmocka_unit_test(whoever_helps_stops_with_the_queue),
        cmocka_unit_test(the_training_with_the_most_work_for_each_is_helped_first),
        cmocka_unit_test(work_that_is_held_back_keeps_nobody_from_helping),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
