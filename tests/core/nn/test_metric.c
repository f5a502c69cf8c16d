/*
 * Metrics against scikit-learn and SciPy: tests/reference/metrics.py made metric_cases.inc.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/rng.h"
#include "core/nn/metric.h"

#define UNDEFINED ((double)NAN)
#define N_ITEMS(A) (sizeof(A) / sizeof *(A))

struct metric_case {
    struct metric_rows rows;
    const double *want; /* by name; for regression all targets' mean, then each target's */
};

#include "tests/core/nn/metric_cases.inc"

static double score(const char *name, struct metric_rows r)
{
    const struct metric *m = metric_find(name);
    double result;

    assert_non_null(m);
    assert_int_equal(m->task, r.task);
    r.work = malloc(metric_work_bytes(r.rows, r.n) + 1);
    assert_non_null(r.work);
    result = metric_score(m, &r);
    free(r.work);
    return result;
}

/* ---- the libraries' answers ----------------------------------------------------------------- */

/* The second term is for correlations and shares that cancel to nearly 0. */
static bool is_near(double got, double want)
{
    if (isnan(want))
        return isnan(got);
    return fabs(got - want) <= 1e-12 * fabs(want) + 1e-15;
}

static const char *const *names_of(enum task task)
{
    return task == TASK_CLASSIFICATION ? classification_names : regression_names;
}

/* The case's rows are scored as they are (target SIZE_MAX), or one target of them. */
static size_t count_wrong(size_t at, size_t target, const double *want)
{
    struct metric_rows r = cases[at].rows;
    const char *const *names = names_of(r.task);
    size_t wrong = 0;

    r.work = malloc(metric_work_bytes(r.rows, r.n));
    assert_non_null(r.work);
    for (size_t i = 0; names[i]; i++) {
        const struct metric *m = metric_find(names[i]);
        double got = target == SIZE_MAX ? metric_score(m, &r) : metric_score_target(m, &r, target);

        if (is_near(got, want[i]))
            continue;
        print_error("case %zu: %s is %.17g, want %.17g\n", at, names[i], got, want[i]);
        wrong++;
    }
    free(r.work);
    return wrong;
}

static void classification_agrees_with_scikit_learn(void **state)
{
    size_t wrong = 0, n = 0;

    (void)state;
    for (size_t i = 0; i < N_ITEMS(cases); i++) {
        if (cases[i].rows.task != TASK_CLASSIFICATION)
            continue;
        wrong += count_wrong(i, SIZE_MAX, cases[i].want);
        n++;
    }
    assert_true(n >= 100);
    assert_int_equal(wrong, 0);
}

static void regression_agrees_with_scikit_learn_and_scipy(void **state)
{
    size_t wrong = 0, n = 0;

    (void)state;
    for (size_t i = 0; i < N_ITEMS(cases); i++) {
        if (cases[i].rows.task != TASK_REGRESSION)
            continue;
        wrong += count_wrong(i, SIZE_MAX, cases[i].want);
        for (size_t j = 0; j < cases[i].rows.n; j++)
            wrong += count_wrong(i, j, cases[i].want + (1 + j) * (N_ITEMS(regression_names) - 1));
        n++;
    }
    assert_true(n >= 80);
    assert_int_equal(wrong, 0);
}

/* So that the two tests above leave none out. */
static void every_metric_is_among_the_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < metric_count(); i++) {
        const struct metric *m = metric_at(i);
        const char *const *names = names_of(m->task);
        bool found = false;

        for (size_t k = 0; names[k]; k++)
            found = found || strcmp(names[k], m->name) == 0;
        if (!found)
            fail_msg("%s is not compared with anything", m->name);
    }
}

/* ---- many rows ------------------------------------------------------------------------------ */

enum { MANY = 1500 };

/* Two classes or one target; whole weights, so that sums are exact in any order. */
struct many {
    float predicted[MANY * 2], weight[MANY];
    int32_t classes[MANY];
    double target[MANY];
};

static void fill(struct many *m, uint64_t seed)
{
    struct rng r;

    print_message("seed %llu\n", (unsigned long long)seed);
    rng_init(&r, seed, 0, 0, RNG_SHUFFLE, 0);
    for (size_t i = 0; i < MANY; i++) {
        float p = (float)rng_below(&r, 700) / 699.0f;

        m->predicted[2 * i] = 1.0f - p;
        m->predicted[2 * i + 1] = p;
        m->weight[i] = (float)rng_below(&r, 4);
        m->classes[i] = (int32_t)(rng_below(&r, 900) < (uint32_t)(p * 300.0f) + 200);
        m->target[i] = (double)(int)(rng_below(&r, 2000)) - 1000.0;
    }
}

