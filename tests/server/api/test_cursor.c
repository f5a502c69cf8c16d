#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "server/api/cursor.h"

static void expect_text(const struct bookmark *b, const char *expected)
{
    struct buf out = {0};
    struct bookmark back;

    cursor_write(b, &out);
    assert_string_equal(buf_text(&out), expected);
    assert_true(cursor_read(buf_text(&out), &back));
    assert_int_equal(back.id, b->id);
    assert_int_equal(back.key.kind, b->key.kind);
    assert_true(value_equal(&back.key, &b->key));
    buf_finish(&out);
}

static void a_bookmark_is_read_back_as_it_was(void **state)
{
    (void)state;
    expect_text(&(struct bookmark){17, {.kind = VALUE_NONE}}, "17n");
    expect_text(&(struct bookmark){1, {.kind = VALUE_INT, .integer = INT64_MIN}},
                "1i-9223372036854775808");
    expect_text(&(struct bookmark){3, {.kind = VALUE_REAL, .real = 0.1 + 0.2}},
                "3r0.30000000000000004");
    expect_text(&(struct bookmark){3, {.kind = VALUE_REAL, .real = -1e-300}}, "3r-1e-300");
    expect_text(&(struct bookmark){9, {.kind = VALUE_TEXT, .text = ""}}, "9t");
    expect_text(&(struct bookmark){9, {.kind = VALUE_TEXT, .text = "größe 1&2"}}, "9tgröße 1&2");
}

static void anything_else_is_no_cursor(void **state)
{
    static const char *const bad[] = {"",
                                      "17",
                                      "n",
                                      "0n",
                                      "-1n",
                                      "01n",
                                      "17x",
                                      "17n1",
                                      "17i",
                                      "17i1.5",
                                      "17i 1",
                                      "17i+1",
                                      "17rnan",
                                      "17r",
                                      "17rinf",
                                      "1r1e999",
                                      "17r 1",
                                      "1i9223372036854775808",
                                      "1000000000000000000n"};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct bookmark b;

        if (cursor_read(bad[i], &b))
            fail_msg("\"%s\" was read as a cursor", bad[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bookmark_is_read_back_as_it_was),
        cmocka_unit_test(anything_else_is_no_cursor),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
