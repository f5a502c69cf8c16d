#include "core/data/read.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/buf.h"
#include "core/base/rng.h"
#include "tests/core/data/tables.h"

static void check_numbers(const struct table *t, size_t column, const double *expected)
{
    assert_non_null(t->columns[column].values);
    for (size_t i = 0; i < t->n_rows; i++)
        assert_true(t->columns[column].values[i] == expected[i]);
}

/* One table in many dialects: two numeric columns and three classes. */
static void one_table_in_many_dialects_is_the_same_table(void **state)
{
    static const struct dialect_case {
        const char *text, *delimiter;
        char decimal;
        bool header;
        struct table_options options;
    } cases[] = {
        {"a,b,y\n1.5,2,r\n-3,4e1,s\n0.25,6,r\n", ",", '.', true, {0}},
        {"a,b,y\r\n1.5,2,r\r\n-3,4e1,s\r\n0.25,6,r", ",", '.', true, {0}},
        {"\xef\xbb\xbf\"a\",\"b\",\"y\"\n\"1.5\",2,r\n-3,4e1,s\n.25,6,r\n", ",", '.', true, {0}},
        {"1.5,2,r\n-3,40,s\n0.25,6,r\n", ",", '.', false, {0}},
        {"a;b;y\n1,5;2;r\n-3;40;s\n0,25;6;r\n", ";", ',', true, {0}},
        {"a;b;y\n1.5;2;r\n-3;40;s\n0.25;6;r\n", ";", '.', true, {0}},
        {"a\tb\ty\n1,5\t2\tr\n-3\t40\ts\n0,25\t6\tr\n", "tab", ',', true, {0}},
        {"a|b|y\n1.5|2|r\n-3|40|s\n0.25|6|r\n", "|", '.', true, {0}},
        {"a b y\n 1.5 2   r\n -3 40\ts\n 0.25 6 r\n", "whitespace", '.', true, {0}},
        {"# made by hand\n# a b y\n1.5 2 r\n-3 40 s\n0.25 6 r\n", "whitespace", '.', true, {0}},
        {"#a,b,y\n1.5,2,r\n-3,40,s\n0.25,6,r\n", ",", '.', true, {0}},
        {"a,b,y\n1.5D+00,+2,r\n-3,4d1,s\n25E-2,6,r\n", ",", '.', true, {0}},
        {"a,b,y,\n1.5,2,r,\n-3,40,s,\n0.25,6,r,\n", ",", '.', true, {0}},
        {"a,b,y\n\n1.5,2,r\n% no\n-3,40,s\n0.25,6,r\n\n", ",", '.', true, {.comment = "%"}},
        {"a!b!y\n1.5!2!r\n-3!40!s\n0.25!6!r\n", "!", '.', true, {.delimiter = "!"}},
        {"a,b,y\n\"1,5\",2,r\n-3,40,s\n\"0,25\",6,r\n", ",", ',', true, {0}},
        {"sep=;\r\na;b;y\r\n1,5;2;r\r\n-3;40;s\r\n0,25;6;r\r\n", ";", ',', true, {0}},
        {"\xef\xbb\xbfSEP=,\na,b,y\n1.5,2,r\n-3,40,s\n0.25,6,r\n", ",", '.', true, {0}},
        {"7,8,9\n1.5,2,r\n-3,40,s\n0.25,6,r\n", ",", '.', true, {.header = "yes"}},
    };
    static const double a[] = {1.5, -3, 0.25}, b[] = {2, 40, 6};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        CLEANUP(tables_end) struct table *t = tables_read(cases[i].text, &cases[i].options);

        assert_int_equal(t->n_rows, 3);
        assert_int_equal(t->n_columns, 3);
        check_numbers(t, 0, a);
        check_numbers(t, 1, b);
        assert_int_equal(t->n_classes, 2);
        assert_int_equal(t->columns[2].codes[1], 1);
        assert_string_equal(t->delimiter, cases[i].delimiter);
        assert_int_equal(t->decimal, cases[i].decimal);
        assert_int_equal(t->header, cases[i].header);
        assert_string_equal(t->columns[0].name, !cases[i].header          ? "column_1"
                                                : cases[i].options.header ? "7"
                                                                          : "a");
    }
}

