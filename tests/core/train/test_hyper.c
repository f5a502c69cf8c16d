#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "core/train/hyper.h"

#define INT(x)                                                                                     \
    {                                                                                              \
        .kind = VALUE_INT, .integer = (x)                                                          \
    }
#define REAL(x)                                                                                    \
    {                                                                                              \
        .kind = VALUE_REAL, .real = (x)                                                            \
    }
#define TEXT(x)                                                                                    \
    {                                                                                              \
        .kind = VALUE_TEXT, .text = (x)                                                            \
    }
#define BOOL(x)                                                                                    \
    {                                                                                              \
        .kind = VALUE_BOOL, .boolean = (x)                                                         \
    }

static const struct params nothing;

static struct spec spec_of(const struct params *p, enum task task, size_t n_rows)
{
    struct spec s;
    struct error e;

    if (hyper_spec(p, task, n_rows, &s, &e) != ERR_OK)
        fail_msg("%s", e.message);
    return s;
}

static void canonical_of(const struct params *p, size_t n_rows, struct buf *out)
{
    struct spec s = spec_of(p, TASK_CLASSIFICATION, n_rows);
    struct prepare_spec prepare;
    struct error e;

    assert_int_equal(hyper_prepare(p, TASK_CLASSIFICATION, &prepare, &e), ERR_OK);
    hyper_canonical(&s, &prepare, out);
}

static void defaults_are_those_of_the_contract(void **state)
{
    struct spec s = spec_of(&nothing, TASK_CLASSIFICATION, 100);
    struct prepare_spec p;
    struct error e;

    (void)state;
    assert_int_equal(s.n_hidden, 2);
    assert_int_equal(s.width[0], 64);
    assert_int_equal(s.width[1], 64);
    assert_int_equal(s.activation[1], ACTIVATION_RELU);
    assert_int_equal(s.init, INIT_AUTO);
    assert_int_equal(s.loss, LOSS_CROSS_ENTROPY);
    assert_int_equal(s.optimizer, OPTIMIZER_ADAM);
    assert_true(s.learning_rate == 0.001 && s.momentum == 0 && !s.nesterov);
    assert_true(s.beta1 == 0.9 && s.beta2 == 0.999 && s.epsilon == 1e-8 && s.l2 == 0);
    assert_int_equal(s.batch_size, 32);
    assert_int_equal(s.epochs, 100);
    assert_int_equal(hyper_prepare(&nothing, TASK_CLASSIFICATION, &p, &e), ERR_OK);
    assert_int_equal(p.scaling, SCALING_STANDARD);
    assert_int_equal(p.impute, PREPARE_MEAN);
    assert_true(p.missing_indicator);
    assert_int_equal(spec_of(&nothing, TASK_REGRESSION, 100).loss, LOSS_MSE);
}

static void the_learning_rate_goes_by_the_optimizer(void **state)
{
    struct param sgd = {"optimizer", TEXT("sgd")};

    (void)state;
    assert_true(spec_of(&(struct params){1, &sgd}, TASK_REGRESSION, 10).learning_rate == 0.01);
}

static void the_batch_goes_by_the_rows(void **state)
{
    struct param full = {"batch_size", TEXT("full")}, some = {"batch_size", INT(7)};

    (void)state;
    assert_int_equal(spec_of(&nothing, TASK_REGRESSION, 4999).batch_size, 32);
    assert_int_equal(spec_of(&nothing, TASK_REGRESSION, 5000).batch_size, 128);
    assert_int_equal(spec_of(&nothing, TASK_REGRESSION, 49999).batch_size, 128);
    assert_int_equal(spec_of(&nothing, TASK_REGRESSION, 50000).batch_size, 256);
    assert_int_equal(spec_of(&(struct params){1, &full}, TASK_REGRESSION, 10).batch_size, 0);
    assert_int_equal(spec_of(&(struct params){1, &some}, TASK_REGRESSION, 10).batch_size, 7);
}

