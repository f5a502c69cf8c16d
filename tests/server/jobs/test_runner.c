/* The team that trains: there before anybody hears of it, and behind everybody else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "server/jobs/queue.h"
#include "server/jobs/runner.h"

enum { MEMBERS = 16 };

static size_t count_threads(void)
{
    DIR *tasks = opendir("/proc/self/task");
    size_t n = 0;

    assert_non_null(tasks);
    for (struct dirent *d; (d = readdir(tasks)) != NULL;)
        n += d->d_name[0] != '.';
    closedir(tasks);
    return n;
}

/* Each member takes one job and holds it until all have one. */
struct meeting {
    pthread_mutex_t lock;
    pthread_cond_t all;
    unsigned n, n_nice, n_batch;
};

static void meet(void *ctx, struct job *job)
{
    struct meeting *m = ctx;

    (void)job;
    pthread_mutex_lock(&m->lock);
    m->n_nice += getpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid)) >= 10;
    m->n_batch += sched_getscheduler(0) == SCHED_BATCH;
    m->n++;
    pthread_cond_broadcast(&m->all);
    while (m->n < MEMBERS)
        pthread_cond_wait(&m->all, &m->lock);
    pthread_mutex_unlock(&m->lock);
}

/* Where libgomp cannot make a thread it ends the process: not after the daemon has said that it is
 * ready. */
static void the_whole_team_stands_once_it_has_started(void **state)
{
    size_t before = count_threads();
    struct runner *r;
    struct queue *q;

    (void)state;
    assert_int_equal(queue_create(&q, NULL), ERR_OK);
    assert_int_equal(runner_start(q, MEMBERS, meet, NULL, &r, NULL), ERR_OK);
    assert_true(count_threads() >= before + MEMBERS); /* a sanitizer has its own, too */
    queue_stop(q);
    runner_join(r);
    queue_destroy(q);
}

static void every_member_leaves_the_processor_to_others(void **state)
{
    struct meeting m = {.lock = PTHREAD_MUTEX_INITIALIZER, .all = PTHREAD_COND_INITIALIZER};
    int policy = sched_getscheduler(0), nice = getpriority(PRIO_PROCESS, 0);
    struct job jobs[MEMBERS] = {0};
    struct runner *r;
    struct queue *q;
    struct lane lane;

    (void)state;
    assert_int_equal(queue_create(&q, NULL), ERR_OK);
    queue_add(q, &lane, "", 0);
    assert_int_equal(runner_start(q, MEMBERS, meet, &m, &r, NULL), ERR_OK);
    for (size_t i = 0; i < MEMBERS; i++)
        queue_push(q, &lane, &jobs[i]);
    pthread_mutex_lock(&m.lock);
    while (m.n < MEMBERS)
        pthread_cond_wait(&m.all, &m.lock);
    pthread_mutex_unlock(&m.lock);
    queue_stop(q);
    runner_join(r);
    assert_int_equal(m.n_nice, MEMBERS);
    assert_int_equal(m.n_batch, MEMBERS);
    assert_int_equal(sched_getscheduler(0), policy); /* and nobody else */
    assert_int_equal(getpriority(PRIO_PROCESS, 0), nice);
    queue_destroy(q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_whole_team_stands_once_it_has_started),
        cmocka_unit_test(every_member_leaves_the_processor_to_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