static void the_column_report_has_the_numbers_of_the_column(void **state)
{
    CLEANUP(tables_end)
    struct table *t = tables_read("a,c,y\n1,u,0\n2,v,1\n,u,0\n4,,1\n1,u,0\n", NULL);
    const struct column *a = &t->columns[0], *c = &t->columns[1];

    (void)state;
    assert_int_equal(a->type, COLUMN_NUMERIC);
    assert_int_equal(a->missing, 1);
    assert_int_equal(a->distinct, 3);
    assert_true(a->min == 1 && a->max == 4 && a->mean == 2 && a->std == sqrt(1.5));
    assert_true(isnan(a->values[2]));
    assert_int_equal(c->type, COLUMN_CATEGORICAL);
    assert_int_equal(c->missing, 1);
    assert_int_equal(c->distinct, 2);
    assert_int_equal(c->codes[3], -1);
    assert_int_equal(t->duplicate_rows, 1);
    assert_int_equal(table_features(t), 2);
    assert_int_equal(table_encoded_features(t, 0), 3);
    assert_int_equal(table_column(t, "c"), 1);
    assert_int_equal(table_column(t, "3"), 2);
    assert_true(table_column(t, "4") == SIZE_MAX && table_column(t, "x") == SIZE_MAX);
}

static void the_task_follows_from_the_target_and_says_why(void **state)
{
    static const struct task_case {
        const char *text, *reason;
        struct table_options options;
        enum task task;
    } cases[] = {
        {"a,y\n1,x\n2,z\n",
         "classification, because the target \"y\" is text",
         {0},
         TASK_CLASSIFICATION},
        {"a,y\n1,true\n2,False\n",
         "classification, because the target \"y\" is text",
         {0},
         TASK_CLASSIFICATION},
        {"a,y\n1,0\n2,7\n",
         "classification, because the target \"y\" has 2 distinct integers, at most 20",
         {0},
         TASK_CLASSIFICATION},
        {"a,y\n1,0\n2,7.5\n",
         "regression, because the target \"y\" has numbers that are not integers",
         {0},
         TASK_REGRESSION},
        {"a,y\n1,0\n2,7\n", "regression, as asked for", {.task = "regression"}, TASK_REGRESSION},
        {"a,y\n1,0.5\n2,7\n",
         "classification, as asked for",
         {.task = "classification"},
         TASK_CLASSIFICATION},
        {"a,y,z\n1,0,1\n2,1,0\n",
         "regression, because there are 2 targets",
         {.target = "y,3"},
         TASK_REGRESSION},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        CLEANUP(tables_end) struct table *t = tables_read(cases[i].text, &cases[i].options);

        assert_int_equal(t->task, cases[i].task);
        assert_string_equal(t->task_reason, cases[i].reason);
    }
}

static void twenty_distinct_integers_are_classes_and_twenty_one_are_not(void **state)
{
    (void)state;
    for (int n = 20; n <= 21; n++) {
        struct buf text = {0};
        CLEANUP(tables_end) struct table *t = NULL;

        buf_puts(&text, "a,y\n");
        for (int i = 0; i < 100; i++)
            buf_printf(&text, "%d,%d\n", i * i, i % n);
        t = tables_read(text.data, NULL);
        assert_int_equal(t->task, n == 20 ? TASK_CLASSIFICATION : TASK_REGRESSION);
        assert_int_equal(t->n_classes, n == 20 ? 20 : 0);
        buf_finish(&text);
    }
}

static void classes_are_ordered_as_numbers_and_printed_as_written(void **state)
{
    CLEANUP(tables_end) struct table *t = tables_read("a,y\n1,10\n2,9\n3,9.0\n4,-1\n", NULL);
    const struct column *y = &t->columns[1];

    (void)state;
    assert_int_equal(t->n_classes, 3);
    assert_string_equal(y->labels[0], "-1");
    assert_string_equal(y->labels[1], "9");
    assert_string_equal(y->labels[2], "10");
    assert_int_equal(t->class_rows[1], 2);
    assert_int_equal(y->codes[0], 2);
    assert_int_equal(y->codes[2], 1);
}

static void the_positive_class_comes_last(void **state)
{
    struct table_options o = {.positive = "cancer"};
    CLEANUP(tables_end) struct table *t = tables_read("a,y\n1,cancer\n2,well\n3,well\n", &o);

    (void)state;
    assert_string_equal(t->columns[1].labels[0], "well");
    assert_string_equal(t->columns[1].labels[1], "cancer");
    assert_int_equal(t->columns[1].codes[0], 1);
    assert_int_equal(t->class_rows[0], 2);
}

