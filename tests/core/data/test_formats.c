/* Files of NumPy, scikit-learn and Weka's kind (tests/data/formats): what is in them is read. */
#include <math.h>
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

enum { MAX_FILE = 4096 };

/* Files of one upload, in memory. */
struct upload {
    size_t n;
    unsigned char bytes[TABLE_MAX_FILES][MAX_FILE];
    size_t sizes[TABLE_MAX_FILES];
    struct memory_source memory[TABLE_MAX_FILES];
    struct trickle trickle[TABLE_MAX_FILES];
    struct table_file files[TABLE_MAX_FILES];
};

static void add_file(struct upload *u, const char *name)
{
    char path[200];
    FILE *f;

    (void)snprintf(path, sizeof path, "tests/data/formats/%s", name);
    f = fopen(path, "rb");
    assert_non_null(f);
    u->sizes[u->n] = fread(u->bytes[u->n], 1, MAX_FILE, f);
    assert_in_range(u->sizes[u->n], 1, MAX_FILE - 1);
    assert_int_equal(fclose(f), 0);
    u->files[u->n++].name = name;
}

/* Files separated by blanks. */
static void load(struct upload *u, const char *names)
{
    static char copies[TABLE_MAX_FILES][80];

    u->n = 0;
    while (*names) {
        size_t n = strcspn(names, " ");

        (void)snprintf(copies[u->n], sizeof copies[0], "%.*s", (int)n, names);
        add_file(u, copies[u->n]);
        names += n + (names[n] == ' ');
    }
}

/* largest: bytes that come at once; 0 for all. */
static enum err read_upload(struct upload *u, const struct table_options *o, unsigned largest,
                            struct table **out, struct error *e)
{
    for (size_t i = 0; i < u->n; i++) {
        source_memory_init(&u->memory[i], u->bytes[i], u->sizes[i]);
        u->files[i].source = &u->memory[i].source;
        if (largest > 0) {
            tables_trickle(&u->trickle[i], &u->memory[i].source, 3, largest);
            u->files[i].source = &u->trickle[i].source;
        }
    }
    return table_read(u->files, u->n, o, TABLES_MAX_BYTES, out, e);
}

static struct table *read_files(const char *names, const struct table_options *o, unsigned largest)
{
    static struct upload u;
    struct table_options none = {0};
    struct table *t = NULL;
    struct error e = {0};

    load(&u, names);
    if (read_upload(&u, o ? o : &none, largest, &t, &e) != ERR_OK)
        fail_msg("%s: %s", names, e.message);
    return t;
}

static void check_column(const char *names, const struct table *t, const struct table *expected,
                         size_t j)
{
    const struct column *a = &t->columns[j], *b = &expected->columns[j];

    if (strcmp(a->name, b->name) != 0 || a->role != b->role || a->type != b->type)
        fail_msg("%s: column %zu is \"%s\", %s, %s; expected \"%s\", %s, %s", names, j + 1, a->name,
                 table_role_name(a->role), table_type_name(a->type), b->name,
                 table_role_name(b->role), table_type_name(b->type));
    for (size_t i = 0; i < t->n_rows; i++) {
        if (a->values && a->values[i] != b->values[i] &&
            !(isnan(a->values[i]) && isnan(b->values[i])))
            fail_msg("%s: row %zu, column %zu is %.17g; expected %.17g", names, i + 1, j + 1,
                     a->values[i], b->values[i]);
        if (a->codes && a->codes[i] != b->codes[i])
            fail_msg("%s: row %zu, column %zu has another label", names, i + 1, j + 1);
    }
    assert_int_equal(a->n_labels, b->n_labels);
    for (size_t k = 0; k < a->n_labels; k++)
        if (strcmp(a->labels[k], b->labels[k]) != 0 && atof(a->labels[k]) != atof(b->labels[k]))
            fail_msg("%s: column %zu has the label \"%s\"; expected \"%s\"", names, j + 1,
                     a->labels[k], b->labels[k]);
}

