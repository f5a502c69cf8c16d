#include "core/data/prepare.h"

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
#include "tests/core/linalg/helpers.h"

static const struct prepare_spec standard = {
    .scaling = SCALING_STANDARD, .impute = PREPARE_MEAN, .missing_indicator = true};
static const struct prepare_spec unscaled = {
    .scaling = SCALING_NONE, .impute = PREPARE_MEAN, .missing_indicator = true};

static void fold_end(struct fold_data **d)
{
    fold_data_destroy(*d);
    *d = NULL;
}

static void split_end(struct split **s)
{
    split_destroy(*s);
    *s = NULL;
}

/* The plan that a column `fold` writes down. */
static struct split *predefined(const struct table *t)
{
    struct split_spec spec = {.kind = SPLIT_PREDEFINED, .n_repeats = 1};
    struct split *s = NULL;
    struct error e = {0};

    if (split_create(t, &spec, &s, &e) != ERR_OK)
        fail_msg("%s", e.message);
    return s;
}

static struct fold_data *prepare(const struct table *t, const struct split *s, uint32_t fold,
                                 const struct prepare_spec *spec)
{
    struct fold_data *d = NULL;
    struct error e = {0};

    if (prepare_fold(t, s, 0, fold, spec, NULL, &d, &e) != ERR_OK)
        fail_msg("%s", e.message);
    return d;
}

/* One encoded column against the values by hand, in the fold's order of rows. */
static void check_column(const struct fold_data *d, size_t column, const float *expected)
{
    for (size_t i = 0; i < d->n_train + d->n_validation; i++)
        if (d->x[i * d->stride + column] != expected[i])
            fail_msg("row %zu, column %zu: expected %.9g, got %.9g", i, column, (double)expected[i],
                     (double)d->x[i * d->stride + column]);
}

static const struct table_options fold_column = {.fold = "fold", .target = "y"};

static void rows_are_the_training_part_then_the_validation_part(void **state)
{
    CLEANUP(tables_end)
    struct table *t = tables_read("x,fold,y\n1,2,a\n2,1,b\n3,2,a\n4,1,b\n5,2,b\n", &fold_column);
    CLEANUP(split_end) struct split *s = predefined(t);
    CLEANUP(fold_end) struct fold_data *d = prepare(t, s, 1, &unscaled);
    static const uint32_t rows[] = {0, 2, 4, 1, 3};
    static const int32_t classes[] = {0, 0, 1, 1, 1};
    static const float x[] = {1, 3, 5, 2, 4};

    (void)state;
    assert_int_equal(d->n_train, 3);
    assert_int_equal(d->n_validation, 2);
    assert_int_equal(d->n_outputs, 2);
    assert_int_equal(d->stride, 16);
    assert_true((uintptr_t)d->x % 64 == 0);
    assert_memory_equal(d->row, rows, sizeof rows);
    assert_memory_equal(d->classes, classes, sizeof classes);
    assert_null(d->y);
    assert_null(d->weight);
    check_column(d, 0, x);
    for (size_t i = 0; i < 5; i++)
        for (size_t j = 1; j < 16; j++)
            assert_true(d->x[i * 16 + j] == 0);
}

static void numbers_are_scaled_by_the_training_rows(void **state)
{
    CLEANUP(tables_end)
    struct table *t =
        tables_read("x,k,fold,y\n1,7,2,a\n10,8,1,b\n3,7,2,a\n-1,9,1,b\n", &fold_column);
    CLEANUP(split_end) struct split *s = predefined(t);
    CLEANUP(fold_end) struct fold_data *d = prepare(t, s, 1, &standard);
    static const float x[] = {-1, 1, 8, -3}; /* mean 2, std 1 */
    static const float k[] = {0, 0, 1, 2};   /* constant in training: scale 1 */

    (void)state;
    check_column(d, 0, x);
    check_column(d, 1, k);
}

/* More columns and rows than are written at once, with a category here and a gap there. */
enum { MANY_COLUMNS = 1100, MANY_ROWS = 301 };