static void layers_may_each_have_their_own_width_and_activation(void **state)
{
    struct param items[] = {{"layers", INT(3)},
                            {"width_1", INT(10)},
                            {"width_3", INT(30)},
                            {"activation", TEXT("tanh")},
                            {"activation_2", TEXT("sigmoid")}};
    struct spec s = spec_of(&(struct params){5, items}, TASK_CLASSIFICATION, 10);

    (void)state;
    assert_int_equal(s.n_hidden, 3);
    assert_int_equal(s.width[0], 10);
    assert_int_equal(s.width[1], 64);
    assert_int_equal(s.width[2], 30);
    assert_int_equal(s.activation[0], ACTIVATION_TANH);
    assert_int_equal(s.activation[1], ACTIVATION_SIGMOID);
    assert_int_equal(s.activation[2], ACTIVATION_TANH);
}

static void hidden_names_the_whole_network(void **state)
{
    static const int64_t widths[] = {128, 64, 32};
    struct param net = {"hidden", {.kind = VALUE_LIST, .list = {3, widths}}};
    struct param linear = {"hidden", {.kind = VALUE_LIST, .list = {0, NULL}}};
    struct spec s = spec_of(&(struct params){1, &net}, TASK_CLASSIFICATION, 10);

    (void)state;
    assert_int_equal(s.n_hidden, 3);
    assert_int_equal(s.width[2], 32);
    assert_int_equal(spec_of(&(struct params){1, &linear}, TASK_CLASSIFICATION, 10).n_hidden, 0);
}

static const int64_t zero[] = {64, 0};
/* What is refused, for which task, in which words. */
static const struct {
    struct param item;
    enum task task;
    const char *message;
} cases[] = {
    {{"learning_rate", REAL(3.5e7)}, 0, "learning_rate 35000000 is above 1000000; expected above 0 to 1000000"},
    {{"learning_rate", REAL(0)}, 0, "learning_rate 0 is not above 0; expected above 0 to 1000000"},
    {{"momentum", REAL(1)}, 0, "momentum 1 is not below 1; expected 0 to below 1"},
    {{"width", INT(0)}, 0, "width 0 is below 1; expected 1 to 65536"},
    {{"width", REAL(2.5)}, 0, "width: expected an integer, got 2.5"},
    {{"layers", INT(65)}, 0, "layers 65 is above 64; expected 0 to 64"},
    {{"epochs", TEXT("many")}, 0, "epochs: expected an integer, got \"many\""},
    {{"nesterov", INT(1)}, 0, "nesterov: expected true or false, got 1"},
    {{"init", TEXT("he_norml")},
     0,
     "init \"he_norml\": did you mean \"he_normal\"? known: auto, standard_normal, "
     "glorot_uniform, he_normal, glorot_normal, he_uniform, lecun_normal, orthogonal, zeros"},
    {{"optimizer", TEXT("lfbgs")},
     0,
     "optimizer \"lfbgs\": did you mean \"lbfgs\"? known: sgd, adam, adamw, nadam, adagrad, "
     "rmsprop, adadelta, lbfgs"},
    {{"dropout", REAL(1)}, 0, "dropout 1 is not below 1; expected 0 to below 1"},
    {{"rho", REAL(-0.1)}, 0, "rho -0.1 is below 0; expected 0 to below 1"},
    {{"weight_decay", REAL(1001)}, 0, "weight_decay 1001 is above 1000; expected 0 to 1000"},
    {{"schedule", TEXT("linear")},
     0,
     "schedule \"linear\": no such choice; known: constant, step, exponential, inverse_time, "
     "cosine, warmup_cosine, one_cycle, plateau"},
    {{"step_epochs", INT(0)}, 0, "step_epochs 0 is below 1; expected 1 to 1000000"},
    {{"decay", REAL(0)}, 0, "decay 0 is not above 0; expected above 0 to 1000"},
    {{"final_fraction", REAL(1.5)}, 0, "final_fraction 1.5 is above 1; expected 0 to 1"},
    {{"warmup_fraction", REAL(1)}, 0, "warmup_fraction 1 is not below 1; expected 0 to below 1"},
    {{"plateau_patience", INT(-1)}, 0, "plateau_patience -1 is below 0; expected 0 to 1000000"},
    {{"gradient_clip", REAL(0)}, 0, "gradient_clip 0 is not above 0; expected above 0 to 1000000000"},
    {{"gradient_clip", TEXT("off")},
     0,
     "gradient_clip \"off\": no such choice; known: none, or a number"},
    {{"l1", REAL(-1)}, 0, "l1 -1 is below 0; expected 0 to 1000000"},
    {{"huber_delta", REAL(0)}, 0, "huber_delta 0 is not above 0; expected above 0 to 1000000000"},
    {{"early_stopping", INT(0)}, 0, "early_stopping 0 is below 1; expected 1 to 1000000"},
    {{"early_stopping", BOOL(true)}, 0, "early_stopping: expected an integer or false, got true"},
    {{"early_stopping_fraction", REAL(1)}, 0, "early_stopping_fraction 1 is not below 1; expected above 0 to below 1"},
    {{"class_weight", TEXT("balanced")},
     TASK_REGRESSION,
     "class_weight \"balanced\" is for classification; the task is regression"},
    {{"batch_size", TEXT("half")},
     0,
     "batch_size \"half\": no such choice; known: auto, full, or an integer"},
    {{"loss", TEXT("cross_entropy")},
     TASK_REGRESSION,
     "loss \"cross_entropy\" is for classification; the task is regression"},
    {{"hidden", {.kind = VALUE_LIST, .list = {2, zero}}}, 0, "hidden 0 is below 1; expected 1 to 65536"},
    {{"hidden", INT(5)}, 0, "hidden: expected a list of widths, got 5"},
    {{"lerning_rate", REAL(0.1)},
     0,
     "lerning_rate: no such hyperparameter; did you mean learning_rate?"},
    {{"epochs_2", INT(3)}, 0, "epochs_2: epochs is one for the whole network"},
    {{"width_65", INT(3)}, 0, "width_65: a network has at most 64 hidden layers"},
};