static const struct round_trip {
    const char *files, *expected;
    struct table_options options, expected_options;
} round_trips[] = {
    {"float64.npy", "float64.csv", {0}, {0}},
    {"float64.npy.gz", "float64.csv", {0}, {0}},
    {"float32.npy", "float32.csv", {0}, {0}},
    {"float16.npy", "float16.csv", {0}, {0}},
    {"big_endian.npy", "big_endian.csv", {0}, {0}},
    {"fortran.npy", "fortran.csv", {0}, {0}},
    {"int8.npy", "int8.csv", {0}, {0}},
    {"int16.npy", "int16.csv", {0}, {0}},
    {"int64_big_endian.npy", "int64_big_endian.csv", {0}, {0}},
    {"uint8.npy", "uint8.csv", {0}, {0}},
    {"huge_int64.npy", "huge_int64.csv", {0}, {0}},
    {"huge_int64.npy", "huge_int64.csv", {.group = "1"}, {.group = "1"}},
    {"bool.npy", "bool.csv", {0}, {0}},
    {"cube.npy", "cube.csv", {.target = "column_6"}, {0}},
    {"cube_fortran.npy", "cube_fortran.csv", {.target = "column_6"}, {0}},
    {"record.npy", "record.csv", {0}, {0}},
    {"record.npy",
     "record.csv",
     {.target = "width", .ignore = "n"},
     {.target = "1", .ignore = "n"}},
    {"version3.npy", "version3.csv", {0}, {0}},
    {"pair.npz", "pair.csv", {0}, {0}},
    {"pair.npz.gz", "pair.csv", {0}, {0}},
    {"pair.npz", "pair.csv", {.task = "regression"}, {.task = "regression"}},
    {"deflated.npz", "deflated.csv", {0}, {0}},
    {"halves.npz", "halves.csv", {0}, {.split = "split"}},
    {"single.npz", "single.csv", {0}, {0}},
    {"two_targets.npz", "two_targets.csv", {0}, {.target = "y_1,y_2"}},
    {"table.idx", "table.csv", {0}, {0}},
    {"train-images-idx3-ubyte train-labels-idx1-ubyte", "mnist_train.csv", {0}, {0}},
    {"train-labels-idx1-ubyte train-images-idx3-ubyte.gz", "mnist_train.csv", {0}, {0}},
    {"train-images-idx3-ubyte t10k-images-idx3-ubyte t10k-labels-idx1-ubyte "
     "train-labels-idx1-ubyte",
     "mnist.csv",
     {0},
     {.split = "split"}},
    {"weka.arff", "weka.csv", {0}, {.categorical = "class"}},
    {"weka.arff.gz", "weka.csv", {0}, {.categorical = "class"}},
    {"weka.arff", "weka.csv", {.task = "regression"}, {.task = "regression"}},
    {"weka.arff",
     "weka.csv",
     {.target = "n", .ignore = "color"},
     {.target = "n", .ignore = "4", .categorical = "class"}},
    {"sparse.arff", "sparse.csv", {0}, {0}},
    {"one.libsvm", "one.csv", {0}, {0}},
    {"one.libsvm.gz", "one.csv", {0}, {0}},
    {"one.libsvm", "one.csv", {.missing = "0"}, {.missing = "0"}},
    {"zero.svm", "zero.csv", {0}, {0}},
};

/* A column that an array calls numeric and a text may call a class is compared as asked for. */
static void files_of_other_programs_hold_what_was_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof round_trips / sizeof *round_trips; i++) {
        const struct round_trip *r = &round_trips[i];
        CLEANUP(tables_end) struct table *t = read_files(r->files, &r->options, 0);
        CLEANUP(tables_end) struct table *x = read_files(r->expected, &r->expected_options, 0);

        if (t->n_rows != x->n_rows || t->n_columns != x->n_columns || t->task != x->task)
            fail_msg("%s: %zu rows, %zu columns, %s; expected %zu, %zu, %s", r->files, t->n_rows,
                     t->n_columns, table_task_name(t->task), x->n_rows, x->n_columns,
                     table_task_name(x->task));
        for (size_t j = 0; j < t->n_columns; j++)
            check_column(r->files, t, x, j);
    }
}

static void sizes_in_which_bytes_come_make_no_difference(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof round_trips / sizeof *round_trips; i++) {
        const struct round_trip *r = &round_trips[i];
        CLEANUP(tables_end) struct table *t = read_files(r->files, &r->options, 0);

        for (unsigned largest = 1; largest <= 64; largest *= 8) {
            CLEANUP(tables_end) struct table *x = read_files(r->files, &r->options, largest);

            assert_int_equal(t->n_rows, x->n_rows);
            for (size_t j = 0; j < t->n_columns; j++)
                check_column(r->files, t, x, j);
        }
    }
}

static void a_byte_order_mark_does_not_hide_a_format(void **state)
{
    static const char *const texts[][2] = {
        {"\xef\xbb\xbf"
         "1 1:2 2:3\r\n-1 1:4\r\n1 2:1e5\r\n",
         "libsvm"},
        {"\xef\xbb\xbf"
         "@relation r\n@attribute a real\n@attribute b {x,y}\n@data\n1,x\n2,y\n",
         "arff"},
        {"\xef\xbb\xbf"
         "a,b\n1,x\n2,y\n3,x\n",
         "csv"}};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        CLEANUP(tables_end) struct table *t = tables_read(texts[i][0], NULL);

        assert_string_equal(t->format, texts[i][1]);
    }
}

