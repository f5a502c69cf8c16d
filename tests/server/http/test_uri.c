/* Request targets: splitting, decoding, refusing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "server/http/uri.h"

/* "a|b|c ?n=v;m=w;" or "refused". */
static void expect(const char *raw, const char *wanted)
{
    CLEANUP(arena_end) struct arena *a = NULL;
    CLEANUP(buf_finish) struct buf b = {0};
    struct uri uri;
    struct error e;

    assert_int_equal(arena_create(1000, &a, NULL), ERR_OK);
    if (uri_parse(a, raw, &uri, &e) != ERR_OK)
        buf_puts(&b, e.code == ERR_SYNTAX ? "refused" : e.message);
    else {
        for (size_t i = 0; i < uri.n_segments; i++)
            buf_printf(&b, "%s%s", i > 0 ? "|" : "", uri.segments[i]);
        if (uri.n_query > 0)
            buf_puts(&b, " ?");
        for (size_t i = 0; i < uri.n_query; i++)
            buf_printf(&b, "%s=%s;", uri.query[i].name, uri.query[i].value);
        assert_int_equal(strncmp(uri.path, raw, strlen(uri.path)), 0);
    }
    if (strcmp(b.data, wanted) != 0)
        fail_msg("%s: expected %s, got %s", raw, wanted, b.data);
}

static void targets_are_split_before_they_are_decoded(void **state)
{
    static const struct {
        const char *raw, *wanted;
    } table[] = {
        {"/", ""},
        {"/a", "a"},
        {"/a/b/", "a|b|"},
        {"//", "|"},
        {"/a%2Fb/c", "a/b|c"},
        {"/%61%6a", "aj"},
        {"/a%252e", "a%2e"},
        {"/\xc3\xa4/%C3%A4", "\xc3\xa4|\xc3\xa4"},
        {"/a+b", "a+b"},
        {"/a?b=c&d=e", "a ?b=c;d=e;"},
        {"/?a=1&a=2", " ?a=1;a=2;"},
        {"/a?", "a"},
        {"/a?x", "a ?x=;"},
        {"/a?&&x=&", "a ?x=;"},
        {"/a?x=1=2", "a ?x=1=2;"},
        {"/a?x=%26%3D&y=a+b%20c%2B", "a ?x=&=;y=a b c+;"},
        {"/a?delimiter=%09", "a ?delimiter=\t;"},
        {"/a?q=/../?", "a ?q=/../?;"},
        {"/...", "..."},
    };

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        expect(table[i].raw, table[i].wanted);
}

static void bad_targets_are_refused(void **state)
{
    static const char *const table[] = {
        "",         "a",          "*",          "http://h/x",
        "/%",       "/%4",        "/%zz",       "/%4z",
        "/a%00b",   "/%0a",       "/a%0d",      "/%7f",
        "/%09",     "/\x01",      "/.",         "/..",
        "/a/../b",  "/%2e%2E/x",  "/a/%2e",     "/%ff",
        "/%c0%af",  "/%ed%a0%80", "/\xff",      "/%f4%90%80%80",
        "/a?x=%00", "/a?x=%0a",   "/a?%zz",     "/a?x=%e4",
        "/a#b",     "/a?x=%c3",   "/%e0%80%80", "/%f0%80%80%80",
        "/%c1%81",  "/%80",       "/%e4%b8",    "/a?x=%",
    };

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        expect(table[i], "refused");
}

static void counts_are_limited(void **state)
{
    char raw[1000] = "/a?";

    (void)state;
    for (int i = 0; i < URI_MAX_QUERY + 1; i++)
        strcat(raw, "x&");
    expect(raw, "refused");
    raw[0] = '\0';
    for (int i = 0; i < URI_MAX_SEGMENTS + 1; i++)
        strcat(raw, "/x");
    expect(raw, "refused");
}

/* Any text encoded byte by byte comes back. */
static void decoding_undoes_encoding(void **state)
{
    unsigned seed = 20;

    (void)state;
    print_message("seed %u\n", seed);
    for (int round = 0; round < 300; round++) {
        CLEANUP(arena_end) struct arena *a = NULL;
        CLEANUP(buf_finish) struct buf raw = {0};
        char text[20], *encoded;
        size_t n = 1 + (size_t)rand_r(&seed) % 18;
        struct uri uri;

        buf_puts(&raw, "/x/");
        for (size_t i = 0; i < n; i++) {
            text[i] = (char)(' ' + rand_r(&seed) % 95);
            if (rand_r(&seed) % 2 || !strchr("abcxyz0189_-", text[i]))
                buf_printf(&raw, "%%%02x", (unsigned char)text[i]);
            else
                buf_putc(&raw, text[i]);
        }
        text[n] = '\0';
        if (strcmp(text, ".") == 0 || strcmp(text, "..") == 0)
            continue;
        encoded = strdup(raw.data + 3); /* appending may move it */
        buf_printf(&raw, "?q=%s", encoded);
        free(encoded);
        assert_int_equal(arena_create(1000, &a, NULL), ERR_OK);
        assert_int_equal(uri_parse(a, raw.data, &uri, NULL), ERR_OK);
        assert_int_equal(uri.n_segments, 2);
        assert_string_equal(uri.segments[1], text);
        assert_string_equal(uri.query[0].value, text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(targets_are_split_before_they_are_decoded),
        cmocka_unit_test(bad_targets_are_refused),
        cmocka_unit_test(counts_are_limited),
        cmocka_unit_test(decoding_undoes_encoding),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
