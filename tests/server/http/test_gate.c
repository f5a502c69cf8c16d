/* The gate alone: which requests pass, and what the others are told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "server/http/gate.h"

static const char *const allow_hosts[] = {"Box.Example", "other:8642", NULL};

static unsigned check(const char *method, const char *target, const struct http_pair *headers,
                      size_t n, struct gate_facts *facts, struct error *e)
{
    struct gate_request q = {method, "HTTP/1.1", target, n, headers};

    return gate_check(&q, allow_hosts, facts, e);
}

/* The status for headers given as name, value, name, value, …, NULL. */
static unsigned status_with(const char *method, const char *first, ...)
{
    struct http_pair headers[GATE_MAX_HEADERS + 1];
    struct gate_facts facts;
    struct error e;
    size_t n = 0;
    va_list args;

    va_start(args, first);
    for (const char *name = first; name; name = va_arg(args, const char *))
        headers[n++] = (struct http_pair){name, va_arg(args, const char *)};
    va_end(args);
    return check(method, "/x", headers, n, &facts, &e);
}

static void hosts_are_loopback_or_allowed(void **state)
{
    static const struct {
        const char *host;
        bool allowed;
    } table[] = {
        {"localhost", true},
        {"LOCALHOST:80", true},
        {"localhost.", true},
        {"localhost.:8642", true},
        {"127.0.0.1", true},
        {"127.0.0.1:8642", true},
        {"127.9.9.9", true},
        {"[::1]", true},
        {"[::1]:8642", true},
        {"box.example", true},
        {"BOX.example.:1", true},
        {"other", true},
        {"other:9", true},
        {"localhost:", true},
        {"evil.example", false},
        {"localhost.evil", false},
        {"127.0.0.1.evil", false},
        {"128.0.0.1", false},
        {"[::2]", false},
        {"[::1", false},
        {"::1", false},
        {"localhost:80x", false},
        {"localhost@evil", false},
        {"", false},
        {".", false},
        {"localhost:80:80", false},
        {"0.0.0.0", false},
        {"127.1", false},
        {"[localhost]", false},
        {"[::1]x", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (gate_host_is_allowed(table[i].host, allow_hosts) != table[i].allowed)
            fail_msg("host \"%s\" should%s be allowed", table[i].host,
                     table[i].allowed ? "" : " not");
}

static void a_refused_host_is_told_the_option(void **state)
{
    struct http_pair headers[] = {{"Host", "evil.example:8642"}};
    struct gate_facts facts;
    struct error e;

    (void)state;
    assert_int_equal(check("GET", "/", headers, 1, &facts, &e), 421);
    assert_non_null(strstr(e.message, "--allow-host evil.example "));
}

static void framing_must_be_beyond_doubt(void **state)
{
    (void)state;
    assert_int_equal(status_with("POST", "Host", "localhost", "Content-Length", "5", NULL), 0);
    assert_int_equal(status_with("POST", "Host", "localhost", "Transfer-Encoding", "Chunked", NULL),
                     0);
    assert_int_equal(status_with("POST", "Host", "localhost", "Content-Length", "5",
                                 "Transfer-Encoding", "chunked", NULL),
                     400);
    assert_int_equal(status_with("POST", "Host", "localhost", "Content-Length", "5",
                                 "content-length", "5", NULL),
                     400);
    assert_int_equal(status_with("POST", "Host", "localhost", "Content-Length", "5, 5", NULL), 400);
    assert_int_equal(status_with("POST", "Host", "localhost", "Content-Length", "+5", NULL), 400);
    assert_int_equal(status_with("POST", "Host", "localhost", "Content-Length", "", NULL), 400);
    assert_int_equal(
        status_with("POST", "Host", "localhost", "Content-Length", "99999999999999999999", NULL),
        413);
    assert_int_equal(
        status_with("POST", "Host", "localhost", "Transfer-Encoding", "gzip, chunked", NULL), 400);
    assert_int_equal(status_with("POST", "Host", "localhost", "Transfer-Encoding", "chunked",
                                 "Transfer-Encoding", "chunked", NULL),
                     400);
    assert_int_equal(status_with("POST", "Host", "localhost", "Content-Length ", "5", NULL), 400);
    assert_int_equal(status_with("POST", "Host", "localhost", "Content-Length0", "5", NULL), 400);
    assert_int_equal(status_with("POST", "Host", "localhost", "Transfer-Encodingx", "5", NULL),
                     400);
}

static void headers_have_token_names_and_plain_values(void **state)
{
    (void)state;
    assert_int_equal(status_with("GET", "Host", "localhost", "X-A_b.~1", "\t\xc3\xa4 ok", NULL), 0);
    assert_int_equal(status_with("GET", "Host", "localhost", "X A", "1", NULL), 400);
    assert_int_equal(status_with("GET", "Host", "localhost", "", "1", NULL), 400);
    assert_int_equal(status_with("GET", "Host", "localhost", "X\xc3\xa4", "1", NULL), 400);
    assert_int_equal(status_with("GET", "Host", "localhost", "X(", "1", NULL), 400);
    assert_int_equal(status_with("GET", "Host", "localhost", "X", "a\rb", NULL), 400);
    assert_int_equal(status_with("GET", "Host", "localhost", "X", "\x1b[2J", NULL), 400);
}

static void a_request_has_one_host(void **state)
{
    struct gate_request old = {"GET", "HTTP/1.0", "/", 0, NULL};
    struct gate_facts facts;
    struct error e;

    (void)state;
    assert_int_equal(status_with("GET", "Host", "localhost", "host", "localhost", NULL), 400);
    assert_int_equal(status_with("GET", "Host", "", NULL), 400);
    assert_int_equal(status_with("GET", "X", "1", NULL), 400);
    assert_int_equal(gate_check(&old, NULL, &facts, &e), 0);
}

static void a_request_says_once_who_asks(void **state)
{
    (void)state;
    assert_int_equal(status_with("GET", "Host", "localhost", "Authorization", "Bearer a", NULL), 0);
    assert_int_equal(status_with("GET", "Host", "localhost", "Authorization", "Bearer a",
                                 "authorization", "Bearer b", NULL),
                     400);
}

static void methods_are_known_words_with_case(void **state)
{
    static const char *const others[] = {"TRACE", "BREW", "get", "CONNECT"};
    struct http_pair host[] = {{"Host", "localhost"}};
    struct gate_facts facts;
    struct error e;

    (void)state;
    assert_int_equal(check("HEAD", "/", host, 1, &facts, &e), 0);
    assert_true(facts.is_head && facts.method == HTTP_GET);
    assert_int_equal(check("PATCH", "/", host, 1, &facts, &e), 0);
    assert_int_equal(facts.method, HTTP_PATCH);
    assert_false(facts.is_refused);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        assert_int_equal(check(others[i], "/", host, 1, &facts, &e), 0);
        assert_true(facts.is_refused);
    }
    assert_int_equal(check("G\x01T", "/", host, 1, &facts, &e), 400);
    assert_int_equal(check("OPTIONS", "*", host, 1, &facts, &e), 400);
    assert_int_equal(check("GET", "http://evil/x", host, 1, &facts, &e), 400);
}

static void pages_of_other_origins_may_not_write(void **state)
{
    static const struct {
        const char *origin, *site;
        unsigned status;
    } table[] = {
        {NULL, NULL, 0},
        {"http://localhost:8642", NULL, 0},
        {"https://LOCALHOST:8642", NULL, 0},
        {"http://localhost", NULL, 403}, /* another port is another origin */
        {"http://evil.example", NULL, 403},
        {"null", NULL, 403},
        {"", NULL, 403},
        {"http://localhost:8642", "same-origin", 0},
        {"http://localhost:8642", "cross-site", 403},
        {NULL, "none", 0},
        {NULL, "same-site", 403},
        {"https://behind.a.proxy", "same-origin", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct http_pair headers[3] = {{"Host", "localhost:8642"}};
        struct gate_facts facts;
        struct error e;
        size_t n = 1;

        if (table[i].origin)
            headers[n++] = (struct http_pair){"Origin", table[i].origin};
        if (table[i].site)
            headers[n++] = (struct http_pair){"Sec-Fetch-Site", table[i].site};
        assert_int_equal(check("POST", "/", headers, n, &facts, &e), table[i].status);
        assert_int_equal(check("GET", "/", headers, n, &facts, &e), 0);
    }
}

static void more_than_a_hundred_headers_are_too_many(void **state)
{
    struct http_pair headers[GATE_MAX_HEADERS + 1];
    struct gate_facts facts;
    struct error e;

    (void)state;
    for (size_t i = 0; i <= GATE_MAX_HEADERS; i++)
        headers[i] = (struct http_pair){"X", "1"};
    headers[0] = (struct http_pair){"Host", "localhost"};
    assert_int_equal(check("GET", "/", headers, GATE_MAX_HEADERS, &facts, &e), 0);
    assert_int_equal(check("GET", "/", headers, GATE_MAX_HEADERS + 1, &facts, &e), 431);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts_are_loopback_or_allowed),
        cmocka_unit_test(a_refused_host_is_told_the_option),
        cmocka_unit_test(framing_must_be_beyond_doubt),
        cmocka_unit_test(headers_have_token_names_and_plain_values),
        cmocka_unit_test(a_request_has_one_host),
        cmocka_unit_test(a_request_says_once_who_asks),
        cmocka_unit_test(methods_are_known_words_with_case),
        cmocka_unit_test(pages_of_other_origins_may_not_write),
        cmocka_unit_test(more_than_a_hundred_headers_are_too_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
