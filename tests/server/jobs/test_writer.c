#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/clock.h"
#include "server/jobs/writer.h"
#include "server/store/store.h"

/* What every test starts from: a database in a folder of its own, and its writer. */
struct bench {
    char folder[64], path[96];
    struct store *store;
    struct writer *writer;
    atomic_uint n_told; /* how often something was written */
};

static void count(void *ctx)
{
    atomic_fetch_add(&((struct bench *)ctx)->n_told, 1);
}

static int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof *b);

    assert_non_null(b);
    (void)snprintf(b->folder, sizeof b->folder, "/tmp/sweepd-writer-XXXXXX");
    assert_non_null(mkdtemp(b->folder));
    (void)snprintf(b->path, sizeof b->path, "%s/a.db", b->folder);
    assert_int_equal(store_open(b->path, NULL, &b->store, NULL, NULL), ERR_OK);
    assert_int_equal(writer_start(b->store, count, b, &b->writer, NULL), ERR_OK);
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    static const char *const SUFFIXES[] = {"", "-wal", "-shm", ".lock"};
    struct bench *b = *state;
    char path[128];

    writer_stop(b->writer);
    writer_destroy(b->writer);
    store_close(b->store);
    for (size_t i = 0; i < sizeof SUFFIXES / sizeof *SUFFIXES; i++) {
        (void)snprintf(path, sizeof path, "%s%s", b->path, SUFFIXES[i]);
        (void)unlink(path);
    }
    assert_int_equal(rmdir(b->folder), 0);
    free(b);
    return 0;
}

/* A post that notes when it came back, and how. */
struct item {
    struct write write;
    enum err fails;
    enum err result;
    size_t turn; /* from 1; 0: it has not come back */
};

static size_t turns;

static enum err apply(struct store *s, struct write *w, struct error *e)
{
    const struct item *item = (struct item *)w;

    (void)s;
    return item->fails == ERR_OK ? ERR_OK : error_set(e, item->fails, "refused by the test");
}

static void done(struct write *w, const struct error *e)
{
    struct item *item = (struct item *)w;

    item->result = e ? e->code : ERR_OK;
    item->turn = ++turns;
}

static void post(struct writer *w, struct item *items, size_t n)
{
    turns = 0;
    for (size_t i = 0; i < n; i++) {
        items[i].write = (struct write){.apply = apply, .done = done};
        writer_post(w, &items[i].write);
    }
}

static enum err nothing(struct store *s, void *ctx, struct error *e)
{
    (void)s;
    (void)ctx;
    (void)e;
    return ERR_OK;
}

static void posts_come_back_in_order_and_before_a_later_call(void **state)
{
    const struct bench *b = *state;
    struct item items[300] = {0};

    post(b->writer, items, 300);
    assert_int_equal(writer_call(b->writer, nothing, NULL, NULL), ERR_OK);
    for (size_t i = 0; i < 300; i++) {
        assert_int_equal(items[i].turn, i + 1);
        assert_int_equal(items[i].result, ERR_OK);
    }
}

static void a_post_at_fault_harms_none_of_its_group(void **state)
{
    const struct bench *b = *state;
    struct item items[5] = {[2].fails = ERR_INVALID};

    post(b->writer, items, 5);
    assert_int_equal(writer_call(b->writer, nothing, NULL, NULL), ERR_OK);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(items[i].result, i == 2 ? ERR_INVALID : ERR_OK);
}

/* The conductor relies on it: whatever it gives away comes back, also at the end. */
static void what_is_queued_is_written_at_the_end_and_what_comes_later_is_refused(void **state)
{
    struct bench *b = *state;
    struct item items[20] = {0}, late = {0};
    struct error e = {0};

    post(b->writer, items, 20);
    writer_stop(b->writer);
    for (size_t i = 0; i < 20; i++)
        assert_int_equal(items[i].result, items[i].turn == i + 1 ? ERR_OK : ERR_INTERNAL);
    post(b->writer, &late, 1);
    assert_int_equal(late.turn, 1);
    assert_int_equal(late.result, ERR_BUSY);
    assert_int_equal(writer_call(b->writer, nothing, NULL, &e), ERR_BUSY);
    assert_non_null(strstr(e.message, "stopping"));
    writer_destroy(b->writer);
    assert_int_equal(writer_start(b->store, count, b, &b->writer, NULL), ERR_OK);
}

static struct item retried;

static enum err fail_at_first(struct store *s, struct write *w, struct error *e)
{
    (void)s;
    (void)w;
    return __atomic_sub_fetch(&retried.fails, 1, __ATOMIC_SEQ_CST) > 0
               ? error_set(e, ERR_NO_SPACE, "no room for the test")
               : ERR_OK;
}

static void while_posts_are_tried_again_calls_are_told_why(void **state)
{
    const struct bench *b = *state;
    struct error e = {0};

    turns = 0;
    retried = (struct item){.write = {.apply = fail_at_first, .done = done}, .fails = 3};
    writer_post(b->writer, &retried.write);
    while (!writer_degraded(b->writer, &e))
        (void)usleep(1000);
    assert_int_equal(e.code, ERR_NO_SPACE);
    assert_int_equal(writer_call(b->writer, nothing, NULL, &e), ERR_NO_SPACE);
    assert_string_equal(e.message, "no room for the test");
    while (writer_degraded(b->writer, &e))
        (void)usleep(1000);
    assert_int_equal(writer_call(b->writer, nothing, NULL, NULL), ERR_OK);
    assert_int_equal(retried.turn, 1);
    assert_int_equal(retried.result, ERR_OK);
}

static void wait_until_told(struct bench *b, unsigned n)
{
    while (atomic_load(&b->n_told) < n)
        (void)usleep(100);
}

static void a_group_of_posts_is_told_of_once(void **state)
{
    struct bench *b = *state;
    struct item items[100] = {0};

    post(b->writer, items, 99);
    items[99].write = (struct write){.apply = apply, .done = done, .urgent = true};
    writer_post(b->writer, &items[99].write);
    wait_until_told(b, 1);
    assert_int_equal(writer_call(b->writer, nothing, NULL, NULL), ERR_OK);
    assert_in_range(atomic_load(&b->n_told), 1, 4); /* one, unless the machine stood still */
}

/* The best of several, since the machine may be busy. */
static void an_urgent_post_does_not_wait_for_others(void **state)
{
    struct bench *b = *state;
    double best = 1.0;

    for (unsigned i = 1; i <= 20; i++) {
        struct item item = {.write = {.apply = apply, .done = done, .urgent = true}};
        double began = clock_seconds(), took;

        writer_post(b->writer, &item.write);
        wait_until_told(b, i);
        took = clock_seconds() - began;
        best = took < best ? took : best;
    }
    assert_true(best < 0.009); /* others wait for 10 ms */
}

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test_setup_teardown(posts_come_back_in_order_and_before_a_later_call, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_post_at_fault_harms_none_of_its_group, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            what_is_queued_is_written_at_the_end_and_what_comes_later_is_refused, set_up,
            tear_down),
        cmocka_unit_test_setup_teardown(a_group_of_posts_is_told_of_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_urgent_post_does_not_wait_for_others, set_up, tear_down),
        cmocka_unit_test_setup_teardown(while_posts_are_tried_again_calls_are_told_why, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(TESTS, NULL, NULL);
}
