/*
 * make bench-kernels: the kernels by themselves, on one thread, beside the peak of this machine.
 *
 *     kernels          some seconds: some shapes
 *     kernels --all    all shapes, each printed
 *     kernels --peak   the peaks alone, as JSON, for one thread and for all
 *
 * Work is 2 operations for each weight and row of a product; biases, activations, the optimizer
 * and the transposed copy count as none. Each kernel's results are first compared with the
 * reference's, bit for bit.
 */
#include <omp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/rng.h"
#include "core/linalg/denormal.h"
#include "core/linalg/kernel.h"
#include "tests/bench/networks.h"
#include "tests/bench/peak.h"

enum { SEED = 1, KERNELS_MAX = 8 };

struct shape {
    size_t batch, inputs, width;
};

/* One layer in the middle of a network, laid out for one kernel. */
struct layer {
    const struct kernel *k;
    struct shape s;
    struct panels p, pt;
    size_t x_stride, y_stride;
    float *x, *y, *dz, *dx; /* x serves as the values below, too */
    float *w, *wt, *a, *b;
};

static void forward(struct layer *l)
{
    l->k->forward(l->s.batch, l->x, l->x_stride, &l->p, l->w, KERNEL_RELU, l->y, l->y_stride);
}

static void backward(struct layer *l)
{
    l->k->backward(l->s.batch, l->dz, l->y_stride, &l->pt, l->wt, KERNEL_RELU, l->x, l->dx,
                   l->x_stride);
}

static void update(struct layer *l)
{
    static const struct kernel_update adam = {
        .rule = KERNEL_ADAM,
        .rate = 1e-6f,
        .l2 = 1e-4f,
        .keep = 1.0f,
        .beta1 = 0.9f,
        .gain1 = 0.1f,
        .beta2 = 0.999f,
        .gain2 = 0.001f,
        .root = 1.0f,
        .epsilon = 1e-8f,
    };
    struct kernel_pair in = {l->s.batch, l->x, l->x_stride, l->dz, l->y_stride};

    l->k->update(&in, &l->p, NULL, &adam, l->w, l->a, l->b);
}

/* As the engine goes through a layer: the transposed copy follows each update. */
static void step(struct layer *l)
{
    forward(l);
    backward(l);
    update(l);
    l->k->transpose(&l->p, l->w, &l->pt, l->wt);
}

static const struct operation {
    const char *name;
    void (*run)(struct layer *l);
    double products;
} operations[] = {
    {"forward", forward, 1.0},
    {"backward", backward, 1.0},
    {"update", update, 1.0},
    {"step", step, 3.0},
};

enum { N_OPERATIONS = sizeof operations / sizeof *operations, STEP = N_OPERATIONS - 1 };

static double gigaflop(const struct operation *o, const struct shape *s)
{
    return 2e-9 * o->products * (double)s->batch * (double)s->inputs * (double)s->width;
}

static void *need(void *p)
{
    if (!p) {
        (void)fprintf(stderr, "out of memory\n");
        exit(1);
    }
    return p;
}

static float *floats(size_t n)
{
    return need(mem_calloc(n, sizeof(float)));
}

static float *draw_rows(struct rng *r, size_t rows, size_t columns)
{
    size_t stride = kernel_stride(columns);
    float *out = floats(rows * stride);

    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < columns; j++)
            out[i * stride + j] = (float)rng_normal(r);
    return out;
}

/* The same numbers for every kernel. */
static struct layer layer_make(const struct kernel *k, const struct shape *s)
{
    struct layer l = {
        .k = k,
        .s = *s,
        .p = panels_make(k, s->inputs + 1, s->width),
        .pt = panels_make(k, s->width, s->inputs),
        .x_stride = kernel_stride(s->inputs),
        .y_stride = kernel_stride(s->width),
    };
    struct rng r;

