/* A training that others help gives the same bits, however many they are and whenever they come. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "core/train/train.h"
#include "tests/core/linalg/helpers.h"
#include "tests/core/train/folds.h"

enum { N_SPECS = 5, EPOCHS = 1 };

static struct spec wide(size_t i)
{
    static const enum activation ACTIVATIONS[N_SPECS] = {
        ACTIVATION_RELU, ACTIVATION_TANH, ACTIVATION_GELU, ACTIVATION_SIGMOID, ACTIVATION_SINE,
    };
    static const enum optimizer OPTIMIZERS[N_SPECS] = {
        OPTIMIZER_ADAM, OPTIMIZER_SGD, OPTIMIZER_ADAM, OPTIMIZER_RMSPROP, OPTIMIZER_ADADELTA,
    };
    struct spec s = {
        .n_hidden = 2,
        .width = {97 + 21 * i, 190 - 23 * i},
        .activation = {ACTIVATIONS[i], ACTIVATIONS[(i + 1) % N_SPECS]},
        .loss = LOSS_CROSS_ENTROPY,
        .optimizer = OPTIMIZERS[i],
        .learning_rate = 0.01,
        .momentum = 0.9,
        .nesterov = true,
        .beta1 = 0.9,
        .beta2 = 0.999,
        .rho = 0.9,
        .epsilon = 1e-8,
        .l2 = 0.001,
        .l1 = i == 2 ? 0.001 : 0.0,
        .gradient_clip = i == 1 ? 0.5 : 0.0,
        .batch_norm = i == 3,
        .dropout = {i == 4 ? 0.3 : 0.0},
        .batch_size = i == 0 ? 0 : 100, /* 0: more than a block */
        .epochs = EPOCHS,
    };

    return s;
}

/* What a training leaves behind, as a number. */
static uint64_t trace(const struct train_result *r)
{
    uint64_t bits, sum = r->weights_hash;

    for (size_t i = 0; i < r->epochs_run; i++) {
        memcpy(&bits, r->validation_loss + i, sizeof bits);
        sum = sum * 31 + bits;
    }
    for (size_t i = 0; i < r->n_layers * r->epochs_run; i++) {
        memcpy(&bits, &r->layers[i].update_ratio, sizeof bits);
        sum = sum * 31 + bits;
    }
    return sum;
}

static uint64_t run(const struct kernel *k, const struct fold_data *d, size_t i, size_t n_helpers,
                    size_t most)
{
    struct spec s = wide(i);
    struct helpers h;
    struct train *t;
    uint64_t result;

    if (train_create(&s, d, k, metric_find("log_loss"), 5, 1, 1, &t, NULL) != ERR_OK)
        abort();
    assert_non_null(train_team(t));
    if (n_helpers > 0)
        helpers_start(&h, train_team(t), n_helpers, most);
    assert_int_equal(train_run_to(t, EPOCHS, NULL, NULL), TRAIN_COMPLETED);
    if (n_helpers > 0)
        helpers_stop(&h);
    result = trace(train_result(t));
    train_destroy(t);
    return result;
}

struct company {
    size_t n, most; /* as in helpers_start */
};

static const struct company COMPANY[] = {{3, 30}, {1, 0}, {2, 0}, {3, 0}, {3, 3000}};

static void helpers_change_no_bit(void **state)
{
    struct fold_data *d = folds_blobs(270, 64, 5, false);
    const struct kernel *fastest, *k;

    (void)state;
    assert_int_equal(kernel_choose(NULL, &fastest, NULL), ERR_OK);
    for (size_t i = 0; i < N_SPECS; i++) {
        uint64_t want = run(fastest, d, i, 0, 0);

        for (size_t j = 0; (k = kernel_at(j)); j++) {
            bool slow = strcmp(k->name, "reference") == 0;

            if (!kernel_supported(k))
                continue;
            for (size_t c = 0; c < (slow ? 1 : sizeof COMPANY / sizeof *COMPANY); c++)
                if (run(k, d, i, COMPANY[c].n, COMPANY[c].most) != want)
                    fail_msg("configuration %zu, %s: %zu helpers who stay %zu change it", i,
                             k->name, COMPANY[c].n, COMPANY[c].most);
        }
    }
    folds_destroy(d);
}

static void a_narrow_network_has_no_team(void **state)
{
    struct fold_data *d = folds_blobs(300, 20, 3, false);
    struct spec s = wide(0);
    const struct kernel *k;
    struct train *t;

    (void)state;
    s.width[0] = s.width[1] = 32;
    s.batch_size = 32;
    assert_int_equal(kernel_choose(NULL, &k, NULL), ERR_OK);
    assert_int_equal(train_create(&s, d, k, metric_find("log_loss"), 5, 1, 1, &t, NULL), ERR_OK);
    assert_null(train_team(t));
    train_destroy(t);
    folds_destroy(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(helpers_change_no_bit),
        cmocka_unit_test(a_narrow_network_has_no_team),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