static void the_report_names_the_format(void **state)
{
    static const char *const files[][2] = {{"record.npy", "npy"},
                                           {"pair.npz", "npz"},
                                           {"table.idx", "idx"},
                                           {"weka.arff", "arff"},
                                           {"zero.svm", "libsvm"}};

    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        CLEANUP(tables_end) struct table *t = read_files(files[i][0], NULL, 0);

        assert_string_equal(t->format, files[i][1]);
        assert_string_equal(t->delimiter, "");
    }
}

static void what_is_not_read_is_told(void **state)
{
    static const struct warned {
        const char *files, *warning;
        struct table_options options;
    } cases[] = {
        {"deflated.npz", "not read: feature_names.npy", {0}},
        {"zero.svm", "qid is not read: 12 rows have one, the first is line 1", {0}},
        {"cube.npy", "each row of 2 x 3 values is read as 6 columns", {.target = "1"}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        CLEANUP(tables_end) struct table *t = read_files(cases[i].files, &cases[i].options, 0);
        const char *found = tables_warning(t, cases[i].warning);

        assert_non_null(found);
        assert_string_equal(found, cases[i].warning);
    }
}

/* The margins of images. */
static void many_constant_columns_are_one_warning(void **state)
{
    CLEANUP(buf_finish) struct buf text = {0};
    CLEANUP(tables_end) struct table *t = NULL;

    (void)state;
    for (int i = 0; i < 4; i++)
        buf_printf(&text, "%d 1:%d 2:%d 14:%d\n", i % 2, i, i * i, i % 3);
    t = tables_read(text.data, NULL);
    assert_string_equal(t->format, "libsvm");
    assert_int_equal(t->n_warnings, 1);
    assert_string_equal(t->warnings[0],
                        "11 columns are left out: in each, every row has the same: x3, x4, x5, x6, "
                        "x7, x8, x9, x10, x11, x12, x13");
    assert_int_equal(table_features(t), 3);
}

/* Good files with bytes changed, dropped and doubled: any answer will do, but an answer. */
static void mutated_files_never_crash(void **state)
{
    static const char *const names[] = {"float16.npy",
                                        "cube_fortran.npy",
                                        "record.npy",
                                        "pair.npz",
                                        "deflated.npz",
                                        "table.idx",
                                        "weka.arff",
                                        "sparse.arff",
                                        "one.libsvm",
                                        "weka.arff.gz",
                                        "train-images-idx3-ubyte train-labels-idx1-ubyte"};
    enum { N_NAMES = sizeof names / sizeof *names };
    static struct upload u;
    struct rng r;
    size_t n_good = 0;

    (void)state;
    print_message("seed %d\n", 41);
    rng_init(&r, 41, 0, 0, RNG_TEST, 0);
    for (int trial = 0; trial < 3000; trial++) {
        struct table_options none = {0};
        struct table *t = NULL;
        struct error e = {0};

        load(&u, names[trial % N_NAMES]);
        for (uint32_t k = 1 + rng_below(&r, 4); k > 0; k--) {
            size_t i = rng_below(&r, (uint32_t)u.n), at = rng_below(&r, (uint32_t)u.sizes[i]);
            unsigned char *p = u.bytes[i] + at;

            if (rng_below(&r, 8) == 0)
                u.sizes[i] = at + 1;
            else if (rng_below(&r, 4) == 0)
                memmove(p, p + 1, u.sizes[i] - at - 1);
            else
                *p = (unsigned char)rng_below(&r, rng_below(&r, 2) ? 256 : 4);
        }
        if (read_upload(&u, &none, 0, &t, &e) == ERR_OK)
            n_good++;
        else
            assert_true((e.code == ERR_INVALID || e.code == ERR_LIMIT) && e.message[0] != '\0');
        table_destroy(t);
    }
    assert_in_range(n_good, 200, 2800);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_of_other_programs_hold_what_was_written),
        cmocka_unit_test(sizes_in_which_bytes_come_make_no_difference),
        cmocka_unit_test(a_byte_order_mark_does_not_hide_a_format),
        cmocka_unit_test(the_report_names_the_format),
        cmocka_unit_test(what_is_not_read_is_told),
        cmocka_unit_test(many_constant_columns_are_one_warning),
        cmocka_unit_test(mutated_files_never_crash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
