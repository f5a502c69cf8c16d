/*
 * Optimizers and schedules against PyTorch: tests/reference/optimizers.py made trajectories.inc.
 * The same small network, weights and batches; its float64 numbers beside our float32.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/nn/loss.h"
#include "core/nn/mlp.h"
#include "core/nn/optimizer.h"
#include "core/nn/schedule.h"

#include "tests/core/nn/trajectories.inc"

enum { STRIDE = 16, STEPS_PER_EPOCH = T_ROWS / T_BATCH, EARLY = T_STEPS / 5 };
enum { N_TRAJECTORIES = sizeof t_trajectories / sizeof *t_trajectories };

static const struct kernel *kernel_named(const char *name)
{
    const struct kernel *k;

    assert_int_equal(kernel_choose(name, &k, NULL), ERR_OK);
    return k;
}

static struct mlp *create(const struct kernel *k, const struct optimizer_state *s, bool gradients)
{
    struct mlp_shape shape = {.n_inputs = T_INPUTS,
                              .n_layers = 2,
                              .width = {T_HIDDEN, T_CLASSES},
                              .activation = {ACTIVATION_TANH, ACTIVATION_IDENTITY}};
    struct mlp_plan plan = {
        .rows = T_BATCH, .n_arrays = optimizer_arrays(s), .gradients = gradients};
    float start[T_WEIGHTS];
    struct mlp *m = NULL;

    assert_int_equal(mlp_weight_count(&shape), T_WEIGHTS);
    assert_int_equal(mlp_create(&shape, &plan, k, &m, NULL), ERR_OK);
    for (size_t i = 0; i < T_WEIGHTS; i++)
        start[i] = (float)t_start[i];
    mlp_write(m, start);
    return m;
}

/* One step with the batch that begins at a row. */
static void train_batch(struct mlp *m, const struct kernel *k, size_t from,
                        const struct kernel_update *u)
{
    _Alignas(MEM_ALIGN) float x[T_BATCH * STRIDE] = {0};
    float work[LOSS_WORK * T_BATCH], loss[T_BATCH], scale[T_BATCH];
    struct loss_rows rows = {
        .loss = LOSS_CROSS_ENTROPY,
        .output = OUTPUT_SOFTMAX,
        .rows = T_BATCH,
        .n = T_CLASSES,
        .stride = mlp_stride(m),
        .classes = t_classes + from,
        .scale = scale,
        .work = work,
    };

    for (size_t i = 0; i < T_BATCH; i++) {
        for (size_t j = 0; j < T_INPUTS; j++)
            x[i * STRIDE + j] = (float)t_x[(from + i) * T_INPUTS + j];
        scale[i] = 1.0f / T_BATCH;
    }
    mlp_forward(m, T_BATCH, x, STRIDE);
    rows.z = mlp_outputs(m);
    loss_gradient(k, &rows, mlp_output_gradient(m), loss);
    mlp_backward(m, T_BATCH, x, STRIDE, true, u);
}

/* Runs all steps; copies out the weights on the way and at the end. */
static void follow(const struct kernel *k, struct optimizer_state s,
                   const struct schedule_spec *schedule, double rate, bool gradients, float *early,
                   float *late)
{
    struct mlp *m = create(k, &s, gradients);

    optimizer_start(&s);
    for (size_t step = 0; step < T_STEPS; step++) {
        size_t epoch = step / STEPS_PER_EPOCH, in_epoch = step % STEPS_PER_EPOCH;
        struct kernel_update u;

        optimizer_step(
            &s, schedule_rate(schedule, rate, epoch, in_epoch, STEPS_PER_EPOCH, T_EPOCHS), &u);
        train_batch(m, k, in_epoch * T_BATCH, &u);
        if (step + 1 == EARLY)
            mlp_read(m, MLP_WEIGHTS, early);
    }
    mlp_read(m, MLP_WEIGHTS, late);
    mlp_destroy(m);
}

/* |got - want| / |want|. */
static double distance(const float *got, const double *want)
{
    double difference = 0.0, size = 0.0;

    for (size_t i = 0; i < T_WEIGHTS; i++) {
        difference += pow((double)got[i] - want[i], 2.0);
        size += want[i] * want[i];
    }
    return sqrt(difference / size);
}