static struct table *many_columns(uint64_t seed)
{
    static const struct table_options options = {.target = "y"};
    struct buf text = {0};
    struct table *t;
    struct rng r;

    rng_init(&r, seed, 0, 0, RNG_INIT, 0);
    for (size_t j = 0; j < MANY_COLUMNS; j++)
        buf_printf(&text, "x%zu,", j);
    buf_printf(&text, "y\n");
    for (size_t i = 0; i < MANY_ROWS; i++) {
        for (size_t j = 0; j < MANY_COLUMNS; j++) {
            double x = 3 * rng_normal(&r);

            if (j % 97 == 5)
                buf_printf(&text, "%c,", x > 0 ? 'a' : 'b');
            else if (j % 50 == 1 && x > 2)
                buf_printf(&text, ",");
            else
                buf_printf(&text, "%.17g,", x);
        }
        buf_printf(&text, "%s\n", i % 2 ? "no" : "yes");
    }
    t = tables_read(buf_text(&text), &options);
    buf_finish(&text);
    return t;
}

/* What the column becomes when it is fitted and scaled by itself. */
static void check_alone(const struct fold_data *d, const struct column *c, size_t at)
{
    CLEANUP(scaling_finish) struct scaling fitted = {0};
    double x[MANY_ROWS], train[MANY_ROWS];
    size_t n = d->n_train + d->n_validation, n_known = 0;
    float expected[MANY_ROWS];
    struct error e = {0};
    double sum = 0;

    for (size_t i = 0; i < d->n_train; i++)
        if (!isnan(c->values[d->row[i]])) {
            sum += c->values[d->row[i]];
            n_known++;
        }
    for (size_t i = 0; i < n; i++) {
        x[i] = c->values[d->row[i]];
        x[i] = isnan(x[i]) ? sum / (double)n_known : x[i];
    }
    memcpy(train, x, d->n_train * sizeof *x);
    assert_int_equal(scaling_fit(SCALING_STANDARD, train, d->n_train, &fitted, &e), ERR_OK);
    for (size_t i = 0; i < n; i++)
        expected[i] = (float)scaling_apply(&fitted, x[i]);
    check_column(d, at, expected);
}

static void every_number_is_what_its_column_becomes_alone(void **state)
{
    struct split_spec holdout = {
        .kind = SPLIT_HOLDOUT, .n_repeats = 1, .shuffle = true, .test_fraction = 0.2, .seed = 3};
    CLEANUP(tables_end) struct table *t = many_columns(11);
    CLEANUP(split_end) struct split *s = NULL;
    CLEANUP(fold_end) struct fold_data *d = NULL;
    struct error e = {0};
    size_t at = 0;

    (void)state;
    assert_int_equal(split_create(t, &holdout, &s, &e), ERR_OK);
    d = prepare(t, s, 1, &standard);
    for (size_t j = 0; j < MANY_COLUMNS; j++) {
        const struct column *c = &t->columns[j];

        if (c->values)
            check_alone(d, c, at);
        at += c->values ? 1 : table_encoded_width(c, t->max_categories);
        at += c->missing > 0;
    }
    assert_int_equal(at, d->n_features);
}

static void missing_numbers_take_the_mean_or_median_and_are_marked(void **state)
{
    CLEANUP(tables_end)
    struct table *t =
        tables_read("x,fold,y\n1,2,a\n2,2,b\n9,2,a\n,2,b\n,1,b\n100,1,a\n", &fold_column);
    CLEANUP(split_end) struct split *s = predefined(t);
    struct prepare_spec spec = unscaled;
    static const float mean[] = {1, 2, 9, 4, 4, 100}, median[] = {1, 2, 9, 2, 2, 100};
    static const float marked[] = {0, 0, 0, 1, 1, 0};

    (void)state;
    for (int i = 0; i < 2; i++) {
        CLEANUP(fold_end) struct fold_data *d = NULL;

        spec.impute = i ? PREPARE_MEDIAN : PREPARE_MEAN;
        d = prepare(t, s, 1, &spec);
        assert_int_equal(d->n_features, 2);
        check_column(d, 0, i ? median : mean);
        check_column(d, 1, marked);
    }
    spec.missing_indicator = false;
    assert_int_equal(prepare_features(t, &spec), 1);
}

