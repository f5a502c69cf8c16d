/* Requests over real sockets: what is served, what is refused, and in which words. */
#include "tests/server/http/fixture.h"

#include <sys/stat.h>
#include <sys/un.h>

static void a_request_reaches_its_handler_decoded(void **state)
{
    (void)state;
    expect_text(ask_for("GET", "/echo/a%2Fb/?x=1&y=a+b", "", NULL),
                "method=0 [echo] [a/b] [] {x=1} {y=a b} body=0:");
    expect_text(ask_for("POST", "/echo", "", "{\"a\": 1}"), "method=1 [echo] body=8:{\"a\": 1}");
    expect_text(ask_for("DELETE", "/echo", "", NULL), "method=4 [echo] body=0:");
    expect_text(ask_for("GET", "/header", "X-Test: a\tb\r\n", NULL), "\r\n\r\na b");
    expect_text(ask_for("GET", "/header", "X-Test: \xe4\r\n", NULL), "\r\n\r\n(none)");
}

static void who_is_refused_learns_no_route_and_sends_no_body(void **state)
{
    static const char refused[] = "Authorization: refuse\r\n";
    unsigned handled = app.n_handled;

    (void)state;
    expect_text(ask_for("POST", "/echo", refused, "{}"), "HTTP/1.1 403");
    expect_text(ask_for("POST", "/echo", refused, "{}"), "X-Why: a route\r\n");
    expect_text(ask_for("GET", "/nothing", refused, NULL), "HTTP/1.1 403");
    expect_text(ask_for("PATCH", "/upload", refused, "x"), "X-Why: no route\r\n");
    expect_text(ask_for("OPTIONS", "/echo", refused, NULL), "HTTP/1.1 403");
    expect_text(ask_for("PUT", "/upload", /* and none of the body that it tells of comes */
                        "Authorization: refuse\r\nContent-Length: 9000000\r\n", NULL),
                "HTTP/1.1 403");
    assert_int_equal(app.n_handled, handled);
}

static void handlers_do_not_see_credentials(void **state)
{
    (void)state;
    expect_text(ask_for("GET", "/credentials", "Authorization: Bearer x\r\nCookie: a=b\r\n", NULL),
                "\r\n\r\n[] []");
}

static void every_answer_carries_the_security_headers(void **state)
{
    static const char *const targets[] = {"/echo", "/nothing", "/page", "/%zz"};

    (void)state;
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        char *a = ask_for("GET", targets[i], "", NULL);

        assert_non_null(strstr(a, "X-Content-Type-Options: nosniff\r\n"));
        assert_non_null(strstr(a, "Referrer-Policy: no-referrer\r\n"));
        assert_non_null(strstr(a, "Cross-Origin-Resource-Policy: same-origin\r\n"));
        assert_non_null(strstr(a, "Cross-Origin-Opener-Policy: same-origin\r\n"));
        assert_non_null(strstr(a, "X-Request-Id: "));
        assert_int_equal(count_of(a, "Cache-Control: "), 1);
        assert_int_equal(count_of(a, "Content-Security-Policy: default-src 'none';"), i == 2);
        free(a);
    }
}

static void the_request_id_is_taken_if_it_is_sane(void **state)
{
    (void)state;
    expect_text(ask_for("GET", "/echo", "X-Request-Id: abc-1.2\r\n", NULL),
                "X-Request-Id: abc-1.2\r\n");
    expect_text(ask_for("GET", "/nothing", "X-Request-Id: abc\r\n", NULL), "\"id\": \"abc\"");
    char *a = ask_for("GET", "/echo", "X-Request-Id: a\"b<c>\r\n", NULL);
    assert_null(strstr(a, "a\"b<c>"));
    expect_text(a, "X-Request-Id: ");
}

