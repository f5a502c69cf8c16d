/* Every kernel computes products with the reference's bits, whatever its lanes and tiles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/rng.h"
#include "core/linalg/kernel.h"

enum { SEED = 20240601, N_RULES = KERNEL_ADADELTA + 1, N_SLOPES = KERNEL_SINE + 1 };

/* One layer's data in plain order, without padding. */
struct problem {
    size_t rows, inputs, outputs;
    float *x, *w, *dz, *value; /* (rows, inputs), (inputs + 1, outputs), (rows, outputs), as x */
};

/* What a kernel makes of it, in plain order too. */
struct answer {
    float *y[N_SLOPES], *dx[N_SLOPES];
    float *g, *g_in_blocks;
    float *once, *once_in_blocks; /* weights after one update */
    float *w[N_RULES], *a[N_RULES], *b[N_RULES];
    float *stepped[N_RULES], *scaled[N_RULES]; /* by gradient and step: whole, and by a half */
    double square_sum;
    bool padding_is_zero;
};

static float *draw(struct rng *r, size_t n)
{
    float *x = mem_calloc(n, sizeof *x);

    assert_non_null(x);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)rng_normal(r);
    return x;
}

static struct problem problem_make(struct rng *r, size_t rows, size_t inputs, size_t outputs)
{
    struct problem p = {rows, inputs, outputs, NULL, NULL, NULL, NULL};

    p.x = draw(r, rows * inputs);
    p.w = draw(r, (inputs + 1) * outputs);
    p.dz = draw(r, rows * outputs);
    p.value = draw(r, rows * inputs);
    return p;
}

static void problem_finish(struct problem *p)
{
    free(p->x);
    free(p->w);
    free(p->dz);
    free(p->value);
}

static float *pad(const float *plain, size_t rows, size_t columns)
{
    size_t stride = kernel_stride(columns);
    float *out = mem_calloc(rows * stride, sizeof *out);

    assert_non_null(out);
    for (size_t i = 0; i < rows; i++)
        memcpy(out + i * stride, plain + i * columns, columns * sizeof *out);
    return out;
}

/* Frees the padded matrix. */
static float *unpad(float *padded, size_t rows, size_t columns)
{
    size_t stride = kernel_stride(columns);
    float *out = calloc(rows * columns, sizeof *out);

    assert_non_null(out);
    for (size_t i = 0; i < rows; i++)
        memcpy(out + i * columns, padded + i * stride, columns * sizeof *out);
    free(padded);
    return out;
}

static float *to_panels(const struct panels *p, const float *plain)
{
    float *out = mem_calloc(panels_floats(p), sizeof *out);

    assert_non_null(out);
    for (size_t k = 0; plain && k < p->rows; k++)
        for (size_t j = 0; j < p->columns; j++)
            out[panels_index(p, k, j)] = plain[k * p->columns + j];
    return out;
}

/* Frees the panels; notes whether their padding is still zero. */
static float *from_panels(const struct panels *p, float *panels, bool *padding_is_zero)
{
    float *out = calloc(p->rows * p->columns, sizeof *out);

    assert_non_null(out);
    for (size_t k = 0; k < p->rows; k++) {
        for (size_t j = 0; j < p->columns; j++) {
            size_t at = panels_index(p, k, j);

            out[k * p->columns + j] = panels[at];
            panels[at] = 0.0f;
        }
    }
    for (size_t i = 0; i < panels_floats(p); i++)
        if (panels[i] != 0.0f)
            *padding_is_zero = false;
    free(panels);
    return out;
}

static void answer_forward(const struct kernel *k, const struct problem *q, struct answer *out)
{
    struct panels p = panels_make(k, q->inputs + 1, q->outputs);
    float *w = to_panels(&p, q->w), *x = pad(q->x, q->rows, q->inputs);
    size_t stride = kernel_stride(q->outputs);

    for (int f = 0; f < N_SLOPES; f++) {
        float *y = mem_calloc(q->rows * stride, sizeof *y);

        assert_non_null(y);
        k->forward(q->rows, x, kernel_stride(q->inputs), &p, w, (enum kernel_function)f, y, stride);
        out->y[f] = unpad(y, q->rows, q->outputs);
    }
    free(w);
    free(x);
}

