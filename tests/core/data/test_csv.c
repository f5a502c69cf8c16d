#include "core/data/csv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/buf.h"
#include "core/base/rng.h"
#include "tests/core/data/tables.h"

/* All records as text, [cell|cell] with their line; an error ends it as !message. */
static char *records(struct source *s, char delimiter)
{
    struct buf out = {0};
    struct csv *c = NULL;
    struct record r;
    struct error e = {0};

    assert_int_equal(csv_create(s, delimiter, "#", &c, &e), ERR_OK);
    for (;;) {
        if (csv_next(c, &r, &e) != ERR_OK) {
            buf_printf(&out, "!%s", e.message);
            break;
        }
        if (r.n_cells == 0)
            break;
        buf_printf(&out, "%d[", (int)r.line);
        for (size_t j = 0; j < r.n_cells; j++) {
            assert_int_equal(strlen(r.cells[j].text), r.cells[j].length);
            buf_printf(&out, "%s%s", j ? "|" : "", r.cells[j].text);
        }
        buf_puts(&out, "]");
    }
    csv_destroy(c);
    return out.data ? out.data : strdup("");
}

static void check_n(const char *bytes, size_t n, char delimiter, const char *expected)
{
    struct memory_source m;
    char *got;

    source_memory_init(&m, bytes, n);
    got = records(&m.source, delimiter);
    assert_string_equal(got, expected);
    free(got);
}

static void check(const char *text, char delimiter, const char *expected)
{
    check_n(text, strlen(text), delimiter, expected);
}

static void lines_end_with_lf_crlf_or_cr(void **state)
{
    (void)state;
    check("a,b\nc,d\n", ',', "1[a|b]2[c|d]");
    check("a,b\r\nc,d\r\n", ',', "1[a|b]2[c|d]");
    check("a,b\rc,d\r", ',', "1[a|b]2[c|d]");
    check("a,b\nc,d", ',', "1[a|b]2[c|d]");
}

static void quotes_hold_delimiters_line_breaks_and_doubled_quotes(void **state)
{
    (void)state;
    check("\"a,b\",\"c\"\"d\"\n\"\",\"\"\"\"\n", ',', "1[a,b|c\"d]2[|\"]");
    check("\"x\r\ny\",1\nz,2\n", ',', "1[x\r\ny|1]3[z|2]");
    check(" \"a\" , \"b\"\n", ',', "1[a|b]");
    check("5\" pipe,b\n", ',', "1[5\" pipe|b]");
    check("\"a b\" c\n", CSV_WHITESPACE, "1[a b|c]");
}

static void blanks_around_cells_are_trimmed(void **state)
{
    (void)state;
    check("  a , b\t,c  \n", ',', "1[a|b|c]");
    check("a \t b\t\n", '\t', "1[a|b|]");
}

static void runs_of_blanks_are_one_whitespace_delimiter(void **state)
{
    (void)state;
    check("  1   2\t 3  \n4 5 6\n", CSV_WHITESPACE, "1[1|2|3]2[4|5|6]");
}

static void blank_and_comment_lines_are_skipped_and_counted_as_lines(void **state)
{
    (void)state;
    check("# x\n\na,b\n   \n#c,d\n  # e\nf,g\n#", ',', "3[a|b]7[f|g]");
}

static void empty_cells_are_kept(void **state)
{
    (void)state;
    check(",\na,\n,b\n,,", ',', "1[|]2[a|]3[|b]4[||]");
}

static void a_byte_order_mark_is_skipped(void **state)
{
    (void)state;
    check("\xef\xbb\xbf"
          "a,b\n",
          ',', "1[a|b]");
}

static void faults_name_the_place(void **state)
{
    (void)state;
    check("a,b\n1,\"x\n\n", ',',
          "1[a|b]!line 2, column 2: the quote that opens here is never closed");
    check("a,b\n\"x\"y,2\n", ',',
          "1[a|b]!line 2, column 1: expected a delimiter behind the closing quote, got \"y\"");
    check("a,\xe9t\xe9\n", ',',
          "!line 1, column 2: byte 0xe9 is not UTF-8 (a Latin-1 file is converted by iconv -f "
          "latin1 -t utf-8)");
    check_n("a,b\nc,d\0e\n", 10, ',', "1[a|b]!line 2, column 2: a NUL byte; expected text");
    check_n("\xff\xfe"
            "a\0",
            4, ',', "!line 1: the text is UTF-16; expected UTF-8");
    check("a,\"x\ny\xff\"\n", ',',
          "!line 1, column 2: byte 0xff is not UTF-8 (a Latin-1 file is converted by iconv -f "
          "latin1 -t utf-8)");
}