static void rows_without_a_target_are_left_out_and_counted(void **state)
{
    CLEANUP(tables_end)
    struct table *t = tables_read("a,y\n1,x\n2,\n3,z\n4,NA\n5,x\n", NULL);
    static const double a[] = {1, 3, 5};
    static const uint32_t rows[] = {0, 2, 4};

    (void)state;
    assert_int_equal(t->n_rows, 3);
    assert_int_equal(t->rows_without_target, 2);
    check_numbers(t, 0, a);
    assert_memory_equal(t->source_row, rows, sizeof rows);
    assert_non_null(tables_warning(t, "2 rows are left out because of a missing target"));
}

static void columns_of_no_use_are_left_out_with_a_warning(void **state)
{
    CLEANUP(tables_end)
    struct table *t = tables_read("k,e,n,a,y\n7,,ann,1,u\n7,NA,bob,2,v\n7,?,cid,2,u\n", NULL);

    (void)state;
    assert_int_equal(t->columns[0].role, ROLE_CONSTANT);
    assert_int_equal(t->columns[1].role, ROLE_EMPTY);
    assert_int_equal(t->columns[2].role, ROLE_IDENTIFIER);
    assert_int_equal(t->columns[3].role, ROLE_FEATURE);
    assert_int_equal(table_features(t), 1);
    assert_non_null(tables_warning(t, "column \"k\" is left out: every row has 7"));
    assert_non_null(tables_warning(t, "column \"e\" is left out: it has no values"));
    assert_non_null(
        tables_warning(t, "column \"n\" is left out as an identifier: 3 of its 3 texts"));
    for (size_t j = 0; j < 3; j++)
        assert_true(!t->columns[j].values && !t->columns[j].codes && !t->columns[j].labels);
}

static void a_column_that_counts_the_rows_is_left_out_unless_asked_for(void **state)
{
    struct buf text = {0};
    struct table_options keep = {.numeric = "column_1"};
    CLEANUP(tables_end) struct table *t = NULL, *kept = NULL;

    (void)state;
    buf_puts(&text, ",a,y\n");
    for (int i = 0; i < 12; i++)
        buf_printf(&text, "%d,%d,%d\n", i, i * i % 7, i % 2);
    t = tables_read(text.data, NULL);
    assert_int_equal(t->columns[0].role, ROLE_IDENTIFIER);
    assert_non_null(tables_warning(t, "it only counts the rows"));
    kept = tables_read(text.data, &keep);
    assert_int_equal(kept->columns[0].role, ROLE_FEATURE);
    table_destroy(kept);
    kept = NULL;
    buf_finish(&text);
}

static void numbers_that_mean_missing_are_warned_about_and_can_be_named(void **state)
{
    struct buf text = {0};
    struct table_options o = {.missing = "-999"};
    struct table *t, *named;

    (void)state;
    buf_puts(&text, "a,y\n");
    for (int i = 0; i < 100; i++)
        buf_printf(&text, "%s,%d\n", i % 20 ? (i % 3 ? "5" : "1.5") : "-999.0", i % 2);
    t = tables_read(text.data, NULL);
    assert_non_null(
        tables_warning(t, "column \"a\": 5 of 100 values are -999, far from the others"));
    named = tables_read(text.data, &o);
    assert_int_equal(named->columns[0].missing, 5);
    assert_int_equal(named->n_warnings, 0);
    table_destroy(t);
    table_destroy(named);
    buf_finish(&text);
}

static void text_late_in_a_column_makes_all_of_it_text(void **state)
{
    struct buf text = {0};
    CLEANUP(tables_end) struct table *t = NULL;

    (void)state;
    buf_puts(&text, "a,y\n");
    for (int i = 0; i < 3000; i++)
        buf_printf(&text, "%d,%d\n", i % 5, i % 2);
    for (int i = 0; i < 4000; i++)
        buf_printf(&text, "%c,%d\n", 'a' + i % 3, i % 2);
    t = tables_read(text.data, NULL);
    assert_int_equal(t->columns[0].type, COLUMN_CATEGORICAL);
    assert_int_equal(t->columns[0].n_labels, 8);
    assert_int_equal(t->columns[0].codes[3], 3);
    assert_non_null(tables_warning(t, "column \"a\" is read as text: 4000 of 7000 values are no "
                                      "numbers, the first is \"a\" in line 3002"));
    buf_finish(&text);
}