static struct metric_rows many_classes(const struct many *m)
{
    return (struct metric_rows){.task = TASK_CLASSIFICATION,
                                .rows = MANY,
                                .n = 2,
                                .predicted = m->predicted,
                                .classes = m->classes,
                                .weight = m->weight};
}

static void roc_auc_is_the_share_of_pairs_in_the_right_order(void **state)
{
    struct many m;
    double right = 0, all = 0;

    (void)state;
    fill(&m, 11);
    for (size_t i = 0; i < MANY; i++) {
        for (size_t k = 0; k < MANY; k++) {
            double w = (double)m.weight[i] * (double)m.weight[k];
            float a = m.predicted[2 * i + 1], b = m.predicted[2 * k + 1];

            if (m.classes[i] != 1 || m.classes[k] != 0)
                continue;
            all += w;
            right += a > b ? w : a == b ? w / 2 : 0;
        }
    }
    assert_true(is_near(score("roc_auc", many_classes(&m)), right / all));
}

/* Twice the rank from the middle: rows below count one way, rows above the other. */
static double rank_by_counting(const double *x, size_t i)
{
    double rank = 0;

    for (size_t k = 0; k < MANY; k++)
        rank += (x[k] < x[i]) - (x[k] > x[i]);
    return rank;
}

static void spearman_ranks_by_counting_smaller_and_larger_values(void **state)
{
    static const double zero[] = {0}, one[] = {1};
    struct many m;
    float predicted[MANY];
    double value[MANY], xx = 0, yy = 0, xy = 0;
    struct metric_rows r = {.task = TASK_REGRESSION,
                            .rows = MANY,
                            .n = 1,
                            .predicted = predicted,
                            .offset = zero,
                            .factor = one,
                            .target = m.target};

    (void)state;
    fill(&m, 12);
    for (size_t i = 0; i < MANY; i++) {
        predicted[i] = (float)(m.target[i] / 500) + m.weight[i];
        predicted[i] = predicted[i] > 0.5f ? predicted[i] : -0.5f;
        value[i] = (double)predicted[i];
    }
    for (size_t i = 0; i < MANY; i++) {
        double x = rank_by_counting(m.target, i), y = rank_by_counting(value, i);

        xx += x * x;
        yy += y * y;
        xy += x * y;
    }
    assert_true(is_near(score("spearman", r), xy / sqrt(xx * yy)));
}

static void the_order_of_rows_does_not_matter_where_weights_are_whole(void **state)
{
    static struct many m, turned;
    const char *const names[] = {"accuracy", "balanced_accuracy", "f1",     "mcc",
                                 "roc_auc",  "precision",         "recall", "average_precision"};

    (void)state;
    fill(&m, 13);
    for (size_t i = 0; i < MANY; i++) {
        size_t k = MANY - 1 - i;

        memcpy(turned.predicted + 2 * k, m.predicted + 2 * i, 2 * sizeof *m.predicted);
        turned.weight[k] = m.weight[i];
        turned.classes[k] = m.classes[i];
    }
    for (size_t i = 0; i < N_ITEMS(names); i++)
        assert_true(score(names[i], many_classes(&m)) == score(names[i], many_classes(&turned)));
}

/* ---- what is undefined, and how ties go ----------------------------------------------------- */

static const float probabilities[] = {.75f, .25f, .125f, .875f, .25f, .75f, .875f, .125f};
static const int32_t classes[] = {0, 1, 0, 1};

static struct metric_rows two_classes(const float *predicted, const int32_t *truth)
{
    return (struct metric_rows){
        .task = TASK_CLASSIFICATION, .rows = 4, .n = 2, .predicted = predicted, .classes = truth};
}

static struct metric_rows one_target(const float *predicted, const double *truth)
{
    static const double zero[] = {0}, one[] = {1};

    return (struct metric_rows){.task = TASK_REGRESSION,
                                .rows = 4,
                                .n = 1,
                                .predicted = predicted,
                                .offset = zero,
                                .factor = one,
                                .target = truth};
}

/* The names' scores are all `want`. */
static void assert_scores(const char *const *names, struct metric_rows r, double want)
{
    for (; *names; names++) {
        double got = score(*names, r);

        if (isnan(want) ? !isnan(got) : got != want)
            fail_msg("%s is %g, want %g", *names, got, want);
    }
}

