/* Every kind of broken file and option, each with its whole sentence. */
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

static const struct broken {
    const char *text, *message;
} files[] = {
    {"", "the file has no rows"},
    {"\n \n# only a comment\n", "the file has no rows"},
    {"a,b,y\n", "no rows follow the header in line 1"},
    {"a,y\n1,2.5\n", "the table has 1 row; expected at least 2"},
    {"a,b,a\n1,2,3\n", "header: columns 1 and 3 have the same name \"a\""},
    {"a,b,y\n1,2,0\n3,4\n5,6,1\n", "line 3, column 3 \"y\": expected 3 cells as in line 1, got 2"},
    {"a,b,y\n1,2,0\n3,4,1,9\n5,6,1\n", "line 3, column 4: expected 3 cells as in line 1, got 4"},
    {"a,petal_width,y\n1,2,0\n\n3,abc,1\n5,6,1\n3,4,0\n",
     "line 4, column 2 \"petal_width\": expected a number, got \"abc\""},
    {"1,2,0\n3,4,x\n5,6,1\n5,7,1\n", "line 2, column 3 \"column_3\": expected a number, got \"x\""},
    {"4,2,setosa\n1,2,0\n3,4,1\n5,6,1\n",
     "line 1, column 3 \"column_3\": expected a number, got \"setosa\"; header=true if this line "
     "has the names"},
    {"a,y\n1,0\n2,1\n-,1\n-,0\n3,1\n4,0\n", "line 4, column 1 \"a\": expected a number, got \"-\""},
    {"a,y\n1,0\ninf,1\n3,1\n", "line 3, column 1 \"a\": expected a finite number, got \"inf\""},
    {"a,y\n1,0.5\n2,-Infinity\n3,1\n",
     "line 3, column 2 \"y\": expected a finite number, got \"-Infinity\""},
    {"a,y\n1,0\n1e999,1\n3,1\n", "line 3, column 1 \"a\": expected a finite number, got \"1e999\""},
    {"a,y\n\"1,0\n2,1\n", "line 2, column 1 \"a\": the quote that opens here is never closed"},
    {"a,y\n\"1\"x,0\n2,1\n",
     "line 2, column 1 \"a\": expected a delimiter behind the closing quote, got \"x\""},
    {"a,y\n1,caf\xe9\n2,b\n",
     "line 2, column 2 \"y\": byte 0xe9 is not UTF-8 (a Latin-1 file is converted by iconv -f "
     "latin1 -t utf-8)"},
    {"\xff\xfe"
     "a",
     "line 1: the text is UTF-16; expected UTF-8"},
    {"a,y\n1,x\n2,x\n", "target \"y\": classification needs two classes or more, got only \"x\""},
    {"a,y\n1,2.5\n2,2.5\n", "target \"y\": every row has 2.5; there is nothing to learn"},
    {"a,y\n1,\n2,NA\n", "target \"y\": every row misses it"},
    {"y\n1\n2\n",
     "the table has one column, \"y\"; expected features beside the target (delimiter says what "
     "separates columns)"},
    {"y\n1\n2,3\n", "line 3, column 2: expected 1 cell as in line 1, got 2"},
    {"a,y\n1,0\n#DIV/0!,1\n2,0\n3,1\n4,1\n5,1\n6,1\n7,0\n8,0\n9,1\n",
     "line 3, column 1 \"a\": expected a number, got \"#DIV/0!\""},
    {"\n <!doctype HTML><title>404</title>", "the file is an HTML page; expected a table as text"},
    {"<html>\n<p>1,2\n", "the file is an HTML page; expected a table as text"},
    {"<?xml version=\"1.0\"?>\n", "the file is an XML document; expected a table as text"},
    {"{\n  \"a\": [1, 2]\n}\n", "the file is JSON; expected a table as text"},
    {"\xef\xbb\xbf[[1, 2], [3, 4]]\n", "the file is JSON; expected a table as text"},
    {"a,b,y\n1,,0\n1,NA,1\n1,,1\n",
     "no column is left as a feature: column \"b\" is left out: it has no values"},
    {"PK\3\4xyz",
     "the file is a ZIP archive (a workbook of a spreadsheet program is one); expected a "
     "table as text"},
    {"SQLite format 3", "the file is an SQLite database; expected a table as text"},
    {"\x1f\x8b\x08", "the gzip data ends early: the file is cut short"},
};