static void roles_types_and_ignored_columns_are_taken_from_the_options(void **state)
{
    struct table_options o = {.target = "y",
                              .ignore = "i,7",
                              .categorical = "c",
                              .group = "g",
                              .weight = "w",
                              .split = "s",
                              .fold = "f",
                              .time = "t"};
    CLEANUP(tables_end)
    struct table *t = tables_read("y,c,g,w,s,f,junk,i,t\n"
                                  "1.5,3,p,1,train,2,x,9,2024-01-01\n"
                                  "2.5,20,q,0,Test,10,inf,8,2024-01-02\n"
                                  "3.5,3,p,2,train,2,,7,2024-01-03\n",
                                  &o);

    (void)state;
    assert_int_equal(t->columns[1].type, COLUMN_CATEGORICAL);
    assert_string_equal(t->columns[1].labels[1], "20");
    assert_int_equal(t->columns[2].role, ROLE_GROUP);
    assert_int_equal(table_role_column(t, ROLE_WEIGHT), 3);
    assert_true(t->columns[3].values[2] == 2);
    assert_int_equal(table_test_rows(t), 1);
    assert_string_equal(t->columns[5].labels[0], "2");
    assert_string_equal(t->columns[5].labels[1], "10");
    assert_int_equal(t->columns[6].role, ROLE_IGNORED);
    assert_int_equal(t->columns[7].role, ROLE_IGNORED);
    assert_int_equal(t->columns[8].role, ROLE_TIME);
    assert_int_equal(table_features(t), 1);
}

static void empty_options_count_as_not_given(void **state)
{
    struct table_options o = {.target = "", .task = "", .group = "", .delimiter = "", .header = ""};
    CLEANUP(tables_end) struct table *t = tables_read("a,y\n1,u\n2,v\n", &o);

    (void)state;
    assert_int_equal(t->targets[0], 1);
    assert_true(t->header);
}

static void a_name_with_a_comma_is_one_column(void **state)
{
    struct table_options o = {.target = "a,b"};
    CLEANUP(tables_end) struct table *t = tables_read("\"a,b\",c\n1.5,2\n2.5,3\n", &o);

    (void)state;
    assert_int_equal(t->n_targets, 1);
    assert_int_equal(t->targets[0], 0);
}

static void a_table_of_text_alone_has_a_header_if_its_first_row_never_comes_again(void **state)
{
    CLEANUP(tables_end) struct table *t = tables_read("cap,kind\nx,p\ny,e\nx,e\ny,p\n", NULL);
    CLEANUP(tables_end) struct table *bare = tables_read("x,p\ny,e\nx,e\ny,p\n", NULL);

    (void)state;
    assert_true(t->header);
    assert_false(bare->header);
    assert_int_equal(bare->n_rows, 4);
}

static void decimal_commas_that_may_be_thousands_are_warned_about(void **state)
{
    CLEANUP(tables_end) struct table *t = tables_read("a;y\n1,234;x\n2,500;y\n", NULL);

    (void)state;
    assert_true(t->columns[0].values[0] == 1.234);
    assert_non_null(tables_warning(t, "numbers such as 1,234 are read with a decimal comma"));
}

static void text_that_looks_like_numbers_is_warned_about(void **state)
{
    static const char *const values[][2] = {
        {"$1.50", "$2.25"},
        {"10 %", "20 %"},
        {"\"1,234.5\"", "\"2,345.5\""},
        {"<5", ">100"},
        {"2024-03-01", "1.4.2024"},
        {"2024-03-01T10:30:00Z", "12:30"},
        {"3±0.1", "4±0.2"},
        {"\xe2\x88\x92"
         "3",
         "1'000"},
    };
    static const char *const others[][2] = {{"mild", "hot"}, {"T1", "T2"}, {"x2", "2nd"}};

    (void)state;
    for (size_t i = 0; i < 8 + 3; i++) {
        const char *const *v = i < 8 ? values[i] : others[i - 8];
        CLEANUP(buf_finish) struct buf text = {0};
        CLEANUP(tables_end) struct table *t = NULL;

        buf_printf(&text, "n,a,y\n");
        for (int k = 0; k < 8; k++)
            buf_printf(&text, "%d,%s,%d\n", k * k, v[k % 2], k % 3 == 0);
        t = tables_read(buf_text(&text), NULL);
        assert_int_equal(t->columns[1].type, COLUMN_CATEGORICAL);
        assert_int_equal(
            tables_warning(t, "\"a\" is read as text, though its values look like") != NULL, i < 8);
    }
}