static void categories_are_one_hot_and_unknown_ones_are_zeros(void **state)
{
    CLEANUP(tables_end)
    struct table *t =
        tables_read("c,fold,y\nred,2,0\nblue,2,1\nred,2,0\n,2,1\ngreen,1,1\n,1,0\n", &fold_column);
    CLEANUP(split_end) struct split *s = predefined(t);
    CLEANUP(fold_end) struct fold_data *d = prepare(t, s, 1, &standard);
    static const float blue[] = {0, 1, 0, 0, 0, 0}, green[6] = {0}, red[] = {1, 0, 1, 1, 0, 1};
    static const float marked[] = {0, 0, 0, 1, 0, 1};

    (void)state;
    assert_int_equal(d->n_features, 4);
    check_column(d, 0, blue);
    check_column(d, 1, green); /* training rows have none: nothing can be learned for it */
    check_column(d, 2, red);   /* missing ones are the most frequent */
    check_column(d, 3, marked);
}

static void rare_categories_become_other(void **state)
{
    struct table_options o = {.fold = "fold", .target = "y", .max_categories = "3"};
    CLEANUP(tables_end)
    struct table *t = tables_read("c,fold,y\nd,2,0\nd,2,1\nb,2,0\na,2,0\na,2,0\nc,2,1\n"
                                  "e,1,1\nb,1,1\na,1,0\n",
                                  &o);
    CLEANUP(split_end) struct split *s = predefined(t);
    CLEANUP(fold_end) struct fold_data *d = prepare(t, s, 1, &standard);
    static const float a[] = {0, 0, 0, 1, 1, 0, 0, 0, 1}, dd[] = {1, 1, 0, 0, 0, 0, 0, 0, 0};
    static const float other[] = {0, 0, 1, 0, 0, 1, 1, 1, 0};

    (void)state;
    assert_int_equal(table_encoded_features(t, 0), 3);
    assert_int_equal(d->n_features, 3);
    check_column(d, 0, a);
    check_column(d, 1, dd);
    check_column(d, 2, other);
}

/* Weights that start at random and are never trained must not take part in a prediction. */
static void what_only_validation_rows_have_is_zero_in_all_rows(void **state)
{
    struct table_options o = {.fold = "fold", .target = "y", .max_categories = "3"};
    CLEANUP(tables_end)
    struct table *t =
        tables_read("x,c,fold,y\n1,a,2,0\n2,b,2,1\n3,a,2,0\n,c,1,1\n5,d,1,0\n6,,1,0\n", &o);
    CLEANUP(split_end) struct split *s = predefined(t);
    CLEANUP(fold_end) struct fold_data *d = prepare(t, s, 1, &unscaled);
    CLEANUP(fold_end) struct fold_data *other = prepare(t, s, 2, &unscaled);
    static const float zeros[6] = {0}, a[] = {1, 0, 1, 0, 0, 1}, b[] = {0, 1, 0, 0, 0, 0};
    static const float missing[] = {1, 0, 0, 0, 0, 0}, gone[] = {0, 0, 1, 0, 0, 0};

    (void)state;
    assert_int_equal(d->n_features, 6); /* x, is it missing, a, b, other, is c missing */
    check_column(d, 1, zeros);
    check_column(d, 2, a); /* the last row misses its category: the most frequent */
    check_column(d, 3, b);
    check_column(d, 4, zeros);
    check_column(d, 5, zeros);
    check_column(other, 1, missing); /* in the other fold these rows train */
    check_column(other, 5, gone);
}