static void broken_files_are_refused_in_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct table *t = NULL;
        struct error e = {0};

        assert_int_equal(tables_try(files[i].text, NULL, &t, &e), ERR_INVALID);
        assert_string_equal(e.message, files[i].message);
        assert_null(t);
    }
}

static const char good[] = "a,b,c,y\n"
                           "1,x,0.5,no\n2,y,0.5,yes\n3,x,1,no\n4,y,1,yes\n";

static const struct bad_option {
    struct table_options options;
    const char *field, *message;
} options[] = {
    {{.target = "z"}, "target", "target \"z\": no such column; the table has 4: a, b, c, y"},
    {{.target = "5"}, "target", "target \"5\": no such column; the table has 4: a, b, c, y"},
    {{.target = "y,y"}, "target", "target \"y\": the column is already given as target"},
    {{.target = "a,b"},
     "target",
     "target \"b\": several targets are for regression, this one is text"},
    {{.ignore = "y", .target = "y"},
     "ignore",
     "ignore \"y\": the column is already given as target"},
    {{.ignore = "a,b,c,y"}, "target", "target: no column is left for it"},
    {{.weight = "nope"}, "weight", "weight \"nope\": no such column; the table has 4: a, b, c, y"},
    {{.task = "ranking"}, "task", "task \"ranking\": expected classification or regression"},
    {{.target = "a,c", .task = "classification"},
     "task",
     "task \"classification\": expected one target, got 2"},
    {{.task = "regression"}, "", "line 2, column 4 \"y\": expected a number, got \"no\""},
    {{.numeric = "b"}, "", "line 2, column 2 \"b\": expected a number, got \"x\""},
    {{.numeric = "b", .categorical = "b"},
     "numeric",
     "numeric \"b\": the column is given as categorical too"},
    {{.positive = "maybe"},
     "positive",
     "positive \"maybe\": expected one of the classes \"no\" and \"yes\""},
    {{.target = "a", .positive = "1"},
     "positive",
     "positive \"1\": expected a target of two classes"},
    {{.format = "xlsx"},
     "format",
     "format \"xlsx\": not in this build; known: csv, tsv, npy, npz, idx, arff, libsvm"},
    {{.delimiter = "ab"},
     "delimiter",
     "delimiter \"ab\": expected one character, or comma, semicolon, tab, pipe or whitespace"},
    {{.header = "maybe"}, "header", "header \"maybe\": expected true or false"},
    {{.comment = "0123456789abcdef"},
     "comment",
     "comment \"0123456789abcdef\": expected a prefix of at most 15 bytes"},
    {{.decimal = ";"}, "decimal", "decimal \";\": expected . or ,"},
    {{.decimal = ","}, "decimal", "decimal \",\": the delimiter is the same"},
    {{.max_categories = "1"},
     "max_categories",
     "max_categories \"1\": expected an integer from 2 to 10000"},
    {{.weight = "b"}, "", "line 2, column 2 \"b\": expected a number, got \"x\""},
    {{.split = "b"}, "", "line 2, column 2 \"b\": expected train or test, got \"x\""},
};

static void bad_options_are_refused_by_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        struct table *t = NULL;
        struct error e = {0};

        assert_int_equal(tables_try(good, &options[i].options, &t, &e), ERR_INVALID);
        assert_string_equal(e.message, options[i].message);
        assert_string_equal(e.field, options[i].field);
        assert_null(t);
    }
}