static void bad_names_and_values_are_refused_in_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct param item = cases[i].item;
        struct spec s;
        struct error e;

        assert_int_equal(hyper_spec(&(struct params){1, &item}, cases[i].task, 10, &s, &e),
                         ERR_INVALID);
        assert_string_equal(e.message, cases[i].message);
    }
}

static void a_layer_is_part_of_a_name(void **state)
{
    const struct hyper *h;
    struct error e;
    size_t layer;

    (void)state;
    assert_int_equal(hyper_find("width_12", &h, &layer, &e), ERR_OK);
    assert_int_equal(layer, 12);
    assert_string_equal(h->name, "width");
    assert_int_equal(hyper_find("nothing", &h, &layer, &e), ERR_INVALID);
    assert_non_null(strstr(e.message, "no such hyperparameter; known: hidden, layers, width"));
}

static void defaults_go_by_optimizer_and_schedule(void **state)
{
    struct param adadelta[] = {{"optimizer", TEXT("adadelta")}, {"schedule", TEXT("exponential")}};
    struct param adagrad[] = {{"optimizer", TEXT("adagrad")}, {"schedule", TEXT("one_cycle")}};
    struct param rmsprop[] = {{"optimizer", TEXT("rmsprop")}, {"schedule", TEXT("inverse_time")}};
    struct spec s = spec_of(&(struct params){2, adadelta}, TASK_CLASSIFICATION, 10);

    (void)state;
    assert_true(s.learning_rate == 1.0 && s.rho == 0.9 && s.epsilon == 1e-6 && s.decay == 0.95);
    s = spec_of(&(struct params){2, adagrad}, TASK_CLASSIFICATION, 10);
    assert_true(s.learning_rate == 0.01 && s.epsilon == 1e-10 && s.warmup_fraction == 0.3);
    s = spec_of(&(struct params){2, rmsprop}, TASK_CLASSIFICATION, 10);
    assert_true(s.learning_rate == 0.01 && s.rho == 0.99 && s.epsilon == 1e-8 && s.decay == 0.01);
}

static void what_is_off_may_be_said(void **state)
{
    struct param off[] = {{"early_stopping", BOOL(false)}, {"gradient_clip", TEXT("none")}};
    struct param on[] = {{"early_stopping", INT(7)}, {"gradient_clip", REAL(2.5)}};
    struct spec s = spec_of(&(struct params){2, off}, TASK_CLASSIFICATION, 10);

    (void)state;
    assert_true(s.early_stopping == 0 && s.gradient_clip == 0);
    s = spec_of(&(struct params){2, on}, TASK_CLASSIFICATION, 10);
    assert_true(s.early_stopping == 7 && s.gradient_clip == 2.5);
}

