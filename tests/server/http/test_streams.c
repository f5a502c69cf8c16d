/* Streams and waits: news comes at once, ends are noticed. */
#include "tests/server/http/fixture.h"

static void a_stream_is_sent_whole(void **state)
{
    char *a = ask_for("GET", "/lines", "", NULL);

    (void)state;
    assert_non_null(strstr(a, "Transfer-Encoding: chunked\r\n"));
    assert_non_null(strstr(a, "line 4\n"));
    assert_non_null(strstr(a, "line 0\n"));
    expect_text(a, "\r\n0\r\n\r\n"); /* the last chunk: it is complete */
}

static void a_stream_tells_news_at_once(void **state)
{
    struct buf b = {0};
    int s = open_stream("/events", &b);

    double start = clock_seconds();

    (void)state;
    assert_non_null(strstr(b.data, "X-Accel-Buffering: no\r\n"));
    for (unsigned i = 1; i <= 20; i++) {
        char wanted[20];

        (void)snprintf(wanted, sizeof wanted, "news %u\n", i);
        app.news = i;
        http_wake(app.h);
        assert_true(read_until(s, &b, wanted, 5000));
    }
    assert_true(clock_seconds() - start < 10); /* by the tick alone it takes nineteen at least */
    close(s);
    buf_finish(&b);
}

/* What is seen by one stream in twenty blocks stays for another, until its pause is over. */
static void a_stream_with_a_pause_gathers_what_comes_meanwhile(void **state)
{
    struct buf b = {0}, gathered = {0};
    int s = open_stream("/events", &b), g = open_stream("/gathered", &gathered);

    (void)state;
    while (app.n_looks == 0)
        usleep(1000);
    for (unsigned i = 1; i <= 20; i++) {
        char wanted[20];

        (void)snprintf(wanted, sizeof wanted, "news %u\n", i);
        app.news = i;
        http_wake(app.h);
        assert_true(read_until(s, &b, wanted, 5000));
    }
    assert_int_equal(app.n_looks, 1);
    close(s);
    close(g);
    buf_finish(&b);
    buf_finish(&gathered);
}

static void what_a_stream_has_gathered_comes_after_its_pause(void **state)
{
    struct buf b = {0};
    int s = open_stream("/gathered?pause=50", &b);

    (void)state;
    for (unsigned i = 1; i <= 20; i++) {
        app.news = i;
        http_wake(app.h);
    }
    assert_true(read_until(s, &b, "news 20\n", 20000));
    close(s);
    buf_finish(&b);
}

static bool streams_become(unsigned n, int ms)
{
    for (; ms > 0 && app.n_streams != n; ms -= 10)
        usleep(10000);
    return app.n_streams == n;
}

/* Without a wake: it is asked for news, and a client that left is noticed although there are none.
 */
static void a_stream_is_looked_after_each_second(void **state)
{
    struct buf b = {0};
    int s;

    (void)state;
    close(open_stream("/events", &b));
    assert_true(streams_become(0, 20000));
    buf_clear(&b);
    s = open_stream("/events", &b);
    usleep(50000); /* it has looked once, and waits */
    app.news = 1;
    assert_true(read_until(s, &b, "news 1\n", 20000));
    close(s);
    buf_finish(&b);
}

static void too_many_streams_get_503(void **state)
{
    struct buf b = {0};
    int s[3];
    char *a;

    (void)state;
    for (int i = 0; i < 3; i++) {
        buf_clear(&b);
        s[i] = open_stream("/events", &b);
    }
    a = ask_for("GET", "/events", "", NULL);
    assert_int_equal(status_of(a), 503);
    expect_text(a, "Retry-After: ");
    expect_status(ask_for("GET", "/later", "", NULL), 503);
    expect_status(ask_for("GET", "/echo", "", NULL), 200);
    for (int i = 0; i < 3; i++)
        close(s[i]);
    while (app.n_streams > 0) { /* writing to them shows that they are gone */
        app.news++;
        http_wake(app.h);
        usleep(1000);
    }
    expect_status(ask_for("GET", "/lines", "", NULL), 200);
    buf_finish(&b);
}

/* ---- waits --------------------------------------------------------------------------------- */

static void a_wait_ends_when_time_is_up(void **state)
{
    double start = clock_seconds();

    (void)state;
    expect_text(ask_for("GET", "/later", "", NULL), "time is up");
    assert_true(clock_seconds() - start > 0.19);
}

static void a_wait_ends_when_woken(void **state)
{
    struct buf b = {0};
    int s = dial();

    (void)state;
    app.later_ms = 60000;
    send_text(s, "GET /later HTTP/1.1\r\nHost: localhost\r\n\r\n");
    while (app.n_handled == 0)
        usleep(1000);
    http_wake(app.h); /* nothing new: it goes on waiting */
    usleep(20000);
    app.news = 1;
    http_wake(app.h);
    assert_true(read_until(s, &b, "news", 20000));
    close(s);
    buf_finish(&b);
}

/* Nothing is sent to one that waits, so only looking shows that it has left. */
static void who_leaves_a_long_wait_makes_room(void **state)
{
    bool admitted = false;
    struct buf b = {0};
    int s[3], other;

    (void)state;
    app.later_ms = 3600000;
    for (int i = 0; i < 3; i++) {
        s[i] = dial();
        send_text(s[i], "GET /later HTTP/1.1\r\nHost: localhost\r\n\r\n");
    }
    while (app.n_handled < 3)
        usleep(1000);
    http_wake(app.h);
    while (app.n_handled < 6) /* who is handled again was counted as one that waits */
        usleep(1000);
    expect_status(ask_for("GET", "/events", "", NULL), 503);
    for (int i = 0; i < 3; i++)
        close(s[i]);
    for (int i = 0; i < 2000 && !admitted; i++) {
        usleep(10000);
        buf_clear(&b);
        other = open_stream("/events", &b);
        admitted = strstr(buf_text(&b), "HTTP/1.1 200") != NULL;
        close(other);
    }
    assert_true(admitted);
    buf_finish(&b);
}

#define WITH_APP(test) cmocka_unit_test_setup_teardown(test, app_setup, app_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_APP(a_stream_is_sent_whole),
        WITH_APP(a_stream_tells_news_at_once),
        WITH_APP(a_stream_with_a_pause_gathers_what_comes_meanwhile),
        WITH_APP(what_a_stream_has_gathered_comes_after_its_pause),
        WITH_APP(a_stream_is_looked_after_each_second),
        WITH_APP(too_many_streams_get_503),
        WITH_APP(a_wait_ends_when_time_is_up),
        WITH_APP(a_wait_ends_when_woken),
        WITH_APP(who_leaves_a_long_wait_makes_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