static const struct bad_cell {
    struct table_options options;
    const char *text, *message;
} cells[] = {
    {{.weight = "w"},
     "a,w,y\n1,1,0\n2,-1,1\n",
     "line 3, column 2 \"w\": expected a weight of 0 or more, got \"-1\""},
    {{.weight = "w"},
     "a,w,y\n1,1,0\n2,,1\n",
     "line 3, column 2 \"w\": expected a weight of 0 or more, got an empty cell"},
    {{.weight = "w"}, "a,w,y\n1,0,0\n2,0,1\n", "weight \"w\": every row has 0"},
    {{.split = "s"},
     "a,s,y\n1,Test,0\n2,test,1\n",
     "split \"s\": every row has \"test\"; nothing is left to train on"},
    {{.split = "s"},
     "a,s,y\n1,train,u\n2,train,u\n3,test,v\n",
     "split \"s\": the rows to train on have one class, \"u\""},
    {{.fold = "f"},
     "a,f,y\n1,3,0\n2,3,1\n",
     "fold \"f\": every row has \"3\"; expected two folds or more"},
    {{.split = "s"},
     "a,s,y\n1,train,0\n2,validation,1\n",
     "line 3, column 2 \"s\": expected train or test, got \"validation\""},
    {{.fold = "f"},
     "a,f,y\n1,1,0\n2,,1\n",
     "line 3, column 2 \"f\": expected a fold, got an empty cell"},
    {{.group = "g"},
     "a,g,y\n1,1,0\n2,NA,1\n",
     "line 3, column 2 \"g\": expected a group, got \"NA\""},
    {{.time = "t"}, "a,t,y\n1,1,0\n2,?,1\n", "line 3, column 2 \"t\": expected a time, got \"?\""},
};

static void cells_that_a_role_forbids_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
        struct table *t = NULL;
        struct error e = {0};

        assert_int_equal(tables_try(cells[i].text, &cells[i].options, &t, &e), ERR_INVALID);
        assert_string_equal(e.message, cells[i].message);
    }
}

static void a_table_beyond_the_memory_limit_is_refused(void **state)
{
    struct table_options none = {0};
    struct buf text = {0};
    struct memory_source m;
    struct table_file file = {&m.source, NULL};
    struct table *t = NULL;
    struct error e = {0};

    (void)state;
    for (int i = 0; i < 2000; i++)
        buf_printf(&text, "%d,%d\n", i, i % 2);
    source_memory_init(&m, text.data, text.length);
    assert_int_equal(table_read(&file, 1, &none, 20000, &t, &e), ERR_LIMIT);
    assert_string_equal(e.message, "the table needs more than 20000 bytes of memory");
    source_memory_init(&m, text.data, text.length);
    assert_int_equal(table_read(&file, 1, &none, 40000, &t, &e), ERR_OK);
    table_destroy(t);
    buf_finish(&text);
}

/* Good files with bytes changed, dropped and doubled: any answer will do, but an answer. */
static void mutated_files_never_crash(void **state)
{
    static const char *const seeds[] = {
        "# a comment\na,b,\"c d\",y\n1,x,0.5,no\n2.5e3,\"y\"\"z\",,yes\n3,x,1,no\n?,y,1D2,yes\n",
        "a;b;y\n1,5;2,5;3,5\n-1,5;,5;1\n\"1\";NA;4,25\n",
        " x y z\n 1 2 3\n 4  5 6\n 7 8 1e3\n",
        "1\t2\t3\n4\t5\t6\r\n7\t\t9\r1\t1\t1",
    };
    static const char bytes[] = ",;\t \n\r\"#.0123456789eE+-xNA?\xff\xc3\xa9";
    uint64_t seed = 99;
    struct rng r;
    size_t n_good = 0;

    (void)state;
    print_message("seed %d\n", (int)seed);
    rng_init(&r, seed, 0, 0, RNG_TEST, 0);
    for (int trial = 0; trial < 2000; trial++) {
        char text[512];
        size_t n = strlen(seeds[trial % 4]);
        struct table *t = NULL;
        struct error e = {0};

        memcpy(text, seeds[trial % 4], n + 1);
        for (uint32_t k = rng_below(&r, 8); k > 0; k--) {
            size_t at = rng_below(&r, (uint32_t)n);

            if (rng_below(&r, 3) == 0 && n > 2) {
                memmove(text + at, text + at + 1, n - at);
                n--;
            } else {
                text[at] = bytes[rng_below(&r, sizeof bytes - 1)];
            }
        }
        if (tables_try(text, NULL, &t, &e) == ERR_OK)
            n_good++;
        else
            assert_true(e.code == ERR_INVALID && e.message[0] != '\0');
        table_destroy(t);
    }
    assert_in_range(n_good, 300, 1900);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(broken_files_are_refused_in_words),
        cmocka_unit_test(bad_options_are_refused_by_name),
        cmocka_unit_test(cells_that_a_role_forbids_are_refused),
        cmocka_unit_test(a_table_beyond_the_memory_limit_is_refused),
        cmocka_unit_test(mutated_files_never_crash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