static void faults_are_problems(void **state)
{
    (void)state;
    expect_text(ask_for("GET", "/nothing?q=1", "", NULL), "\"instance\": \"/nothing\"");
    expect_text(ask_for("GET", "/nothing", "", NULL), "Content-Type: application/problem+json\r\n");
    expect_status(ask_for("GET", "/nothing", "", NULL), 404);
    expect_status(ask_for("GET", "/a%00b", "", NULL), 400);
    expect_status(ask_for("GET", "/%2e%2e/x", "", NULL), 400);
    expect_status(ask_for("GET", "/none", "", NULL), 500);
    expect_status(ask_for("BREW", "/nothing", "", NULL), 404);
    expect_status(ask("GET /echo HTTP/1.1\r\nConnection: close\r\n\r\n"), 400);
    expect_text(ask("GET /echo HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"),
                "--allow-host evil.example");
    expect_status(ask("GET /echo HTTP/1.1\r\nHost: BOX.example:1\r\nConnection: close\r\n\r\n"),
                  200);
}

static void another_method_gets_405_with_allow(void **state)
{
    static const char *const methods[] = {"PUT", "TRACE", "BREW", "get"}; /* known here or not */
    char *a;

    (void)state;
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        a = ask_for(methods[i], "/echo", "", "x");
        assert_int_equal(status_of(a), 405);
        expect_text(a, "Allow: GET, POST, PATCH, DELETE, HEAD, OPTIONS\r\n");
    }
    a = ask_for("GET", "/upload", "", NULL);
    assert_int_equal(status_of(a), 405);
    expect_text(a, "Allow: PUT, POST, OPTIONS\r\n");
    a = ask_for("OPTIONS", "/echo", "", NULL);
    assert_int_equal(status_of(a), 204);
    assert_string_equal(body_of(a), "");
    assert_null(strstr(a, "Access-Control"));
    expect_text(a, "Allow: GET, POST, PATCH, DELETE, HEAD, OPTIONS\r\n");
    a = ask_for("OPTIONS", "/nothing", "", NULL);
    assert_null(strstr(a, "\nAllow:"));
    expect_status(a, 404);
}

static void head_is_get_without_the_body(void **state)
{
    static const char *const targets[] = {"/echo", "/page", "/file", "/lines", "/events"};

    (void)state;
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        char *a = ask_for("HEAD", targets[i], "", NULL);

        assert_int_equal(status_of(a), 200);
        assert_string_equal(body_of(a), "");
        free(a);
    }
    expect_text(ask_for("HEAD", "/page", "", NULL), "Content-Length: 34\r\n");
}

static void a_known_etag_gets_304(void **state)
{
    static const char *const targets[] = {"/page", "/echo"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        char *a = ask_for("GET", targets[i], "", NULL), etag[64], header[200];

        assert_int_equal(sscanf(strstr(a, "ETag: "), "ETag: %63s", etag), 1);
        free(a);
        (void)snprintf(header, sizeof header, "If-None-Match: \"x\", W/%s\r\n", etag);
        a = ask_for("GET", targets[i], header, NULL);
        assert_int_equal(status_of(a), 304);
        assert_string_equal(body_of(a), "");
        assert_null(strstr(a, "\nContent-Type:"));
        expect_text(a, etag);
        expect_status(ask_for("HEAD", targets[i], "If-None-Match: *\r\n", NULL), 304);
        expect_status(ask_for("GET", targets[i], "If-None-Match: \"x\"\r\n", NULL), 200);
    }
    expect_status(ask_for("POST", "/echo", "If-None-Match: *\r\n", "x"), 200);
}