    rng_init(&r, SEED, 0, 0, RNG_TEST, 0);
    l.x = draw_rows(&r, s->batch, s->inputs);
    l.dz = draw_rows(&r, s->batch, s->width);
    l.y = floats(s->batch * l.y_stride);
    l.dx = floats(s->batch * l.x_stride);
    l.w = floats(panels_floats(&l.p));
    l.a = floats(panels_floats(&l.p));
    l.b = floats(panels_floats(&l.p));
    l.wt = floats(panels_floats(&l.pt));
    for (size_t i = 0; i <= s->inputs; i++)
        for (size_t j = 0; j < s->width; j++)
            l.w[panels_index(&l.p, i, j)] = (float)rng_normal(&r) / 16.0f;
    k->transpose(&l.p, l.w, &l.pt, l.wt);
    return l;
}

static void layer_finish(struct layer *l)
{
    float *all[] = {l->x, l->y, l->dz, l->dx, l->w, l->wt, l->a, l->b};

    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
}

static bool same_rows(const float *a, const float *b, size_t rows, size_t columns, size_t stride)
{
    for (size_t i = 0; i < rows; i++)
        if (memcmp(a + i * stride, b + i * stride, columns * sizeof *a) != 0)
            return false;
    return true;
}

static bool same_panels(const struct layer *l, const float *a, const struct layer *m,
                        const float *b)
{
    for (size_t i = 0; i < l->p.rows; i++)
        for (size_t j = 0; j < l->p.columns; j++)
            if (memcmp(a + panels_index(&l->p, i, j), b + panels_index(&m->p, i, j), sizeof *a))
                return false;
    return true;
}

/* Both have done one step. */
static void compare(const struct layer *l, const struct layer *reference)
{
    const struct shape *s = &l->s;

    if (same_rows(l->y, reference->y, s->batch, s->width, l->y_stride) &&
        same_rows(l->dx, reference->dx, s->batch, s->inputs, l->x_stride) &&
        same_panels(l, l->w, reference, reference->w) &&
        same_panels(l, l->a, reference, reference->a) &&
        same_panels(l, l->b, reference, reference->b))
        return;
    (void)fprintf(stderr, "%s differs from the reference: batch %zu, inputs %zu, width %zu\n",
                  l->k->name, s->batch, s->inputs, s->width);
    exit(1);
}

/* GFLOP/s of the best of five runs, each at least a fifth of `seconds` long; 0: of one call. */
static double rate(const struct operation *o, struct layer *l, double seconds)
{
    double best = 1e30;
    size_t times = 1;

    for (int i = 0; i < 5;) {
        double began = peak_seconds(), took;

        for (size_t j = 0; j < times; j++)
            o->run(l);
        took = peak_seconds() - began;
        if (seconds == 0.0)
            return gigaflop(o, &l->s) / took;
        if (took < seconds / 5.0 && i == 0) {
            times *= 2;
            continue;
        }
        if (took / (double)times < best)
            best = took / (double)times;
        i++;
    }
    return gigaflop(o, &l->s) / best;
}

/* ---- the table of shapes -------------------------------------------------------------------- */

struct sums {
    const struct kernel *k;
    double peak;
    double inverse[N_OPERATIONS]; /* of rates, for harmonic means */
    size_t n;
};

static void print_rates(const struct sums *u, const char *what, const double *rates)
{
    printf("%-10s %-22s", u->k->name, what);
    for (size_t i = 0; i < N_OPERATIONS; i++) {
        if (u->peak > 0.0)
            printf(" %9.1f %3.0f %%", rates[i], 100.0 * rates[i] / u->peak);
        else if (i == STEP)
            printf(" %9.1f", rates[i]);
        else
            printf(" %9s      ", "");
    }
    printf("\n");
}

/* The last of u is the reference. It is slow: timed once, by the step that the others have to
 * agree with. */
static void measure_shape(const struct shape *s, struct sums *u, size_t n_kernels, bool print,
                          double seconds)
{
    struct layer reference = layer_make(u[n_kernels - 1].k, s);
    double of_reference = rate(operations + STEP, &reference, 0.0);

    for (size_t i = 0; i < n_kernels; i++) {
        bool is_reference = i + 1 == n_kernels;
        struct layer l = layer_make(u[i].k, s);
        double rates[N_OPERATIONS];
        char name[64];

        if (!is_reference) {
            step(&l);
            compare(&l, &reference);
        }
        for (size_t o = 0; o < N_OPERATIONS; o++) {
            rates[o] = is_reference ? of_reference : rate(operations + o, &l, seconds);
            u[i].inverse[o] += 1.0 / rates[o];
        }
        u[i].n++;
        (void)snprintf(name, sizeof name, "%zu x %zu x %zu", s->batch, s->inputs, s->width);
        if (print)
            print_rates(u + i, name, rates);
        layer_finish(&l);
    }
    layer_finish(&reference);
}