static void equal_trainings_have_equal_canonical_texts(void **state)
{
    struct param spelled[] = {{"optimizer", TEXT("adam")},
                              {"learning_rate", REAL(0.001)},
                              {"batch_size", INT(32)},
                              {"width_1", INT(64)},
                              {"momentum", REAL(0.9)}}; /* adam does not use it */
    struct buf a = {0}, b = {0};

    (void)state;
    canonical_of(&nothing, 100, &a);
    canonical_of(&(struct params){5, spelled}, 100, &b);
    assert_string_equal(buf_text(&a), buf_text(&b));
    assert_string_equal(
        buf_text(&a),
        "layers=64:relu:0,64:relu:0;batch_norm=false;init=auto;optimizer=adam;beta1=0.9;"
        "beta2=0.999;epsilon=1e-08;learning_rate=0.001;gradient_clip=0;schedule=constant;"
        "loss=cross_entropy;l1=0;l2=0;class_weight=none;batch_size=32;epochs=100;"
        "early_stopping=0;scaling=standard;impute=mean;missing_indicator=true;");
    buf_clear(&b);
    canonical_of(&nothing, 5000, &b);
    assert_string_not_equal(buf_text(&a), buf_text(&b));
    buf_finish(&a);
    buf_finish(&b);
}

static void lbfgs_has_no_rate_schedule_batch_or_clipping(void **state)
{
    struct param plain = {"optimizer", TEXT("lbfgs")};
    struct param more[] = {plain,
                           {"learning_rate", REAL(0.5)},
                           {"schedule", TEXT("plateau")},
                           {"batch_size", INT(8)},
                           {"gradient_clip", REAL(1)}};
    struct buf a = {0}, b = {0};

    (void)state;
    canonical_of(&(struct params){1, &plain}, 5000, &a);
    canonical_of(&(struct params){5, more}, 5000, &b);
    assert_string_equal(buf_text(&a), buf_text(&b));
    assert_non_null(strstr(buf_text(&a), "optimizer=lbfgs;loss=cross_entropy;"));
    assert_null(strstr(buf_text(&a), "batch_size"));
    buf_finish(&a);
    buf_finish(&b);
}

static void every_hyperparameter_in_use_changes_the_canonical_text(void **state)
{
    struct param sgd = {"optimizer", TEXT("sgd")};
    struct param others[] = {{"layers", INT(3)},           {"width", INT(65)},
                             {"activation", TEXT("tanh")}, {"init", TEXT("he_normal")},
                             {"learning_rate", REAL(0.5)}, {"momentum", REAL(0.5)},
                             {"l1", REAL(1e-3)},           {"l2", REAL(1e-3)},
                             {"dropout", REAL(0.5)},       {"batch_norm", BOOL(true)},
                             {"schedule", TEXT("cosine")}, {"gradient_clip", REAL(1)},
                             {"early_stopping", INT(5)},   {"class_weight", TEXT("balanced")},
                             {"batch_size", INT(8)},       {"epochs", INT(7)},
                             {"loss", TEXT("mse")},        {"scaling", TEXT("none")},
                             {"impute", TEXT("median")},   {"missing_indicator", BOOL(false)}};
    struct buf base = {0}, changed = {0};

    (void)state;
    canonical_of(&(struct params){1, &sgd}, 10, &base);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        struct param items[] = {sgd, others[i]};

        buf_clear(&changed);
        canonical_of(&(struct params){2, items}, 10, &changed);
        assert_string_not_equal(buf_text(&base), buf_text(&changed));
    }
    buf_finish(&base);
    buf_finish(&changed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_those_of_the_contract),
        cmocka_unit_test(the_learning_rate_goes_by_the_optimizer),
        cmocka_unit_test(the_batch_goes_by_the_rows),
        cmocka_unit_test(layers_may_each_have_their_own_width_and_activation),
        cmocka_unit_test(hidden_names_the_whole_network),
        cmocka_unit_test(bad_names_and_values_are_refused_in_words),
        cmocka_unit_test(a_layer_is_part_of_a_name),
        cmocka_unit_test(defaults_go_by_optimizer_and_schedule),
        cmocka_unit_test(what_is_off_may_be_said),
        cmocka_unit_test(equal_trainings_have_equal_canonical_texts),
        cmocka_unit_test(lbfgs_has_no_rate_schedule_batch_or_clipping),
        cmocka_unit_test(every_hyperparameter_in_use_changes_the_canonical_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