static void classes_of_one_row_are_warned_about(void **state)
{
    CLEANUP(tables_end) struct table *t = tables_read("a,y\n1,u\n2,v\n3,v\n4,w\n5,w\n", NULL);
    CLEANUP(tables_end) struct table *fine = tables_read("a,y\n1,u\n2,v\n3,v\n4,u\n", NULL);

    (void)state;
    assert_non_null(tables_warning(t, "1 class has one row alone, such as \"u\""));
    assert_null(tables_warning(fine, "one row alone"));
}

static void a_column_of_many_integers_is_described_in_no_time(void **state)
{
    CLEANUP(buf_finish) struct buf text = {0};
    CLEANUP(tables_end) struct table *t = NULL;

    (void)state;
    buf_printf(&text, "a,b,y\n");
    for (int i = 0; i < 100000; i++)
        buf_printf(&text, "%d,%d,%d\n", i * 7 % 100003, i * 4096, i % 3);
    t = tables_read(text.data, NULL);
    assert_int_equal(t->columns[0].distinct, 100000);
    assert_int_equal(t->columns[1].distinct, 100000);
}

static void comments_among_the_rows_are_warned_about(void **state)
{
    CLEANUP(tables_end) struct table *t = tables_read("c,y\n1,0\n#fff,1\n2,1\n", NULL);

    (void)state;
    assert_int_equal(t->n_rows, 2);
    assert_non_null(tables_warning(
        t, "lines skipped as comments because they begin with \"#\": 1, the first is "));
}

static double random_number(struct rng *r)
{
    switch (rng_below(r, 4)) {
    case 0:
        return (double)NAN;
    case 1:
        return (double)(int32_t)rng_u32(r);
    case 2:
        return rng_normal(r) * 1e-200;
    default:
        return rng_normal(r);
    }
}

/* Written and read again, numbers have the same bits and texts the same bytes. */
static void what_is_written_is_read(void **state)
{
    enum { ROWS = 300, COLUMNS = 4 };
    static const char *const texts[] = {"plain", "with,comma", "with \"quotes\"", "two\nlines",
                                        "\u00fcml\u00e4ut"};
    static double x[COLUMNS][ROWS];
    uint64_t seed = 11;
    struct rng r;
    struct buf text = {0};
    CLEANUP(tables_end) struct table *t = NULL;

    (void)state;
    print_message("seed %d\n", (int)seed);
    rng_init(&r, seed, 0, 0, RNG_TEST, 0);
    buf_puts(&text, "a,b,c,d,text,y\n");
    for (size_t i = 0; i < ROWS; i++) {
        for (size_t j = 0; j < COLUMNS; j++) {
            char number[32] = "";

            x[j][i] = random_number(&r);
            if (!isnan(x[j][i]))
                buf_format_double(x[j][i], number);
            buf_printf(&text, "%s,", number);
        }
        buf_putc(&text, '"');
        for (const char *p = texts[i % 5]; *p; p++)
            buf_printf(&text, "%s%c", *p == '"' ? "\"" : "", *p);
        buf_printf(&text, "\",%d.5\n", (int)i);
    }
    t = tables_read(text.data, NULL);
    assert_int_equal(t->n_rows, ROWS);
    for (size_t j = 0; j < COLUMNS; j++)
        for (size_t i = 0; i < ROWS; i++)
            assert_true(isnan(x[j][i]) ? isnan(t->columns[j].values[i])
                                       : x[j][i] == t->columns[j].values[i]);
    for (size_t i = 0; i < ROWS; i++)
        assert_string_equal(t->columns[4].labels[t->columns[4].codes[i]], texts[i % 5]);
    buf_finish(&text);
}

/* The store rebuilds a table from columns: the same functions, the same table. */
static void a_table_can_be_rebuilt_from_its_columns(void **state)
{
    CLEANUP(tables_end) struct table *t = tables_read("a,c,y\n1,u,p\n2,v,q\n1,u,p\n", NULL);
    CLEANUP(tables_end) struct table *again = NULL;
    uint32_t first[3];

    (void)state;
    assert_int_equal(table_create(t->n_rows, t->n_columns, &again, NULL), ERR_OK);
    for (size_t j = 0; j < t->n_columns; j++) {
        const struct column *c = &t->columns[j];

        assert_int_equal(table_set_name(again, j, c->name, NULL), ERR_OK);
        assert_int_equal(table_set_type(again, j, c->type, NULL), ERR_OK);
        again->columns[j].role = c->role;
        if (c->values)
            memcpy(again->columns[j].values, c->values, t->n_rows * sizeof *c->values);
        else
            memcpy(again->columns[j].codes, c->codes, t->n_rows * sizeof *c->codes);
        assert_int_equal(
            table_set_labels(again, j, c->label_text, c->label_bytes, c->n_labels, NULL), ERR_OK);
    }
    assert_int_equal(table_set_targets(again, t->targets, t->n_targets, NULL), ERR_OK);
    assert_int_equal(table_count_classes(again, NULL), ERR_OK);
    assert_int_equal(again->n_classes, 2);
    assert_memory_equal(again->class_rows, t->class_rows, 2 * sizeof *t->class_rows);
    assert_string_equal(again->columns[1].labels[1], "v");
    assert_int_equal(table_first_equal(again, true, first, NULL), ERR_OK);
    assert_int_equal(first[2], 0);
    assert_int_equal(table_set_labels(again, 1, "x", 2, 2, NULL), ERR_INTERNAL);
}