static void content_types_are_judged(void **state)
{
    static const struct {
        const char *type;
        int status;
    } table[] = {
        {"", 200},
        {"Content-Type: application/json\r\n", 200},
        {"Content-Type: Application/JSON; charset=utf-8\r\n", 200},
        {"Content-Type: application/merge-patch+json\r\n", 200},
        {"Content-Type: application/x-www-form-urlencoded\r\n", 200},
        {"Content-Type: text/plain\r\n", 415},
        {"Content-Type: text/json+json\r\n", 415},
        {"Content-Type: multipart/form-data; boundary=x\r\n", 415},
    };

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        expect_status(ask_for("POST", "/echo", table[i].type, "{}"), table[i].status);
    expect_text(ask_for("POST", "/echo", "Content-Type: text/plain\r\n", "{}"),
                "expected application/json");
    expect_status(ask_for("PUT", "/upload", "Content-Type: text/csv\r\n", "a,b"), 201);
    expect_status(ask_for("PUT", "/upload", "Content-Encoding: gzip\r\n", "a,b"), 201);
}

static void pages_elsewhere_may_not_write(void **state)
{
    (void)state;
    expect_status(ask_for("POST", "/echo", "Origin: http://evil.example\r\n", "{}"), 403);
    expect_status(ask_for("POST", "/echo", "Origin: http://localhost\r\n", "{}"), 200);
    expect_status(ask_for("GET", "/echo", "Origin: http://evil.example\r\n", NULL), 200);
}

/* ---- bodies -------------------------------------------------------------------------------- */

static void uploads_arrive_raw_or_as_forms(void **state)
{
    static const char form[] = "--B\r\nContent-Disposition: form-data; name=\"target\"\r\n\r\n"
                               "species\r\n--B\r\nContent-Disposition: form-data; name=\"file\"; "
                               "filename=\"iris.csv\"\r\n\r\na,b\r\n--B--\r\n";
    uint64_t h = hash("a,b", 3, 0);
    char wanted[100];

    (void)state;
    (void)snprintf(wanted, sizeof wanted,
                   "length=3 hash=%" PRIx64 " name=iris.csv {target=species}", h);
    expect_text(
        ask_for("POST", "/upload", "Content-Type: multipart/form-data; boundary=B\r\n", form),
        wanted);
    (void)snprintf(wanted, sizeof wanted, "length=3 hash=%" PRIx64 " name=-", h);
    expect_text(ask_for("PUT", "/upload", "", "a,b"), wanted);
    expect_text(ask_for("PUT", "/upload",
                        "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n2\r\n,b"
                        "\r\n0\r\n",
                        NULL),
                wanted);
    expect_text(ask_for("PUT", "/upload", "", ""), "files=0");
    expect_status(ask_for("POST", "/upload", "Content-Type: multipart/form-data\r\n", form), 400);
    expect_text(
        ask_for("POST", "/upload", "Content-Type: multipart/form-data; boundary=Q\r\n", form),
        "ends before its last boundary");
}

/* A form of `n` files "f0", "f1", …, whose bytes are as many letters as their number, from "a". */
static char *form_of_files(int n)
{
    struct buf b = {0};

    for (int i = 0; i < n; i++)
        buf_printf(&b,
                   "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f%d\"\r\n"
                   "\r\n%.*s\r\n",
                   i, i, "abcdefgh");
    buf_puts(&b, "--B--\r\n");
    must(buf_check(&b, NULL) == ERR_OK);
    return b.data;
}

static void a_form_carries_up_to_four_files(void **state)
{
    static const char type[] = "Content-Type: multipart/form-data; boundary=B\r\n";
    char *four = form_of_files(HTTP_MAX_FILES), *five = form_of_files(HTTP_MAX_FILES + 1), *a;
    char wanted[200];

    (void)state;
    (void)snprintf(wanted, sizeof wanted,
                   "files=4 length=0 hash=0 name=f0 length=1 hash=%" PRIx64
                   " name=f1 length=2 hash=%" PRIx64 " name=f2 length=3 hash=%" PRIx64 " name=f3",
                   hash("a", 1, 0), hash("ab", 2, 0), hash("abc", 3, 0));
    expect_text(ask_for("POST", "/upload", type, four), wanted);
    a = ask_for("POST", "/upload", type, five);
    assert_int_equal(status_of(a), 422);
    expect_text(a, "a form carries at most 4 files");
    free(four);
    free(five);
}