static void answer_backward(const struct kernel *k, const struct problem *q, struct answer *out)
{
    struct panels p = panels_make(k, q->inputs + 1, q->outputs);
    struct panels pt = panels_make(k, q->outputs, q->inputs);
    float *w = to_panels(&p, q->w), *wt = to_panels(&pt, NULL);
    float *dz = pad(q->dz, q->rows, q->outputs), *value = pad(q->value, q->rows, q->inputs);
    size_t stride = kernel_stride(q->inputs);

    k->transpose(&p, w, &pt, wt);
    for (int f = 0; f < N_SLOPES; f++) {
        float *dx = mem_calloc(q->rows * stride, sizeof *dx);

        assert_non_null(dx);
        k->backward(q->rows, dz, kernel_stride(q->outputs), &pt, wt, (enum kernel_function)f, value,
                    dx, stride);
        out->dx[f] = unpad(dx, q->rows, q->inputs);
    }
    free(from_panels(&pt, wt, &out->padding_is_zero));
    free(w);
    free(dz);
    free(value);
}

static struct kernel_update update_of(enum kernel_rule rule)
{
    return (struct kernel_update){
        .rule = rule,
        .rate = 0.01f,
        .l1 = rule % 2 ? 0.01f : 0.0f,
        .l2 = 0.1f,
        .keep = 0.999f,
        .rate_now = 0.02f,
        .momentum = 0.9f,
        .beta1 = 0.9f,
        .gain1 = 0.1f,
        .beta2 = 0.99f,
        .gain2 = 0.01f,
        .root = 3.0f,
        .epsilon = 1e-8f,
    };
}

/* Three updates in a row, so that the optimizer's arrays are in use. */
static void answer_updates(const struct kernel *k, const struct problem *q,
                           const struct kernel_pair *in, struct answer *out)
{
    struct panels p = panels_make(k, q->inputs + 1, q->outputs);

    for (int rule = 0; rule < N_RULES; rule++) {
        struct kernel_update u = update_of((enum kernel_rule)rule);
        float *w = to_panels(&p, q->w), *a = to_panels(&p, NULL), *b = to_panels(&p, NULL);

        for (int i = 0; i < 3; i++)
            k->update(in, &p, NULL, &u, w, a, b);
        out->w[rule] = from_panels(&p, w, &out->padding_is_zero);
        out->a[rule] = from_panels(&p, a, &out->padding_is_zero);
        out->b[rule] = from_panels(&p, b, &out->padding_is_zero);
    }
}

/* The same in two halves: the gradient to memory, then a step with a scale. */
static float *by_steps(const struct kernel *k, const struct problem *q,
                       const struct kernel_pair *in, enum kernel_rule rule, float scale,
                       struct answer *out)
{
    struct panels p = panels_make(k, q->inputs + 1, q->outputs);
    struct kernel_update u = update_of(rule);
    float *w = to_panels(&p, q->w), *a = to_panels(&p, NULL), *b = to_panels(&p, NULL);
    float *g = to_panels(&p, NULL);

    k->gradient(in, &p, false, g);
    out->square_sum = k->square_sum(&p, g);
    for (int i = 0; i < 3; i++)
        k->step(&p, g, scale, &u, w, a, b);
    free(g);
    free(a);
    free(b);
    return from_panels(&p, w, &out->padding_is_zero);
}

