#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "server/schema/table_text.h"

static const struct value rows[2][4] = {
    {{.kind = VALUE_INT, .integer = 9},
     {.kind = VALUE_REAL, .real = 0.30000000000000004},
     {.kind = VALUE_TEXT, .text = "relu, \"tanh\""},
     {.kind = VALUE_NONE}},
    {{.kind = VALUE_INT, .integer = 10},
     {.kind = VALUE_REAL, .real = (double)NAN},
     {.kind = VALUE_TEXT, .text = "größe"},
     {.kind = VALUE_REAL, .real = 1234567.891}},
};
static const char *const names[] = {"trial", "score", "activation", "seconds"};

static void csv_is_exact_and_quoted_as_rfc_4180_says(void **state)
{
    struct buf b = {0};

    (void)state;
    table_csv_header(&b, names, 4);
    table_csv_row(&b, rows[0], 4);
    table_csv_row(&b, rows[1], 4);
    assert_string_equal(buf_text(&b), "trial,score,activation,seconds\r\n"
                                      "9,0.30000000000000004,\"relu, \"\"tanh\"\"\",\r\n"
                                      "10,,größe,1234567.891\r\n");
    buf_finish(&b);
}

static void text_is_aligned_by_character_with_numbers_to_the_right(void **state)
{
    struct table_text t;
    struct buf b = {0};
    struct error e;

    (void)state;
    assert_int_equal(table_text_begin(&t, names, 4, &e), ERR_OK);
    table_text_row(&t, rows[0]);
    table_text_row(&t, rows[1]);
    assert_int_equal(table_text_write(&t, &b, &e), ERR_OK);
    assert_string_equal(buf_text(&b), "trial  score  activation       seconds\n"
                                      "-----  -----  ------------  ----------\n"
                                      "    9    0.3  relu, \"tanh\"           -\n"
                                      "   10      -  größe         1.2346e+06\n");
    table_text_finish(&t);
    buf_finish(&b);
}

/* Under a sanitizer it shows where more than the text is read. */
static void a_text_that_was_cut_in_the_middle_of_a_character_ends_where_it_ends(void **state)
{
    const char *const one[] = {"name"};
    char *cut = strdup("a \xf0\x9f");
    struct value cell = {.kind = VALUE_TEXT, .text = cut};
    struct table_text t;
    struct buf b = {0};
    struct error e;

    (void)state;
    assert_int_equal(table_text_begin(&t, one, 1, &e), ERR_OK);
    table_text_row(&t, &cell);
    cell.text = "ending";
    table_text_row(&t, &cell);
    assert_int_equal(table_text_write(&t, &b, &e), ERR_OK);
    assert_non_null(strstr(buf_text(&b), "\nending\n"));
    table_text_finish(&t);
    buf_finish(&b);
    free(cut);
}

static void what_a_terminal_would_obey_becomes_a_space_and_long_cells_are_cut(void **state)
{
    const char *const one[] = {"name"};
    struct value cell = {.kind = VALUE_TEXT, .text = "a\x1b[31m\nb"};
    struct table_text t;
    char longer[200];
    struct buf b = {0};
    struct error e;

    (void)state;
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    assert_int_equal(table_text_begin(&t, one, 1, &e), ERR_OK);
    table_text_row(&t, &cell);
    cell.text = longer;
    table_text_row(&t, &cell);
    assert_int_equal(table_text_write(&t, &b, &e), ERR_OK);
    assert_null(strchr(buf_text(&b), '\x1b'));
    assert_non_null(strstr(buf_text(&b), "a [31m b\n"));
    assert_non_null(strstr(buf_text(&b), "xxx…\n"));
    table_text_finish(&t);
    buf_finish(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csv_is_exact_and_quoted_as_rfc_4180_says),
        cmocka_unit_test(text_is_aligned_by_character_with_numbers_to_the_right),
        cmocka_unit_test(a_text_that_was_cut_in_the_middle_of_a_character_ends_where_it_ends),
        cmocka_unit_test(what_a_terminal_would_obey_becomes_a_space_and_long_cells_are_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