static void targets_are_scaled_by_the_training_rows_and_kept_in_their_unit(void **state)
{
    struct table_options o = {.fold = "fold", .target = "y,z"};
    CLEANUP(tables_end)
    struct table *t = tables_read("x,fold,y,z\n1,2,1.5,5\n2,2,3.5,5\n3,1,10.5,6\n", &o);
    CLEANUP(split_end) struct split *s = NULL;
    CLEANUP(fold_end) struct fold_data *d = NULL;
    static const double target[] = {1.5, 5, 3.5, 5, 10.5, 6};
    static const float y[] = {-1, 0, 1, 0, 8, 1};

    (void)state;
    s = predefined(t);
    d = prepare(t, s, 1, &standard);
    assert_int_equal(d->n_outputs, 2);
    assert_memory_equal(d->target, target, sizeof target);
    assert_memory_equal(d->y, y, sizeof y);
    assert_true(d->target_mean[0] == 2.5 && d->target_scale[0] == 1);
    assert_true(d->target_mean[1] == 5 && d->target_scale[1] == 1);
    assert_null(d->classes);
}

static void row_weights_are_copied(void **state)
{
    struct table_options o = {.fold = "fold", .target = "y", .weight = "w"};
    CLEANUP(tables_end)
    struct table *t = tables_read("x,w,fold,y\n1,0.5,2,a\n2,2,1,b\n3,0,2,b\n", &o);
    CLEANUP(split_end) struct split *s = predefined(t);
    CLEANUP(fold_end) struct fold_data *d = prepare(t, s, 1, &standard);

    (void)state;
    assert_true(d->weight[0] == 0.5F && d->weight[1] == 0 && d->weight[2] == 2);
    assert_int_equal(d->n_features, 1);
}

/* A regression with row weights. */
static struct table *random_table(struct rng *r, size_t n)
{
    static const struct table_options o = {.target = "y,z", .weight = "w"};
    struct buf text = {0};
    struct table *t;

    buf_puts(&text, "a,b,c,w,y,z\n");
    for (size_t i = 0; i < n; i++) {
        if (rng_below(r, 8) > 0)
            buf_printf(&text, "%.17g", 100 * rng_normal(r));
        buf_printf(&text, ",%u,", rng_below(r, 1000));
        if (rng_below(r, 8) > 0)
            buf_printf(&text, "word_%u", rng_below(r, 1 + rng_below(r, 12)));
        buf_printf(&text, ",%u,%.17g,%.17g\n", 1 + rng_below(r, 5), rng_normal(r), rng_normal(r));
    }
    t = tables_read(text.data, &o);
    buf_finish(&text);
    return t;
}

/* Any other values in the validation rows, even missing ones, other targets and weights. */
static void spoil_validation_rows(struct table *t, const struct split *s, uint32_t fold,
                                  struct rng *r)
{
    for (size_t i = 0; i < t->n_rows; i++) {
        if (split_part(s, 1, fold, i) != SPLIT_VALIDATION)
            continue;
        for (size_t j = 0; j < t->n_columns; j++) {
            struct column *c = &t->columns[j];

            if (c->values)
                c->values[i] = c->role == ROLE_FEATURE && c->missing && rng_below(r, 2)
                                   ? (double)NAN
                                   : fabs(1e6 * rng_normal(r));
            else
                c->codes[i] = (int32_t)rng_below(r, (uint32_t)c->n_labels + 1) - 1;
        }
    }
}

static void check_training_part(const struct fold_data *a, const struct fold_data *b)
{
    size_t n = a->n_train, o = a->n_outputs;

    assert_int_equal(b->n_train, n);
    assert_memory_equal(a->x, b->x, n * a->stride * sizeof *a->x);
    assert_memory_equal(a->y, b->y, n * o * sizeof *a->y);
    assert_memory_equal(a->target, b->target, n * o * sizeof *a->target);
    assert_memory_equal(a->target_mean, b->target_mean, o * sizeof *a->target_mean);
    assert_memory_equal(a->target_scale, b->target_scale, o * sizeof *a->target_scale);
    assert_memory_equal(a->weight, b->weight, n * sizeof *a->weight);
    assert_memory_equal(a->row, b->row, n * sizeof *a->row);
    assert_memory_equal(a->unit, b->unit, n * sizeof *a->unit);
    assert_true(memcmp(a->x + n * a->stride, b->x + n * a->stride,
                       a->n_validation * a->stride * sizeof *a->x) != 0);
    assert_true(memcmp(a->weight + n, b->weight + n, a->n_validation * sizeof *a->weight) != 0);
}