/* One plain update by the whole batch, and by two blocks of which the last one updates. */
static void answer_blocks(const struct kernel *k, const struct problem *q,
                          const struct kernel_pair *in, struct answer *out)
{
    struct panels p = panels_make(k, q->inputs + 1, q->outputs);
    struct kernel_update u = update_of(KERNEL_SGD);
    struct kernel_pair head = *in, tail = *in;
    float *g = to_panels(&p, NULL), *once = to_panels(&p, q->w), *blocks = to_panels(&p, q->w);

    head.rows = q->rows / 2;
    tail.rows -= head.rows;
    tail.x += head.rows * in->x_stride;
    tail.dz += head.rows * in->dz_stride;
    k->update(in, &p, NULL, &u, once, NULL, NULL);
    k->gradient(&head, &p, false, g);
    k->update(&tail, &p, g, &u, blocks, NULL, NULL);
    k->gradient(&tail, &p, true, g);
    out->once = from_panels(&p, once, &out->padding_is_zero);
    out->once_in_blocks = from_panels(&p, blocks, &out->padding_is_zero);
    out->g_in_blocks = from_panels(&p, g, &out->padding_is_zero);
}

static void answer_gradient(const struct kernel *k, const struct problem *q, struct answer *out)
{
    struct panels p = panels_make(k, q->inputs + 1, q->outputs);
    float *x = pad(q->x, q->rows, q->inputs), *dz = pad(q->dz, q->rows, q->outputs);
    float *g = to_panels(&p, NULL);
    struct kernel_pair in = {q->rows, x, kernel_stride(q->inputs), dz, kernel_stride(q->outputs)};

    k->gradient(&in, &p, false, g);
    out->g = from_panels(&p, g, &out->padding_is_zero);
    answer_blocks(k, q, &in, out);
    answer_updates(k, q, &in, out);
    for (int rule = 0; rule < N_RULES; rule++) {
        out->stepped[rule] = by_steps(k, q, &in, (enum kernel_rule)rule, 1.0f, out);
        out->scaled[rule] = by_steps(k, q, &in, (enum kernel_rule)rule, 0.5f, out);
    }
    free(x);
    free(dz);
}

static struct answer answer_make(const struct kernel *k, const struct problem *q)
{
    struct answer a = {.padding_is_zero = true};

    answer_forward(k, q, &a);
    answer_backward(k, q, &a);
    answer_gradient(k, q, &a);
    return a;
}

static void answer_finish(struct answer *a)
{
    for (int f = 0; f < N_SLOPES; f++) {
        free(a->y[f]);
        free(a->dx[f]);
    }
    for (int rule = 0; rule < N_RULES; rule++) {
        free(a->w[rule]);
        free(a->a[rule]);
        free(a->b[rule]);
        free(a->stepped[rule]);
        free(a->scaled[rule]);
    }
    free(a->g);
    free(a->g_in_blocks);
    free(a->once);
    free(a->once_in_blocks);
}

static void assert_same(const struct problem *q, const struct answer *a, const struct answer *b)
{
    size_t y_bytes = q->rows * q->outputs * sizeof(float);
    size_t x_bytes = q->rows * q->inputs * sizeof(float);
    size_t w_bytes = (q->inputs + 1) * q->outputs * sizeof(float);

    for (int f = 0; f < N_SLOPES; f++) {
        assert_memory_equal(a->y[f], b->y[f], y_bytes);
        assert_memory_equal(a->dx[f], b->dx[f], x_bytes);
    }
    for (int rule = 0; rule < N_RULES; rule++) {
        assert_memory_equal(a->w[rule], b->w[rule], w_bytes);
        assert_memory_equal(a->a[rule], b->a[rule], w_bytes);
        assert_memory_equal(a->b[rule], b->b[rule], w_bytes);
        assert_memory_equal(a->stepped[rule], b->w[rule], w_bytes);
        assert_memory_equal(a->scaled[rule], b->scaled[rule], w_bytes);
    }
    assert_memory_equal(a->g, b->g, w_bytes);
    assert_memory_equal(&a->square_sum, &b->square_sum, sizeof a->square_sum);
    assert_memory_equal(a->g_in_blocks, b->g, w_bytes);
    assert_memory_equal(a->once, b->once, w_bytes);
    assert_memory_equal(a->once_in_blocks, b->once, w_bytes);
}