static char *repeat(char c, size_t n)
{
    char *s = malloc(n + 1);

    assert_non_null(s);
    memset(s, c, n);
    s[n] = '\0';
    return s;
}

static void what_is_too_large_gets_413(void **state)
{
    char *small = repeat('x', 1000), *large = repeat('x', 1001), *huge = repeat('x', 6 << 20);
    struct buf b = {0};
    unsigned handled = app.n_handled;

    (void)state;
    expect_status(ask_for("POST", "/echo", "", small), 200);
    expect_status(ask_for("POST", "/echo", "", large), 413);
    expect_text(ask_for("POST", "/echo", "", large), "the body is larger than 1000 bytes");
    buf_printf(&b, "Transfer-Encoding: chunked\r\n\r\n3e9\r\n%s\r\n0\r\n", large);
    expect_status(ask_for("POST", "/echo", b.data, NULL), 413);
    buf_clear(&b);
    buf_printf(&b, "Transfer-Encoding: chunked\r\n\r\n600000\r\n%s\r\n0\r\n", huge);
    expect_status(ask_for("PUT", "/upload", b.data, NULL), 413);
    expect_status(
        ask_for("PUT", "/upload", "Expect: 100-continue\r\nContent-Length: 99999999\r\n", NULL),
        413);
    assert_int_equal(app.n_handled, handled + 1);
    buf_finish(&b);
    free(small);
    free(large);
    free(huge);
}

static void a_refused_small_body_leaves_the_connection_usable(void **state)
{
    char *a = ask("POST /nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello"
                  "GET /echo HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");

    (void)state;
    assert_int_equal(status_of(a), 404);
    expect_text(a, "method=0 [echo]");
}

static void continue_is_said_to_those_who_ask(void **state)
{
    struct buf b = {0};
    int s = dial();

    (void)state;
    send_text(s, "PUT /upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n"
                 "Expect: 100-continue\r\n\r\n");
    assert_true(read_until(s, &b, "HTTP/1.1 100 Continue\r\n\r\n", 2000));
    send_text(s, "a,b");
    assert_true(read_until(s, &b, "length=3", 2000));
    buf_finish(&b);
    close(s);
}

static void a_spool_that_cannot_be_made_is_told(void **state)
{
    static const struct http_options o = {.address = "127.0.0.1", .spool_folder = "/nonexistent"};
    char *a;

    (void)state;
    app_start(&o);
    a = ask_for("PUT", "/upload", "", "a,b");
    assert_int_equal(status_of(a), 500);
    assert_null(strstr(a, "/nonexistent")); /* the operator's business */
    expect_text(a, "the upload could not be kept on disk");
    http_stop(app.h);
}

/* ---- connections --------------------------------------------------------------------------- */