static void every_optimizer_follows_pytorch_through_every_schedule(void **state)
{
    const struct kernel *k = kernel_named(NULL);
    double worst = 0.0;

    (void)state;
    for (size_t i = 0; i < N_TRAJECTORIES; i++) {
        float early[T_WEIGHTS], late[T_WEIGHTS];
        double near, far;

        follow(k, t_trajectories[i].optimizer, t_schedules + t_trajectories[i].schedule,
               t_trajectories[i].rate, t_trajectories[i].optimizer.clip > 0.0, early, late);
        near = distance(early, t_trajectories[i].early);
        far = distance(late, t_trajectories[i].late);
        worst = fmax(worst, fmax(near, far));
        if (!(near < 1e-5 && far < 1e-5))
            fail_msg("%s: relative error %g, at the end %g", t_trajectories[i].name, near, far);
    }
    print_message("%d trajectories, worst relative distance %g\n", (int)N_TRAJECTORIES, worst);
}

static void every_schedule_gives_pytorchs_rates(void **state)
{
    (void)state;
    for (size_t i = 0; i < T_SCHEDULES; i++) {
        for (size_t step = 0; step < T_STEPS; step++) {
            double rate = schedule_rate(t_schedules + i, 0.1, step / STEPS_PER_EPOCH,
                                        step % STEPS_PER_EPOCH, STEPS_PER_EPOCH, T_EPOCHS);

            if (!(fabs(rate / t_rates[i][step] - 1.0) < 1e-10))
                fail_msg("schedule %zu, step %zu: %.17g, not %.17g", i, step, rate,
                         t_rates[i][step]);
        }
    }
}

/* With memory for gradients and a limit that is never reached, updates go the other way round:
 * all gradients first, then all steps. */
static void a_limit_that_is_never_reached_changes_no_bit(void **state)
{
    const struct kernel *k;

    (void)state;
    for (size_t i = 0; (k = kernel_at(i)); i++) {
        for (size_t j = 0; kernel_supported(k) && j < N_TRAJECTORIES; j++) {
            struct optimizer_state s = t_trajectories[j].optimizer;
            const struct schedule_spec *schedule = t_schedules + t_trajectories[j].schedule;
            float want[2][T_WEIGHTS], got[2][T_WEIGHTS];

            s.clip = 0.0;
            follow(k, s, schedule, t_trajectories[j].rate, false, want[0], want[1]);
            s.clip = 1e6;
            follow(k, s, schedule, t_trajectories[j].rate, true, got[0], got[1]);
            assert_memory_equal(want, got, sizeof want);
        }
    }
}

static void clipped_trainings_have_the_same_bits_in_every_kernel(void **state)
{
    const struct kernel *k, *reference = kernel_named("reference");

    (void)state;
    for (size_t i = 0; (k = kernel_at(i)); i++) {
        for (size_t j = 0; kernel_supported(k) && j < N_TRAJECTORIES; j++) {
            struct optimizer_state s = t_trajectories[j].optimizer;
            const struct schedule_spec *schedule = t_schedules + t_trajectories[j].schedule;
            float want[2][T_WEIGHTS], got[2][T_WEIGHTS];

            s.clip = 0.1;
            follow(reference, s, schedule, t_trajectories[j].rate, true, want[0], want[1]);
            follow(k, s, schedule, t_trajectories[j].rate, true, got[0], got[1]);
            assert_memory_equal(want, got, sizeof want);
        }
    }
}

/* A plain step of rate one is the clipped gradient itself. */
static void a_clipped_gradient_has_the_norm_of_its_limit(void **state)
{
    struct optimizer_state s = {.kind = OPTIMIZER_SGD, .clip = 0.05};
    const struct kernel *k = kernel_named(NULL);
    struct mlp *m = create(k, &s, true);
    float w[T_WEIGHTS];
    struct kernel_update u;
    double sum = 0.0;

    (void)state;
    optimizer_start(&s);
    optimizer_step(&s, 1.0, &u);
    train_batch(m, k, 0, &u);
    mlp_read(m, MLP_WEIGHTS, w);
    for (size_t i = 0; i < T_WEIGHTS; i++)
        sum += pow((double)w[i] - t_start[i], 2.0);
    assert_true(fabs(sqrt(sum) / 0.05 - 1.0) < 1e-4);
    assert_true(hypot(mlp_norm(m, MLP_GRADIENTS, 0), mlp_norm(m, MLP_GRADIENTS, 1)) > 0.05);
    mlp_destroy(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_optimizer_follows_pytorch_through_every_schedule),
        cmocka_unit_test(every_schedule_gives_pytorchs_rates),
        cmocka_unit_test(a_limit_that_is_never_reached_changes_no_bit),
        cmocka_unit_test(clipped_trainings_have_the_same_bits_in_every_kernel),
        cmocka_unit_test(a_clipped_gradient_has_the_norm_of_its_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