static void check_shape(struct rng *r, size_t rows, size_t inputs, size_t outputs)
{
    struct problem q = problem_make(r, rows, inputs, outputs);
    const struct kernel *k, *reference;
    struct answer truth;

    assert_int_equal(kernel_choose("reference", &reference, NULL), ERR_OK);
    truth = answer_make(reference, &q);
    for (size_t i = 0; (k = kernel_at(i)); i++) {
        struct answer a;

        if (!kernel_supported(k))
            continue;
        a = answer_make(k, &q);
        assert_same(&q, &a, &truth);
        assert_true(a.padding_is_zero);
        answer_finish(&a);
    }
    answer_finish(&truth);
    problem_finish(&q);
}

static void start(struct rng *r, uint32_t index)
{
    print_message("seed %d, stream %u\n", SEED, index);
    rng_init(r, SEED, 0, 0, RNG_TEST, index);
}

static void awkward_shapes_give_the_reference_bits(void **state)
{
    static const size_t shapes[][3] = {{1, 1, 1},    {3, 5, 7},   {17, 33, 65}, {2, 1, 40},
                                       {32, 64, 10}, {33, 13, 1}, {5, 100, 17}, {31, 7, 128}};
    struct rng r;

    (void)state;
    start(&r, 1);
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        check_shape(&r, shapes[i][0], shapes[i][1], shapes[i][2]);
}

static void every_width_up_to_40_gives_the_reference_bits(void **state)
{
    struct rng r;

    (void)state;
    start(&r, 2);
    for (size_t width = 1; width <= 40; width++)
        check_shape(&r, 1 + width % 14, 41 - width, width);
}

static void random_shapes_give_the_reference_bits(void **state)
{
    struct rng r;

    (void)state;
    start(&r, 3);
    for (int i = 0; i < 10; i++)
        check_shape(&r, 1 + rng_below(&r, 40), 1 + rng_below(&r, 50), 1 + rng_below(&r, 80));
}

static void the_reference_multiplies_matrices(void **state)
{
    const struct kernel *k;
    struct problem q;
    struct answer a;
    struct rng r;

    (void)state;
    start(&r, 4);
    assert_int_equal(kernel_choose("reference", &k, NULL), ERR_OK);
    q = problem_make(&r, 6, 9, 5);
    a = answer_make(k, &q);
    for (size_t i = 0; i < q.rows; i++) {
        for (size_t j = 0; j < q.outputs; j++) {
            double sum = (double)q.w[q.inputs * q.outputs + j];

            for (size_t l = 0; l < q.inputs; l++)
                sum += (double)q.x[i * q.inputs + l] * (double)q.w[l * q.outputs + j];
            assert_true(fabs((double)a.y[KERNEL_IDENTITY][i * q.outputs + j] - sum) < 1e-5);
            assert_true(fabs((double)a.y[KERNEL_TANH][i * q.outputs + j] - tanh(sum)) < 1e-5);
        }
    }
    answer_finish(&a);
    problem_finish(&q);
}

static void the_sum_of_squares_is_that_of_the_gradient(void **state)
{
    const struct kernel *k;
    struct problem q;
    struct answer a;
    double sum = 0.0;
    struct rng r;

    (void)state;
    start(&r, 5);
    assert_int_equal(kernel_choose(NULL, &k, NULL), ERR_OK);
    q = problem_make(&r, 6, 9, 41);
    a = answer_make(k, &q);
    for (size_t i = 0; i < 10 * q.outputs; i++)
        sum += (double)a.g[i] * (double)a.g[i];
    assert_true(fabs(a.square_sum / sum - 1.0) < 1e-12);
    answer_finish(&a);
    problem_finish(&q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(awkward_shapes_give_the_reference_bits),
        cmocka_unit_test(every_width_up_to_40_gives_the_reference_bits),
        cmocka_unit_test(random_shapes_give_the_reference_bits),
        cmocka_unit_test(the_reference_multiplies_matrices),
        cmocka_unit_test(the_sum_of_squares_is_that_of_the_gradient),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
