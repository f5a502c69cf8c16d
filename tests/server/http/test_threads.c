/* Slow clients, many clients, and the end of the server. */
#include "tests/server/http/fixture.h"

#include <errno.h>
#include <pthread.h>

/* ---- slow clients, slow handlers ----------------------------------------------------------- */

static void a_slow_handler_holds_nobody_up(void **state)
{
    struct buf b = {0};
    int s = dial();

    (void)state;
    app.slow_ms = 60000;
    send_text(s, "POST /slow HTTP/1.1\r\nHost: localhost\r\n\r\n");
    while (app.n_handled == 0)
        usleep(1000);
    for (int i = 0; i < 10; i++)
        expect_status(ask_for("GET", "/echo", "", NULL), 200);
    assert_false(read_until(s, &b, "slow", 1)); /* it was slow all the while */
    app.slow_ms = 0;
    assert_true(read_until(s, &b, "slow", 20000));
    close(s);
    buf_finish(&b);
}

/* Of two only one is handled at a time, and all else has threads left. */
static void what_is_read_for_long_holds_nobody_up(void **state)
{
    static const struct http_options o = {.address = "127.0.0.1",
                                          .spool_folder = "/tmp",
                                          .n_threads = 1,
                                          .n_workers = 1,
                                          .n_readers = 1};
    struct buf b = {0};
    int s[2];

    (void)state;
    app_start(&o);
    app.slow_ms = 60000;
    for (int i = 0; i < 2; i++) {
        s[i] = dial();
        send_text(s[i], "GET /long HTTP/1.1\r\nHost: localhost\r\n\r\n");
    }
    while (app.n_handled == 0)
        usleep(1000);
    expect_status(ask_for("GET", "/echo", "", NULL), 200);
    expect_status(ask_for("POST", "/echo", "", "{}"), 200);
    assert_int_equal(app.n_handled, 3);
    app.slow_ms = 0;
    for (int i = 0; i < 2; i++) {
        buf_clear(&b);
        assert_true(read_until(s[i], &b, "\r\n\r\nslow", 20000));
        close(s[i]);
    }
    buf_finish(&b);
    http_stop(app.h);
}

/* Sends a byte every 20 ms. Fails if it is served, or if it may send all. */
static void *drip(void *text)
{
    int s = dial();
    char c;

    for (const char *next = text; *next; next++) {
        ssize_t n;

        send_all(s, next, 1);
        usleep(20000);
        n = recv(s, &c, 1, MSG_DONTWAIT);
        if (n > 0)
            give_up("a dripping client was served");
        if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
            close(s);
            return NULL;
        }
    }
    give_up("a dripping client was not cut");
    return NULL;
}

static void dripping_clients_are_cut_and_hold_nobody_up(void **state)
{
    static char head[250] = "GET /echo HTTP/1.1\r\nX: ",
                body[250] =
                    "PUT /upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999\r\n\r\n";
    pthread_t t[2];

    (void)state;
    memset(head + strlen(head), 'x', sizeof head - 1 - strlen(head));
    memset(body + strlen(body), 'x', sizeof body - 1 - strlen(body));
    assert_int_equal(pthread_create(&t[0], NULL, drip, head), 0);
    assert_int_equal(pthread_create(&t[1], NULL, drip, body), 0);
    for (int i = 0; i < 20; i++)
        expect_status(ask_for("GET", "/echo", "", NULL), 200);
    pthread_join(t[0], NULL);
    pthread_join(t[1], NULL);
}

static const struct http_options not_patient = {
    .address = "127.0.0.1", .spool_folder = "/tmp", .idle_ms = 500};