static void no_rows_have_no_score(void **state)
{
    struct metric_rows c = two_classes(probabilities, classes);
    struct metric_rows v = one_target(probabilities, (const double[]){1, 2, 3, 4});
    static const float nothing[] = {0, 0, 0, 0};

    (void)state;
    c.weight = v.weight = nothing; /* rows that weigh nothing are as good as none */
    assert_scores(classification_names, c, UNDEFINED);
    assert_scores(regression_names, v, UNDEFINED);
    c.rows = v.rows = 0;
    assert_scores(classification_names, c, UNDEFINED);
    assert_scores(regression_names, v, UNDEFINED);
}

static void a_fold_without_the_class_leaves_its_scores_undefined(void **state)
{
    static const int32_t none[] = {0, 0, 0, 0}, all[] = {1, 1, 1, 1};
    static const float negative[] = {1, 0, 1, 0, 1, 0, 1, 0};

    (void)state;
    assert_scores((const char *[]){"recall", "mcc", "roc_auc", "average_precision", NULL},
                  two_classes(probabilities, none), UNDEFINED);
    assert_scores((const char *[]){"precision", "f1", NULL}, two_classes(probabilities, none), 0);
    assert_scores((const char *[]){"precision", "f1", "recall", NULL}, two_classes(negative, none),
                  UNDEFINED);
    assert_scores((const char *[]){"roc_auc", "mcc", NULL}, two_classes(probabilities, all),
                  UNDEFINED);
    assert_scores((const char *[]){"balanced_accuracy", "recall", NULL},
                  two_classes(probabilities, all), 0.5);
}

static void a_class_that_is_never_predicted_scores_zero(void **state)
{
    static const float negative[] = {1, 0, 1, 0, 1, 0, 1, 0};

    (void)state;
    assert_scores((const char *[]){"precision", "recall", "f1", "mcc", NULL},
                  two_classes(negative, classes), 0);
}

static void a_target_that_does_not_vary_has_no_explained_variance(void **state)
{
    static const double constant[] = {0.1, 0.1, 0.1, 0.1}, outlier[] = {0.1, 0.1, 7, 0.1};
    static const float weight[] = {.3f, .7f, 0, .9f}, value[] = {0, 1, 2, 3};
    const char *const names[] = {"r2", "explained_variance", "spearman", NULL};
    struct metric_rows r = one_target(value, constant);

    (void)state;
    assert_scores(names, r, UNDEFINED);
    assert_false(isnan(score("rmse", r)));
    r = one_target(value, outlier);
    r.weight = weight; /* the one row that differs weighs nothing */
    assert_scores(names, r, UNDEFINED);
}

static void a_prediction_that_is_not_a_number_has_no_score_by_order(void **state)
{
    static const float broken[] = {0, 1, NAN, NAN, .5f, .5f, 1, 0};
    static const double truth[] = {1, 2, 3, 4};

    (void)state;
    assert_scores((const char *[]){"roc_auc", "average_precision", "log_loss", "brier", NULL},
                  two_classes(broken, classes), UNDEFINED);
    assert_scores(regression_names, one_target(broken, truth), UNDEFINED);
}

static void a_tie_within_a_row_goes_to_the_first_class(void **state)
{
    static const float even[] = {.5f, .5f, .5f, .5f, .5f, .5f, .5f, .5f};

    (void)state;
    assert_true(score("accuracy", two_classes(even, classes)) == 0.5);
    assert_true(score("roc_auc", two_classes(even, classes)) == 0.5);
}

static void zero_and_minus_zero_are_a_tie(void **state)
{
    static const float value[] = {-0.0f, 0.0f, -0.0f, 1};
    static const double ordered[] = {1, 2, 3, 4};
    double got = score("spearman", one_target(value, ordered));

    (void)state;
    assert_true(is_near(got, 3 / sqrt(15))); /* ranks 2, 2, 2, 4 */
}

/* ---- the table ------------------------------------------------------------------------------ */

static void all_metrics_come_in_table_order(void **state)
{
    struct metric_rows r = two_classes(probabilities, classes);
    double all[METRIC_MAX];

    (void)state;
    r.work = malloc(metric_work_bytes(r.rows, r.n));
    metric_score_all(&r, all);
    free(r.work);
    for (size_t i = 0; i < metric_count(); i++) {
        const struct metric *m = metric_at(i);

        assert_int_equal(metric_index(m), i);
        assert_ptr_equal(metric_find(m->name), m);
        if (m->task == TASK_CLASSIFICATION)
            assert_true(all[i] == score(m->name, r));
        else
            assert_true(isnan(all[i]));
    }
    assert_null(metric_find("beauty"));
}

