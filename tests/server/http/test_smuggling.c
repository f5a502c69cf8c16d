/*
 * Requests that hide another one inside, in the shapes that libmicrohttpd 0.9.75 lets pass. Each
 * gets 400 and a closed connection, and the hidden request is not served.
 */
#include "tests/server/http/fixture.h"

#define HIDDEN "GET /hidden HTTP/1.1\r\nHost: localhost\r\n\r\n"
#define POST "POST /echo HTTP/1.1\r\nHost: localhost\r\n"

static const struct {
    const char *what, *text;
} shapes[] = {
    {"length and chunked",
     POST "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" HIDDEN},
    {"chunked and length",
     POST "Transfer-Encoding: chunked\r\nContent-Length: 49\r\n\r\n0\r\n\r\n" HIDDEN},
    {"two lengths", POST "Content-Length: 0\r\nContent-Length: 44\r\n\r\n" HIDDEN},
    {"two equal lengths", POST "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}" HIDDEN},
    {"a list of lengths", POST "Content-Length: 0, 44\r\n\r\n" HIDDEN},
    {"a signed length", POST "Content-Length: +0\r\n\r\n" HIDDEN},
    {"two hosts", "GET /echo HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n" HIDDEN},
    {"two hosts, one foreign",
     "GET /echo HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n\r\n" HIDDEN},
    {"another encoding", POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" HIDDEN},
    {"an unknown encoding", POST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" HIDDEN},
    {"two encodings",
     POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n" HIDDEN},
    {"a space before the colon", POST "Content-Length : 44\r\n\r\n" HIDDEN},
    {"a tab before the colon", POST "Transfer-Encoding\t: chunked\r\n\r\n" HIDDEN},
    {"a folded length", POST "Content-Length: 4\r\n 4\r\n\r\n" HIDDEN},
    {"a folded encoding", POST "Transfer-Encoding:\r\n chunked\r\n\r\n" HIDDEN},
    {"a header without a colon", POST "Content-Length 44\r\n\r\n" HIDDEN},
    {"a control character in a value", POST "X: a\x01\r\n\r\n" HIDDEN},
    {"an absolute target", "GET http://evil/x HTTP/1.1\r\nHost: localhost\r\n\r\n" HIDDEN},
    {"no host", "GET /echo HTTP/1.1\r\n\r\n" HIDDEN},
    {"chunked in 1.0", "POST /echo HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: "
                       "chunked\r\n\r\n0\r\n\r\n" HIDDEN},
};

static void expect_refusal(const char *what, const char *text, size_t n)
{
    char *a = ask_bytes(text, n); /* fails if the connection stays open */

    print_message("%s\n", what);
    if (app.n_hidden > 0)
        fail_msg("%s: the hidden request was served: %s", what, a);
    if (strncmp(a, "HTTP/1.1 400", 12) != 0 && strncmp(a, "HTTP/1.0 400", 12) != 0)
        fail_msg("%s: expected 400, got: %s", what, a);
    free(a);
}

static void hidden_requests_are_not_served(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        expect_refusal(shapes[i].what, shapes[i].text, strlen(shapes[i].text));
}

/* libmicrohttpd ends a value at its first NUL, which others may read on behind: "chunked" for it is
 * none of theirs. What is left of the value is judged as if it were all. */
static void a_nul_hides_no_request(void **state)
{
#define WITH_NUL(what, text) {what, text, sizeof(text) - 1}
    static const struct {
        const char *what, *text;
        size_t n;
    } table[] = {
        WITH_NUL("behind an encoding", POST
                 "Content-Length: 45\r\nTransfer-Encoding: chunked\0x\r\n\r\n0\r\n\r\n" HIDDEN),
        WITH_NUL("before an encoding", POST "Transfer-Encoding: \0chunked\r\n\r\n" HIDDEN),
        WITH_NUL("behind a length",
                 POST "Content-Length: 0\0\r\nContent-Length: 40\r\n\r\n" HIDDEN),
        WITH_NUL("before a length", POST "Content-Length: \00040\r\n\r\n" HIDDEN),
        WITH_NUL("in a name", POST "Content-Length\0: 40\r\n\r\n" HIDDEN),
    };

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        expect_refusal(table[i].what, table[i].text, table[i].n);
}

/* From 1.0 on libmicrohttpd refuses it. */
static void a_nul_in_another_value_ends_that_at_most(void **state)
{
    static const char text[] = "GET /header HTTP/1.1\r\nHost: localhost\r\n"
                               "X-Test: a\0GET /hidden HTTP/1.1\r\n\r\n"
                               "GET /echo HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    char *a = ask_bytes(text, sizeof text - 1);

    (void)state;
    assert_int_equal(app.n_hidden, 0);
    expect_text(a, status_of(a) == 400 ? "HTTP/1.1 400" : "\r\n\r\naHTTP/1.1 200 OK");
}

static void garbage_does_no_harm(void **state)
{
    unsigned seed = 11;

    (void)state;
    print_message("seed %u\n", seed);
    for (int round = 0; round < 100; round++) {
        char text[200];
        size_t n = (size_t)rand_r(&seed) % sizeof text;
        int s = dial();

        for (size_t i = 0; i < n; i++)
            text[i] = "GET /echo HTTP/1.1\r\nHost: l\r\n\r\n%\0\xff"[rand_r(&seed) % 34];
        send_all(s, text, n);
        close(s);
    }
    expect_status(ask_for("GET", "/echo", "", NULL), 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(hidden_requests_are_not_served, app_setup, app_teardown),
        cmocka_unit_test_setup_teardown(a_nul_hides_no_request, app_setup, app_teardown),
        cmocka_unit_test_setup_teardown(a_nul_in_another_value_ends_that_at_most, app_setup,
                                        app_teardown),
        cmocka_unit_test_setup_teardown(garbage_does_no_harm, app_setup, app_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