static void who_asks_nothing_more_is_cut(void **state)
{
    struct buf b = {0};
    int s;

    (void)state;
    app_start(&not_patient);
    s = dial();
    send_text(s, "GET /echo HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_true(read_until(s, &b, "method=0 [echo]", 20000));
    assert_true(read_until(s, &b, NULL, 20000));
    close(s);
    buf_finish(&b);
    http_stop(app.h);
}

static void who_takes_no_bytes_is_cut(void **state)
{
    struct buf b = {0};
    int s;

    (void)state;
    app_start(&not_patient);
    s = open_stream("/endless", &b);
    for (int ms = 0; app.n_streams > 0 && ms < 20000; ms += 10)
        usleep(10000);
    assert_int_equal(app.n_streams, 0);
    close(s);
    buf_finish(&b);
    http_stop(app.h);
}

/* ---- many clients -------------------------------------------------------------------------- */

static void *upload(void *arg)
{
    unsigned seed = (unsigned)(uintptr_t)arg;
    size_t n = 1000 + seed * 997;
    char *body = malloc(n + 1), wanted[100];

    must(body);
    for (size_t i = 0; i < n; i++)
        body[i] = (char)('a' + rand_r(&seed) % 26);
    body[n] = '\0';
    (void)snprintf(wanted, sizeof wanted, "length=%zu hash=%" PRIx64 " ", n, hash(body, n, 0));
    expect_text(ask_for("PUT", "/upload", "", body), wanted);
    free(body);
    return NULL;
}

static void a_hundred_uploads_do_not_mix(void **state)
{
    pthread_t t[100];

    (void)state;
    for (uintptr_t i = 0; i < 100; i++)
        assert_int_equal(pthread_create(&t[i], NULL, upload, (void *)i), 0);
    for (int i = 0; i < 100; i++)
        pthread_join(t[i], NULL);
}

static void *come_and_go(void *arg)
{
    unsigned seed = (unsigned)(uintptr_t)arg;

    for (int i = 0; i < 60; i++) {
        static const char *const targets[] = {"/events", "/later", "/lines", "/endless", "/echo"};
        struct buf b = {0};
        int s = dial();

        send_text(s, "GET ");
        send_text(s, targets[rand_r(&seed) % 5]);
        send_text(s, " HTTP/1.1\r\nHost: localhost\r\n\r\n");
        (void)read_until(s, &b, "\r\n\r\n", rand_r(&seed) % 10);
        buf_finish(&b);
        close(s);
    }
    return NULL;
}

static void clients_may_come_and_go_while_news_come(void **state)
{
    pthread_t t[4];

    (void)state;
    for (uintptr_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&t[i], NULL, come_and_go, (void *)(i + 1)), 0);
    for (int i = 0; i < 300; i++) {
        app.news++;
        http_wake(app.h);
        usleep(1000);
    }
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
}

/* ---- the end ------------------------------------------------------------------------------- */

static void stop_ends_streams_and_lets_handlers_finish(void **state)
{
    struct buf stream = {0}, cut = {0}, later = {0}, slow = {0};
    int s[5];
    double start;

    (void)state;
    s[0] = open_stream("/events", &stream);
    s[1] = open_stream("/endless", &cut); /* whose bytes nobody reads */
    s[2] = dial();
    send_text(s[2], "GET /later HTTP/1.1\r\nHost: localhost\r\n\r\n");
    s[3] = dial();
    send_text(s[3], "PUT /upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\nstalled");
    s[4] = dial();
    send_text(s[4], "POST /slow HTTP/1.1\r\nHost: localhost\r\n\r\n");
    while (app.n_handled < 4)
        usleep(1000);
    start = clock_seconds();
    http_stop(app.h);
    app.h = NULL;
    assert_true(clock_seconds() - start < 10); /* the clients' own deadlines are later */
    assert_true(read_until(s[0], &stream, "\r\n0\r\n\r\n", 5000)); /* ended, not cut */
    assert_true(read_until(s[1], &cut, NULL, 5000));
    assert_true(read_until(s[2], &later, "time is up", 5000));
    assert_true(read_until(s[4], &slow, "slow", 5000));
    for (int i = 0; i < 5; i++)
        close(s[i]);
    buf_finish(&stream);
    buf_finish(&cut);
    buf_finish(&later);
    buf_finish(&slow);
}

static void an_idle_server_stops_at_once(void **state)
{
    double start = clock_seconds();
    int idle = dial();

    (void)state;
    http_stop(app.h);
    app.h = NULL;
    assert_true(clock_seconds() - start < 10); /* it does not wait for the client */
    close(idle);
}

#define WITH_APP(test) cmocka_unit_test_setup_teardown(test, app_setup, app_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_APP(a_slow_handler_holds_nobody_up),
        cmocka_unit_test(what_is_read_for_long_holds_nobody_up),
        cmocka_unit_test_setup_teardown(dripping_clients_are_cut_and_hold_nobody_up,
                                        app_setup_impatient, app_teardown),
        cmocka_unit_test(who_asks_nothing_more_is_cut),
        cmocka_unit_test(who_takes_no_bytes_is_cut),
        WITH_APP(a_hundred_uploads_do_not_mix),
        WITH_APP(clients_may_come_and_go_while_news_come),
        WITH_APP(stop_ends_streams_and_lets_handlers_finish),
        WITH_APP(an_idle_server_stops_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