static void pipelined_requests_are_answered_in_order(void **state)
{
    char *a = ask("GET /echo/1 HTTP/1.1\r\nHost: localhost\r\n\r\n"
                  "POST /echo/2 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}"
                  "POST /slow HTTP/1.1\r\nHost: localhost\r\n\r\n"
                  "GET /echo/3 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    const char *one = strstr(a, "[1]"), *two = strstr(a, "[2] body=2:{}"),
               *slow = strstr(a, "\r\n\r\nslow"), *three = strstr(a, "[3]");

    (void)state;
    assert_true(one && two && slow && three && one < two && two < slow && slow < three);
    free(a);
}

static void a_file_is_sent_whole(void **state)
{
    (void)state;
    expect_text(ask_for("GET", "/file", "", NULL), "\r\n\r\nfrom a file");
}

static void a_unix_socket_serves_too(void **state)
{
    char path[64], wanted[80];
    struct http_options o = {.unix_path = path, .spool_folder = "/tmp"};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct buf b = {0};
    struct stat info;
    int s = socket(AF_UNIX, SOCK_STREAM, 0);

    (void)state;
    (void)snprintf(path, sizeof path, "/tmp/sweepd-test-%d.sock", (int)getpid());
    (void)snprintf(wanted, sizeof wanted, "unix:%s", path);
    app_start(&o);
    assert_string_equal(app.url, wanted);
    assert_int_equal(stat(o.unix_path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0660);
    strcpy(address.sun_path, o.unix_path);
    assert_int_equal(connect(s, (struct sockaddr *)&address, sizeof address), 0);
    send_text(s, "GET /echo HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_true(read_until(s, &b, "method=0 [echo]", 2000));
    close(s);
    buf_finish(&b);
    http_stop(app.h);
    assert_int_equal(stat(o.unix_path, &info), -1);
}

/* As a service manager does: it keeps the socket, and passes it again when somebody comes. */
static void a_passed_socket_is_served_again_after_a_stop(void **state)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int listener = socket(AF_INET, SOCK_STREAM, 0), between;
    struct http_options o = {.spool_folder = "/tmp"};
    struct buf b = {0};

    (void)state;
    assert_int_equal(bind(listener, (struct sockaddr *)&any, sizeof any), 0);
    assert_int_equal(listen(listener, 8), 0);
    o.listener = dup(listener);
    app_start(&o);
    expect_status(ask_for("GET", "/echo", "", NULL), 200);
    http_stop(app.h);
    between = dial();
    send_text(between, "GET /echo HTTP/1.1\r\nHost: localhost\r\n\r\n");
    o.listener = dup(listener);
    app_start(&o);
    assert_true(read_until(between, &b, "method=0 [echo]", 20000));
    expect_status(ask_for("GET", "/echo", "", NULL), 200);
    http_stop(app.h);
    close(between);
    close(listener);
    buf_finish(&b);
}

static void a_taken_port_is_told(void **state)
{
    struct http_options o = {.address = "127.0.0.1", .port = app.port, .spool_folder = "/tmp"};
    struct http *h = NULL;
    struct error e = {0};
    const char *url;

    (void)state;
    assert_int_equal(http_start(&o, (struct http_router){0}, &h, &url, &e), ERR_CONFLICT);
    assert_non_null(strstr(e.message, "could not listen on \"127.0.0.1:"));
    o.address = "not an address";
    assert_int_equal(http_start(&o, (struct http_router){0}, &h, &url, &e), ERR_INVALID);
}

#define WITH_APP(test) cmocka_unit_test_setup_teardown(test, app_setup, app_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_APP(a_request_reaches_its_handler_decoded),
        WITH_APP(who_is_refused_learns_no_route_and_sends_no_body),
        WITH_APP(handlers_do_not_see_credentials),
        WITH_APP(every_answer_carries_the_security_headers),
        WITH_APP(the_request_id_is_taken_if_it_is_sane),
        WITH_APP(faults_are_problems),
        WITH_APP(another_method_gets_405_with_allow),
        WITH_APP(head_is_get_without_the_body),
        WITH_APP(a_known_etag_gets_304),
        WITH_APP(content_types_are_judged),
        WITH_APP(pages_elsewhere_may_not_write),
        WITH_APP(uploads_arrive_raw_or_as_forms),
        WITH_APP(a_form_carries_up_to_four_files),
        WITH_APP(what_is_too_large_gets_413),
        WITH_APP(a_refused_small_body_leaves_the_connection_usable),
        WITH_APP(continue_is_said_to_those_who_ask),
        cmocka_unit_test(a_spool_that_cannot_be_made_is_told),
        WITH_APP(pipelined_requests_are_answered_in_order),
        WITH_APP(a_file_is_sent_whole),
        cmocka_unit_test(a_unix_socket_serves_too),
        cmocka_unit_test(a_passed_socket_is_served_again_after_a_stop),
        WITH_APP(a_taken_port_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