/* More rows, and more numbers, than are counted at once: the i-th is the i-th of a cycle. */
static void equal_rows_of_a_very_long_table_are_found(void **state)
{
    enum { CYCLE = 4300001, ROWS = CYCLE + 200000, PRIME = 7919 };
    static const char header[] = "\x93NUMPY\1\0v\0{'descr': '<i4', 'fortran_order': False, "
                                 "'shape': (4500001, 2), }";
    static char bytes[128 + ROWS * 2 * sizeof(int32_t)];
    CLEANUP(tables_end) struct table *t = NULL;
    struct table_options options = {0};
    struct memory_source m;
    struct table_file file = {&m.source, NULL};
    int32_t *cells = (int32_t *)(bytes + 128);
    uint32_t *first = malloc(ROWS * sizeof *first);
    struct error e;

    (void)state;
    memset(bytes, ' ', 128);
    memcpy(bytes, header, sizeof header - 1);
    bytes[127] = '\n';
    for (size_t i = 0; i < ROWS; i++) {
        cells[2 * i] = (int32_t)(i * PRIME % CYCLE);
        cells[2 * i + 1] = (int32_t)(i % CYCLE % 2);
    }
    source_memory_init(&m, bytes, sizeof bytes);
    assert_int_equal(table_read(&file, 1, &options, TABLES_MAX_BYTES, &t, &e), ERR_OK);
    assert_int_equal(t->n_rows, ROWS);
    assert_int_equal(t->columns[0].distinct, CYCLE);
    assert_non_null(first);
    assert_int_equal(table_first_equal(t, true, first, &e), ERR_OK);
    for (size_t i = 0; i < ROWS; i++)
        if (first[i] != i % CYCLE)
            fail_msg("row %zu equals row %u", i, first[i]);
    free(first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_table_in_many_dialects_is_the_same_table),
        cmocka_unit_test(the_column_report_has_the_numbers_of_the_column),
        cmocka_unit_test(the_task_follows_from_the_target_and_says_why),
        cmocka_unit_test(twenty_distinct_integers_are_classes_and_twenty_one_are_not),
        cmocka_unit_test(classes_are_ordered_as_numbers_and_printed_as_written),
        cmocka_unit_test(the_positive_class_comes_last),
        cmocka_unit_test(rows_without_a_target_are_left_out_and_counted),
        cmocka_unit_test(columns_of_no_use_are_left_out_with_a_warning),
        cmocka_unit_test(a_column_that_counts_the_rows_is_left_out_unless_asked_for),
        cmocka_unit_test(numbers_that_mean_missing_are_warned_about_and_can_be_named),
        cmocka_unit_test(text_late_in_a_column_makes_all_of_it_text),
        cmocka_unit_test(roles_types_and_ignored_columns_are_taken_from_the_options),
        cmocka_unit_test(empty_options_count_as_not_given),
        cmocka_unit_test(a_name_with_a_comma_is_one_column),
        cmocka_unit_test(a_table_of_text_alone_has_a_header_if_its_first_row_never_comes_again),
        cmocka_unit_test(decimal_commas_that_may_be_thousands_are_warned_about),
        cmocka_unit_test(text_that_looks_like_numbers_is_warned_about),
        cmocka_unit_test(classes_of_one_row_are_warned_about),
        cmocka_unit_test(a_column_of_many_integers_is_described_in_no_time),
        cmocka_unit_test(comments_among_the_rows_are_warned_about),
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(a_table_can_be_rebuilt_from_its_columns),
        cmocka_unit_test(equal_rows_of_a_very_long_table_are_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