static void a_cell_of_a_mebibyte_is_the_longest(void **state)
{
    size_t n = CSV_MAX_CELL;
    char *text = malloc(n + 3);
    struct memory_source m;
    char *got;

    (void)state;
    memset(text, 'x', n + 1);
    memcpy(text + n + 1, "\n", 2);
    source_memory_init(&m, text, n + 2);
    got = records(&m.source, ',');
    assert_string_equal(got, "!line 1, column 1: a cell is longer than 1048576 bytes");
    free(got);
    source_memory_init(&m, text + 1, n + 1);
    got = records(&m.source, ',');
    assert_int_equal(strlen(got), n + 3);
    free(got);
    free(text);
}

static void more_columns_than_the_limit_are_refused(void **state)
{
    size_t n = RECORD_MAX_COLUMNS + 1;
    char *text = malloc(n + 1);

    (void)state;
    memset(text, ',', n);
    text[n] = '\0';
    check(text, ',', "!line 1: there are more than 100000 columns");
    free(text);
}

/* Text from an alphabet in which most of what can go wrong is likely. */
static size_t random_text(struct rng *r, char *out, size_t n)
{
    static const char *const pieces[] = {
        "a", "1.5", ",", ",",   "\"",       "\"\"", "\n", "\r\n",     "\r",   " ",      "\t",
        "#", ";",   "-", "xyz", "\xc3\xa9", "\xff", "NA", "\"q,\n\"", "\n\n", ",\"a\"", "1e5"};
    size_t length = 0;

    while (length + 8 < n) {
        const char *piece = pieces[rng_below(r, sizeof pieces / sizeof *pieces)];

        /* bad bytes end everything early: seldom */
        if (*piece == '\xff' && rng_below(r, 50) > 0)
            continue;
        memcpy(out + length, piece, strlen(piece));
        length += strlen(piece);
    }
    return length;
}

static void records_do_not_depend_on_the_sizes_of_the_reads(void **state)
{
    static const char delimiters[] = {',', ';', '\t', CSV_WHITESPACE};
    uint64_t seed = 20240501;
    struct rng r;
    char text[3000];

    (void)state;
    print_message("seed %d\n", (int)seed);
    rng_init(&r, seed, 0, 0, RNG_TEST, 0);
    for (int trial = 0; trial < 400; trial++) {
        size_t n = random_text(&r, text, 16 + rng_below(&r, sizeof text - 16));
        char delimiter = delimiters[trial % 4], *whole, *pieces;
        struct memory_source m;
        struct trickle t;

        source_memory_init(&m, text, n);
        whole = records(&m.source, delimiter);
        source_memory_init(&m, text, n);
        tables_trickle(&t, &m.source, rng_u32(&r), 1 + rng_below(&r, 40));
        pieces = records(&t.source, delimiter);
        assert_string_equal(whole, pieces);
        free(whole);
        free(pieces);
    }
}

/* Records that cross the reader's buffer come out as those that do not. */
static void records_across_the_buffer_are_whole(void **state)
{
    struct buf text = {0}, expected = {0};
    char *got;
    struct memory_source m;

    (void)state;
    for (int i = 0; i < 40000; i++) {
        buf_printf(&text, "%d,\"a\"\"%d\n\",%d\r\n", i, i * 7, i * 13);
        buf_printf(&expected, "%d[%d|a\"%d\n|%d]", 2 * i + 1, i, i * 7, i * 13);
    }
    source_memory_init(&m, text.data, text.length);
    got = records(&m.source, ',');
    assert_true(strcmp(got, expected.data) == 0);
    free(got);
    buf_finish(&text);
    buf_finish(&expected);
}

static void previews_are_short_and_printable(void **state)
{
    char out[64];

    (void)state;
    assert_string_equal(csv_preview("a\tb\n", out), "a b ");
    assert_string_equal(csv_preview("0123456789012345678901234567890123456789x", out),
                        "0123456789012345678901234567890123456789\u2026");
    assert_string_equal(csv_preview("012345678901234567890123456789012345678\u00e9x", out),
                        "012345678901234567890123456789012345678\u2026");
    assert_string_equal(csv_preview("\xe9", out), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_end_with_lf_crlf_or_cr),
        cmocka_unit_test(quotes_hold_delimiters_line_breaks_and_doubled_quotes),
        cmocka_unit_test(blanks_around_cells_are_trimmed),
        cmocka_unit_test(runs_of_blanks_are_one_whitespace_delimiter),
        cmocka_unit_test(blank_and_comment_lines_are_skipped_and_counted_as_lines),
        cmocka_unit_test(empty_cells_are_kept),
        cmocka_unit_test(a_byte_order_mark_is_skipped),
        cmocka_unit_test(faults_name_the_place),
        cmocka_unit_test(a_cell_of_a_mebibyte_is_the_longest),
        cmocka_unit_test(more_columns_than_the_limit_are_refused),
        cmocka_unit_test(records_do_not_depend_on_the_sizes_of_the_reads),
        cmocka_unit_test(records_across_the_buffer_are_whole),
        cmocka_unit_test(previews_are_short_and_printable),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
