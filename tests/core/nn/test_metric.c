/* Metrics against scikit-learn 1.2.1: the numbers in the first three tests are its answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "core/nn/metric.h"

static const float probabilities[] = {
    .75f, .125f, .125f, .25f, .5f, .25f, .25f, .25f, .5f, 1, 0, 0, .5f, .25f, .25f, 0, 1, 0,
};
static const int32_t classes[] = {0, 1, 1, 0, 2, 2};
static const float class_weights[] = {1, 2, .5f, 1, 3, .25f};

static const float values[] = {1.5f, 12, 2, 18, 2.25f, 20, 4, 36};
static const double targets[] = {1, 10, 2, 20, 3, 15, 5, 40};
static const float value_weights[] = {1, 2, .5f, 4};
static const double zeros[] = {0, 0}, ones[] = {1, 1};

static struct metric_rows class_rows(const float *weight)
{
    return (struct metric_rows){
        .task = TASK_CLASSIFICATION,
        .rows = 6,
        .n = 3,
        .predicted = probabilities,
        .classes = classes,
        .weight = weight,
    };
}

static struct metric_rows value_rows(const float *weight)
{
    return (struct metric_rows){
        .task = TASK_REGRESSION,
        .rows = 4,
        .n = 2,
        .predicted = values,
        .offset = zeros,
        .factor = ones,
        .target = targets,
        .weight = weight,
    };
}

static double score(const char *name, struct metric_rows r)
{
    const struct metric *m = metric_find(name);

    assert_non_null(m);
    assert_int_equal(m->task, r.task);
    return m->score(&r);
}

static void assert_near(double got, double want)
{
    if (!(fabs(got - want) <= 1e-6 * fabs(want)))
        fail_msg("got %.17g, want %.17g", got, want);
}

static void classification_agrees_with_scikit_learn(void **state)
{
    (void)state;
    assert_near(score("accuracy", class_rows(NULL)), 0.5);
    assert_near(score("log_loss", class_rows(NULL)), 3.282633914293026);
    assert_near(score("accuracy", class_rows(class_weights)), 0.5161290322580645);
    assert_near(score("log_loss", class_rows(class_weights)), 1.356335903733149);
}

static void regression_agrees_with_scikit_learn(void **state)
{
    (void)state;
    assert_near(score("r2", value_rows(NULL)), 0.8491996557659208);
    assert_near(score("rmse", value_rows(NULL)), 2.0865728004459063);
    assert_near(score("r2", value_rows(value_weights)), 0.8459132242855841);
    assert_near(score("rmse", value_rows(value_weights)), 2.1061971976104674);
}

/* The same predictions in a scaled unit: (value - offset) / factor is what the network gives. */
static void scaled_predictions_are_scored_in_the_targets_unit(void **state)
{
    static const double offset[] = {1, -3}, factor[] = {0.5, 8};
    struct metric_rows r = value_rows(NULL);
    float scaled[8];

    (void)state;
    for (size_t i = 0; i < 8; i++)
        scaled[i] = (float)(((double)values[i] - offset[i % 2]) / factor[i % 2]);
    r.predicted = scaled;
    r.offset = offset;
    r.factor = factor;
    assert_near(score("rmse", r), 2.0865728004459063);
}

static void undefined_scores_are_nan(void **state)
{
    static const double constant[] = {4, 1, 4, 2, 4, 3, 4, 4};
    struct metric_rows r = value_rows(NULL);

    (void)state;
    r.target = constant;
    assert_true(isnan(score("r2", r)));
    assert_false(isnan(score("rmse", r)));
    r = value_rows(NULL);
    r.rows = 1;
    assert_true(isnan(score("r2", r)));
    r.rows = 0;
    assert_true(isnan(score("r2", r)) && isnan(score("rmse", r)));
    r = class_rows(NULL);
    r.rows = 0;
    assert_true(isnan(score("accuracy", r)) && isnan(score("log_loss", r)));
}

static void a_tie_goes_to_the_first_class(void **state)
{
    static const float even[] = {.5f, .5f, .5f, .5f};
    static const int32_t truth[] = {0, 1};
    struct metric_rows r = {.rows = 2, .n = 2, .predicted = even, .classes = truth};

    (void)state;
    assert_true(score("accuracy", r) == 0.5);
}

static void all_metrics_come_in_table_order(void **state)
{
    struct metric_rows r = class_rows(NULL);
    double all[METRIC_MAX];

    (void)state;
    metric_score_all(&r, all);
    for (size_t i = 0; i < metric_count(); i++) {
        const struct metric *m = metric_at(i);

        assert_int_equal(metric_index(m), i);
        assert_ptr_equal(metric_find(m->name), m);
        if (m->task == TASK_CLASSIFICATION)
            assert_true(all[i] == m->score(&r));
        else
            assert_true(isnan(all[i]));
    }
    assert_null(metric_find("beauty"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classification_agrees_with_scikit_learn),
        cmocka_unit_test(regression_agrees_with_scikit_learn),
        cmocka_unit_test(scaled_predictions_are_scored_in_the_targets_unit),
        cmocka_unit_test(undefined_scores_are_nan),
        cmocka_unit_test(a_tie_goes_to_the_first_class),
        cmocka_unit_test(all_metrics_come_in_table_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