static void print_means(const struct sums *u, const char *what)
{
    double rates[N_OPERATIONS];

    for (size_t i = 0; i < N_OPERATIONS; i++)
        rates[i] = (double)u->n / u->inverse[i];
    print_rates(u, what, rates);
}

static void add_sums(struct sums *all, const struct sums *some)
{
    for (size_t i = 0; i < N_OPERATIONS; i++)
        all->inverse[i] += some->inverse[i];
    all->n += some->n;
}

static const size_t all_batches[] = {16, 32, 64, 128, 256, 512, 0};
static const size_t all_inputs[] = {4, 8, 13, 30, 64, 256, 784, 0};
static const size_t all_widths[] = {8, 16, 32, 64, 128, 256, 512, 0};
static const size_t some_batches[] = {32, 64, 0}, some_inputs[] = {8, 30, 64, 256, 784, 0};
static const size_t some_widths[] = {8, 16, 32, 64, 256, 0};

static void measure_shapes(struct sums *total, size_t n_kernels, bool all)
{
    const size_t *batches = all ? all_batches : some_batches;
    const size_t *inputs = all ? all_inputs : some_inputs;
    const size_t *widths = all ? all_widths : some_widths;

    printf("\n%-10s %-22s", "GFLOP/s", "batch x inputs x width");
    for (size_t i = 0; i < N_OPERATIONS; i++)
        printf(" %9s      ", operations[i].name);
    printf("\n");
    for (const size_t *w = widths; *w; w++) {
        struct sums of_width[KERNELS_MAX];
        char name[64];

        for (size_t k = 0; k < n_kernels; k++)
            of_width[k] = (struct sums){.k = total[k].k, .peak = total[k].peak};
        for (const size_t *b = batches; *b; b++)
            for (const size_t *i = inputs; *i; i++)
                measure_shape(&(struct shape){*b, *i, *w}, of_width, n_kernels, all,
                              all ? 10e-3 : 3e-3);
        (void)snprintf(name, sizeof name, "mean of width %zu", *w);
        for (size_t k = 0; k < n_kernels; k++) {
            print_means(of_width + k, name);
            add_sums(total + k, of_width + k);
        }
    }
    for (size_t k = 0; k < n_kernels; k++)
        print_means(total + k, "mean of all");
}

/* ---- the program ---------------------------------------------------------------------------- */

static size_t list_kernels(struct sums *out)
{
    size_t n = 0;

    for (size_t i = 0; kernel_at(i) && n < KERNELS_MAX; i++)
        if (kernel_supported(kernel_at(i)))
            out[n++] = (struct sums){.k = kernel_at(i)};
    return n;
}

static void print_peaks(const struct sums *u, size_t n)
{
    int most = omp_get_num_procs();
    const char *separator = "";

    printf("{");
    for (size_t i = 0; i < n; i++) {
        double one = peak_gflops(u[i].k, 1);

        if (one > 0.0) {
            printf("%s\"%s\": {\"one\": %.1f, \"all\": %.1f}", separator, u[i].k->name, one,
                   peak_gflops(u[i].k, most));
            separator = ", ";
        }
    }
    printf("}\n");
}

int main(int argc, char **argv)
{
    struct sums sums[KERNELS_MAX];
    size_t n = list_kernels(sums);

    if (argc > 1 && strcmp(argv[1], "--peak") == 0) {
        print_peaks(sums, n);
        return 0;
    }
    (void)denormal_flush();
    for (size_t i = 0; i < n; i++) {
        sums[i].peak = peak_gflops(sums[i].k, 1);
        if (sums[i].peak > 0.0)
            printf("peak of %s: %.1f GFLOP/s on one thread\n", sums[i].k->name, sums[i].peak);
    }
    measure_shapes(sums, n, argc > 1 && strcmp(argv[1], "--all") == 0);
    for (size_t i = 0; i + 1 < n; i++) /* all but the reference */
        networks_print(sums[i].k);
    return 0;
}