static void several_targets_have_every_metric_by_itself_too(void **state)
{
    static const char *const targets[] = {"height", "a:b"};
    static const float predicted[] = {1, 4, 2, 2, 4, 1};
    static const double truth[] = {1, 5, 3, 2, 5, 0}, offset[] = {0, 0}, factor[] = {1, 1};
    struct metric_rows r = {.task = TASK_REGRESSION,
                            .rows = 3,
                            .n = 2,
                            .predicted = predicted,
                            .offset = offset,
                            .factor = factor,
                            .target = truth};
    CLEANUP(arena_end) struct arena *a = NULL;
    struct metric_list list, few;
    double all[3 * METRIC_MAX];

    (void)state;
    assert_int_equal(arena_create(4096, &a, NULL), ERR_OK);
    assert_int_equal(metric_list_make(TASK_REGRESSION, targets, 2, a, &list, NULL), ERR_OK);
    assert_int_equal(metric_list_make(TASK_REGRESSION, targets, 1, a, &few, NULL), ERR_OK);
    assert_int_equal(list.n, 3 * few.n);
    assert_ptr_equal(metric_list_find(&few, "r2"), metric_find("r2"));
    assert_null(metric_list_find(&few, "r2:height"));
    assert_null(metric_list_find(&list, "accuracy"));
    r.work = malloc(metric_work_bytes(r.rows, r.n));
    metric_score_all(&r, all);
    for (size_t i = 0; i < list.n; i++) {
        const struct metric *m = list.items[i];

        assert_ptr_equal(metric_list_find(&list, m->name), m);
        assert_true(metric_index(m) < metric_numbers(TASK_REGRESSION, 2));
        assert_true(all[metric_index(m)] == metric_score(m, &r));
        if (m->of)
            assert_true(metric_score(m, &r) == metric_score_target(m->of, &r, m->target));
    }
    assert_true(metric_score(metric_list_find(&list, "mae:height"), &r) == 2.0 / 3);
    assert_true(metric_score(metric_list_find(&list, "mae:a:b"), &r) == 2.0 / 3);
    assert_true(metric_score(metric_list_find(&list, "mse:a:b"), &r) == 2.0 / 3);
    free(r.work);
}

static void the_direction_is_the_one_in_which_right_beats_wrong(void **state)
{
    static const float right[] = {1, 0, 0, 1, 1, 0, 0, 1}, wrong[] = {0, 1, 1, 0, .5f, .5f, 1, 0};
    static const float exact[] = {1, 2, 3, 5}, off[] = {4, 2, 1, -1};
    static const double truth[] = {1, 2, 3, 5};

    (void)state;
    for (size_t i = 0; i < metric_count(); i++) {
        const struct metric *m = metric_at(i);
        bool of_classes = m->task == TASK_CLASSIFICATION;
        double good =
            score(m->name, of_classes ? two_classes(right, classes) : one_target(exact, truth));
        double bad =
            score(m->name, of_classes ? two_classes(wrong, classes) : one_target(off, truth));

        if (m->maximize ? good <= bad : good >= bad)
            fail_msg("%s: right scores %g, wrong %g", m->name, good, bad);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classification_agrees_with_scikit_learn),
        cmocka_unit_test(regression_agrees_with_scikit_learn_and_scipy),
        cmocka_unit_test(every_metric_is_among_the_cases),
        cmocka_unit_test(roc_auc_is_the_share_of_pairs_in_the_right_order),
        cmocka_unit_test(spearman_ranks_by_counting_smaller_and_larger_values),
        cmocka_unit_test(the_order_of_rows_does_not_matter_where_weights_are_whole),
        cmocka_unit_test(no_rows_have_no_score),
        cmocka_unit_test(a_fold_without_the_class_leaves_its_scores_undefined),
        cmocka_unit_test(a_class_that_is_never_predicted_scores_zero),
        cmocka_unit_test(a_target_that_does_not_vary_has_no_explained_variance),
        cmocka_unit_test(a_prediction_that_is_not_a_number_has_no_score_by_order),
        cmocka_unit_test(a_tie_within_a_row_goes_to_the_first_class),
        cmocka_unit_test(zero_and_minus_zero_are_a_tie),
        cmocka_unit_test(all_metrics_come_in_table_order),
        cmocka_unit_test(several_targets_have_every_metric_by_itself_too),
        cmocka_unit_test(the_direction_is_the_one_in_which_right_beats_wrong),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