enum { SCALINGS = SCALING_QUANTILE + 1, IMPUTES = PREPARE_MEDIAN + 1 };

/* The promise: nothing that touches a validation row reaches training. */
static void validation_rows_do_not_change_a_bit_of_the_training_part(void **state)
{
    uint64_t seed = 21;
    struct rng r;

    (void)state;
    print_message("seed %d\n", (int)seed);
    rng_init(&r, seed, 0, 0, RNG_TEST, 0);
    for (int trial = 0; trial < 4 * SCALINGS * IMPUTES; trial++) {
        CLEANUP(tables_end) struct table *t = random_table(&r, 60 + rng_below(&r, 60));
        struct split_spec spec = {.kind = SPLIT_KFOLD,
                                  .n_folds = 4,
                                  .n_repeats = 2,
                                  .shuffle = true,
                                  .seed = rng_u64(&r)};
        struct prepare_spec how = {.scaling = (enum scaling_kind)(trial % SCALINGS),
                                   .impute = (enum prepare_impute)(trial / SCALINGS % IMPUTES),
                                   .missing_indicator = true,
                                   .max_categories = trial % 3 ? 0 : 5};
        CLEANUP(split_end) struct split *s = NULL;
        CLEANUP(fold_end) struct fold_data *before = NULL;
        CLEANUP(fold_end) struct fold_data *after = NULL;
        struct error e = {0};
        uint32_t fold = 1 + rng_below(&r, 4);

        assert_int_equal(split_create(t, &spec, &s, &e), ERR_OK);
        assert_int_equal(prepare_fold(t, s, 1, fold, &how, NULL, &before, &e), ERR_OK);
        spoil_validation_rows(t, s, fold, &r);
        assert_int_equal(prepare_fold(t, s, 1, fold, &how, NULL, &after, &e), ERR_OK);
        check_training_part(before, after);
    }
}

/* Numbers of 0 to 45 zeros behind the point, some of them denormal as float32, one in ten missing,
 * with a category between them. */
static struct table *wide_table(struct rng *r)
{
    enum { ROWS = 150, NUMBERS = 50 };
    struct buf text = {0};
    struct table *t;

    for (int j = 0; j < NUMBERS; j++)
        buf_printf(&text, j == NUMBERS / 2 ? "category," : "x%d,", j);
    buf_puts(&text, "y\n");
    for (int i = 0; i < ROWS; i++) {
        for (int j = 0; j < NUMBERS; j++)
            if (j == NUMBERS / 2)
                buf_printf(&text, "%c,", 'a' + (int)rng_below(r, 5));
            else if (rng_below(r, 10) == 0)
                buf_puts(&text, ",");
            else
                buf_printf(&text, "%ue-%u,", 1 + rng_below(r, 1000), rng_below(r, 46));
        buf_printf(&text, "%u\n", rng_below(r, 100));
    }
    t = tables_read(buf_text(&text), &(struct table_options){.target = "y"});
    buf_finish(&text);
    return t;
}

static void a_fold_is_the_same_whoever_helped(void **state)
{
    struct rng r;
    struct helpers h;
    struct team *team;

    (void)state;
    rng_init(&r, 5, 0, 0, RNG_TEST, 0);
    assert_int_equal(team_create(&team, NULL), ERR_OK);
    helpers_start(&h, team, 3, 20);
    for (int trial = 0; trial < SCALINGS * IMPUTES; trial++) {
        CLEANUP(tables_end) struct table *t = wide_table(&r);
        struct split_spec spec = {.kind = SPLIT_KFOLD, .n_folds = 3, .n_repeats = 1};
        struct prepare_spec how = {.scaling = (enum scaling_kind)(trial % SCALINGS),
                                   .impute = (enum prepare_impute)(trial / SCALINGS),
                                   .missing_indicator = true};
        CLEANUP(split_end) struct split *s = NULL;
        CLEANUP(fold_end) struct fold_data *alone = NULL;
        CLEANUP(fold_end) struct fold_data *helped = NULL;
        struct error e = {0};

        assert_int_equal(split_create(t, &spec, &s, &e), ERR_OK);
        assert_int_equal(prepare_fold(t, s, 0, 1, &how, NULL, &alone, &e), ERR_OK);
        assert_int_equal(prepare_fold(t, s, 0, 1, &how, team, &helped, &e), ERR_OK);
        assert_memory_equal(alone->x, helped->x, 150 * alone->stride * sizeof *alone->x);
        assert_memory_equal(alone->y, helped->y, 150 * sizeof *alone->y);
    }
    helpers_stop(&h);
    team_destroy(team);
}

static void every_fold_has_the_same_columns(void **state)
{
    struct rng r;
    CLEANUP(tables_end) struct table *t = NULL;
    struct split_spec spec = {.kind = SPLIT_KFOLD, .n_folds = 10, .n_repeats = 1, .shuffle = true};
    CLEANUP(split_end) struct split *s = NULL;
    struct error e = {0};

    (void)state;
    rng_init(&r, 22, 0, 0, RNG_TEST, 0);
    t = random_table(&r, 40);
    assert_int_equal(split_create(t, &spec, &s, &e), ERR_OK);
    for (uint32_t fold = 1; fold <= 10; fold++) {
        CLEANUP(fold_end) struct fold_data *d = prepare(t, s, fold, &standard);

        assert_int_equal(d->n_features, prepare_features(t, &standard));
        assert_true(fold_data_bytes(d) > 40 * d->stride * sizeof(float));
    }
}

static void numbers_beyond_float32_are_refused_by_name(void **state)
{
    CLEANUP(tables_end)
    struct table *t = tables_read("x,fold,y\n1e300,2,a\n1,1,b\n-1e300,2,b\n", &fold_column);
    CLEANUP(split_end) struct split *s = predefined(t);
    struct fold_data *d = NULL;
    struct error e = {0};

    (void)state;
    assert_int_equal(prepare_fold(t, s, 0, 1, &standard, NULL, &d, &e), ERR_INVALID);
    assert_string_equal(e.message,
                        "column \"x\": 1.0000000000000001e+300 is too large for float32");
    assert_int_equal(prepare_fold(t, s, 0, 1, &unscaled, NULL, &d, &e), ERR_INVALID);
    assert_null(d);
}

static void choices_have_names(void **state)
{
    enum prepare_impute impute;

    (void)state;
    assert_true(prepare_impute_find("median", &impute) && impute == PREPARE_MEDIAN);
    assert_string_equal(prepare_impute_name(PREPARE_MEAN), "mean");
    assert_false(prepare_impute_find("mode", &impute));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_the_training_part_then_the_validation_part),
        cmocka_unit_test(numbers_are_scaled_by_the_training_rows),
        cmocka_unit_test(every_number_is_what_its_column_becomes_alone),
        cmocka_unit_test(missing_numbers_take_the_mean_or_median_and_are_marked),
        cmocka_unit_test(categories_are_one_hot_and_unknown_ones_are_zeros),
        cmocka_unit_test(rare_categories_become_other),
        cmocka_unit_test(targets_are_scaled_by_the_training_rows_and_kept_in_their_unit),
        cmocka_unit_test(row_weights_are_copied),
        cmocka_unit_test(what_only_validation_rows_have_is_zero_in_all_rows),
        cmocka_unit_test(validation_rows_do_not_change_a_bit_of_the_training_part),
        cmocka_unit_test(a_fold_is_the_same_whoever_helped),
        cmocka_unit_test(every_fold_has_the_same_columns),
        cmocka_unit_test(numbers_beyond_float32_are_refused_by_name),
        cmocka_unit_test(choices_have_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
