/*
 * A kernel in GNU C vectors: one source, compiled once per instruction set by the file that
 * includes it, which has defined what kernel_math.h asks for and
 *
 *     LANES, PANEL        floats in a vector, most vectors in a panel
 *     MOST_ROWS           of any tile
 *     ROW_LIMIT           most rows of a tile by its vectors: {0, …}
 *     TILES(T)            T(rows, vectors) for every tile that the limits allow
 *     vl_product(a, b)    the 64-bit products of the low halves of 64-bit lanes
 *     KERNEL, KERNEL_NAME the table that this file defines; NARROW: its member of that name
 *     FUSED               and that for networks side by side, or nothing where there is none
 *     vf_keep(x)          x is in a register now, not a load that is done again for each use
 *
 * A tile is a block of the result that stays in registers: rows x vectors accumulators, one pass
 * over k, and an epilogue that finishes the values before they are stored, or a function that
 * does so right after. Forward (A = X), backward (A = dZ) and gradients (A = X^T, by strides) are
 * the same tile.
 */
#include <string.h>

#include "core/linalg/kernel_math.h"

/* Each compiler listens to its own pragma only; without it the accumulators go to memory. */
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

/* The build zeroes automatic variables; for the accumulators that would be a loop over memory. */
#define UNINITIALIZED __attribute__((uninitialized))

#define EACH_VECTOR(i, j)                                                                          \
    UNROLL for (size_t i = 0; i < rows; i++) UNROLL for (size_t j = 0; j < vectors; j++)

typedef float vf_unaligned __attribute__((vector_size(LANES * 4), aligned(4), may_alias));

INLINE vf vf_load(const float *p)
{
    return (vf) * (const vf_unaligned *)p;
}

INLINE void vf_store(float *p, vf x)
{
    *(vf_unaligned *)p = (vf_unaligned)x;
}

enum finish { STORE, RELU, SLOPE_RELU, SLOPE_TANH, SLOPE_LOGISTIC, SGD, MOMENTUM, NESTEROV, ADAM };

/* C = start + A B over k, then the epilogue. C, y, first and second are laid out alike. */
struct tile {
    size_t depth; /* k runs over this */
    const float *a;
    size_t a_row, a_step; /* floats from row to row, and from k to k */
    const float *b;
    size_t b_step;
    const float *start;
    size_t start_row; /* 0: the same row for all */
    float *c;
    size_t c_row;
    const float *y;        /* the value whose slope is taken */
    float *first, *second; /* the optimizer's arrays */
    const struct kernel_update *update;
    bool bias; /* the update's row is one of biases */
    enum finish finish;
    /* What is too long for an epilogue is done to the stored tile while it is in the cache. */
    void (*after)(const struct tile *t, size_t rows, size_t vectors);
    enum kernel_function f; /* for `after` */
    float *w;               /* NULL, or the weights that `after` updates: c is the gradient */
};

#include "core/linalg/kernel_rows.h"

#include "core/linalg/kernel_random.h"

static const float zeros[PANEL * LANES];
static const float one = 1.0f;

/* Constants in locals: read through the tile, they would be loaded again after each store, for all
 * that the compiler knows about aliasing. The rules that are used most; others go by step_tile. */
INLINE void finish_step(const size_t rows, const size_t vectors, const struct tile *t,
                        vf acc[MOST_ROWS][PANEL], const enum kernel_rule rule)
{
    float *const c = t->c, *const first = t->first, *const second = t->second;
    const size_t c_row = t->c_row;
    struct constants constants = constants_of(t->update, 1.0f, t->bias);

    constants.has_l1 = false;
    EACH_VECTOR(i, j)
    {
        size_t at = i * c_row + j * LANES;
        vf a = vf_set(0.0f), b = vf_set(0.0f), w = vf_load(c + at);

        if (rule != KERNEL_SGD)
            a = vf_load(first + at);
        if (rule == KERNEL_ADAM)
            b = vf_load(second + at);
        w = vf_step(rule, &constants, acc[i][j], w, &a, &b);
        if (rule != KERNEL_SGD)
            vf_store(first + at, a);
        if (rule == KERNEL_ADAM)
            vf_store(second + at, b);
        vf_store(c + at, w);
    }
}

INLINE void finish_slope(const size_t rows, const size_t vectors, const struct tile *t,
                         vf acc[MOST_ROWS][PANEL], const enum kernel_function f)
{
    EACH_VECTOR(i, j)
    {
        size_t at = i * t->c_row + j * LANES;

        vf_store(t->c + at, vf_slope(f, vf_load(t->y + at), acc[i][j]));
    }
}

INLINE void finish_tile(const size_t rows, const size_t vectors, const struct tile *t,
                        vf acc[MOST_ROWS][PANEL])
{
    switch (t->finish) {
    case STORE:
        EACH_VECTOR(i, j) vf_store(t->c + i * t->c_row + j * LANES, acc[i][j]);
        break;
    case RELU:
        EACH_VECTOR(i, j) vf_store(t->c + i * t->c_row + j * LANES, vf_relu(acc[i][j]));
        break;
    case SLOPE_RELU:
        finish_slope(rows, vectors, t, acc, KERNEL_RELU);
        break;
    case SLOPE_TANH:
        finish_slope(rows, vectors, t, acc, KERNEL_TANH);
        break;
    case SLOPE_LOGISTIC:
        finish_slope(rows, vectors, t, acc, KERNEL_LOGISTIC);
        break;
    case SGD:
        finish_step(rows, vectors, t, acc, KERNEL_SGD);
        break;
    case MOMENTUM:
        finish_step(rows, vectors, t, acc, KERNEL_MOMENTUM);
        break;
    case NESTEROV:
        finish_step(rows, vectors, t, acc, KERNEL_NESTEROV);
        break;
    case ADAM:
        finish_step(rows, vectors, t, acc, KERNEL_ADAM);
        break;
    }
}

/* Inlined with constant rows and vectors, so that the accumulators are registers. Their array has
 * constant bounds for the same reason: [rows][vectors] would be a variable-length array, on the
 * stack. */
INLINE void run_tile(const size_t rows, const size_t vectors, const struct tile *t)
{
    const size_t depth = t->depth, a_row = t->a_row, a_step = t->a_step, b_step = t->b_step;
    const float *a = t->a, *b = t->b;
    UNINITIALIZED vf acc[MOST_ROWS][PANEL];

    EACH_VECTOR(i, j) acc[i][j] = vf_load(t->start + i * t->start_row + j * LANES);
    for (size_t k = 0; k < depth; k++) {
        UNINITIALIZED vf column[PANEL];

        UNROLL for (size_t j = 0; j < vectors; j++) column[j] = vf_load(b + j * LANES);
        UNROLL for (size_t i = 0; i < rows; i++)
        {
            vf row = vf_set(a[i * a_row]);

            UNROLL for (size_t j = 0; j < vectors; j++) acc[i][j] =
                vf_fma(row, column[j], acc[i][j]);
        }
        a += a_step;
        b += b_step;
    }
    finish_tile(rows, vectors, t, acc);
}

#define DEFINE_TILE(rows, vectors)                                                                 \
    static void tile_##rows##_##vectors(const struct tile *t)                                      \
    {                                                                                              \
        run_tile(rows, vectors, t);                                                                \
    }
#define TILE_ENTRY(rows, vectors) [rows - 1][vectors - 1] = tile_##rows##_##vectors,

TILES(DEFINE_TILE)

static void (*const tiles[MOST_ROWS][PANEL])(const struct tile *) = {TILES(TILE_ENTRY)};

static void map_tile(const struct tile *t, size_t rows, size_t vectors)
{
    for (size_t i = 0; i < rows; i++)
        KERNEL.map(t->f, vectors * LANES, t->c + i * t->c_row, t->c + i * t->c_row);
}

static void slope_tile(const struct tile *t, size_t rows, size_t vectors)
{
    for (size_t i = 0; i < rows; i++)
        KERNEL.slope(t->f, vectors * LANES, t->y + i * t->c_row, t->c + i * t->c_row);
}

/* The rows of a panel lie one behind the other, so that a tile of weights is one run. */
static void step_tile(const struct tile *t, size_t rows, size_t vectors)
{
    run_step(t->update, 1.0f, t->bias, rows * vectors * LANES, t->c, t->w, t->first, t->second);
}

/* Cuts rows into tiles of nearly equal height, so that no short one is left over. */
static void run_rows(size_t rows, size_t vectors, const struct tile *whole)
{
    static const size_t limit[PANEL + 1] = ROW_LIMIT;
    UNINITIALIZED float gradient[MOST_ROWS * PANEL * LANES];
    size_t n = (rows + limit[vectors] - 1) / limit[vectors];
    size_t height = n > 0 ? rows / n : 0, taller = rows - n * height;
    struct tile t = *whole;

    for (size_t i = 0; i < n; i++) {
        size_t tall = height + (i < taller), down = tall * t.c_row;
        float *c = t.c;

        if (t.after == step_tile) {
            t.w = c;
            t.c = gradient;
        }
        tiles[tall - 1][vectors - 1](&t);
        if (t.after)
            t.after(&t, tall, vectors);
        t.a += tall * t.a_row;
        t.start += tall * t.start_row;
        t.c = c + down;
        t.y += down;
        t.first += down;
        t.second += down;
    }
}

static void forward(size_t rows, const float *x, size_t x_stride, const struct panels *p,
                    const float *w, enum kernel_function f, float *y, size_t y_stride)
{
    bool fused = f == KERNEL_IDENTITY || f == KERNEL_RELU;

    for (size_t i = 0; i < p->n; i++) {
        size_t first = panels_first(p, i), vectors = panels_first(p, i + 1) - first;
        const float *panel = w + first * LANES * p->rows;
        float *c = y + first * LANES;
        struct tile t = {
            .depth = p->rows - 1,
            .a = x,
            .a_row = x_stride,
            .a_step = 1,
            .b = panel,
            .b_step = vectors * LANES,
            .start = panel + (p->rows - 1) * vectors * LANES, /* the bias */
            .c = c,
            .c_row = y_stride,
            .y = c,
            .first = c,
            .second = c,
            .finish = f == KERNEL_RELU ? RELU : STORE,
            .after = fused ? NULL : map_tile,
            .f = f,
        };

        run_rows(rows, vectors, &t);
    }
}

static enum finish slope_of(enum kernel_function f)
{
    switch (f) {
    case KERNEL_RELU:
        return SLOPE_RELU;
    case KERNEL_TANH:
        return SLOPE_TANH;
    case KERNEL_LOGISTIC:
        return SLOPE_LOGISTIC;
    case KERNEL_IDENTITY:
    case KERNEL_LEAKY_RELU:
    case KERNEL_ELU:
    case KERNEL_SELU:
    case KERNEL_SOFTPLUS:
    case KERNEL_SOFTSIGN:
    case KERNEL_HARD_SIGMOID:
    case KERNEL_GELU:
    case KERNEL_SILU:
    case KERNEL_SINE:
    case KERNEL_EXP:
    case KERNEL_LOG:
    case KERNEL_ERF:
        return STORE;
    }
    return STORE;
}

static void backward(size_t rows, const float *dz, size_t dz_stride, const struct panels *pt,
                     const float *wt, enum kernel_function f, const float *y, float *dx,
                     size_t dx_stride)
{
    enum finish finish = slope_of(f);

    for (size_t i = 0; i < pt->n; i++) {
        size_t first = panels_first(pt, i), vectors = panels_first(pt, i + 1) - first;
        float *c = dx + first * LANES;
        struct tile t = {
            .depth = pt->rows,
            .a = dz,
            .a_row = dz_stride,
            .a_step = 1,
            .b = wt + first * LANES * pt->rows,
            .b_step = vectors * LANES,
            .start = zeros,
            .c = c,
            .c_row = dx_stride,
            .y = y + first * LANES,
            .first = c,
            .second = c,
            .finish = finish,
            .after = finish == STORE && f != KERNEL_IDENTITY ? slope_tile : NULL,
            .f = f,
        };

        run_rows(rows, vectors, &t);
    }
}

/* The rows of weights of one panel, then its bias, unless that is not among them: there A is one,
 * and penalties do not apply. */
static void run_weights(const struct panels *p, size_t vectors, struct tile *t)
{
    size_t bias = (p->rows - 1) * t->c_row;

    run_rows(p->bare ? p->rows : p->rows - 1, vectors, t);
    if (p->bare)
        return;
    t->a = &one;
    t->a_row = 0;
    t->a_step = 0;
    t->start += (p->rows - 1) * t->start_row;
    t->c += bias;
    t->y += bias;
    t->first += bias;
    t->second += bias;
    t->bias = true;
    run_rows(1, vectors, t);
}

static enum finish finish_of(const struct kernel_update *u)
{
    if (!u || u->l1 != 0.0f)
        return STORE;
    switch (u->rule) {
    case KERNEL_SGD:
        return SGD;
    case KERNEL_MOMENTUM:
        return MOMENTUM;
    case KERNEL_NESTEROV:
        return NESTEROV;
    case KERNEL_ADAM:
        return ADAM;
    case KERNEL_NADAM:
    case KERNEL_RMSPROP:
    case KERNEL_ADADELTA:
        return STORE;
    }
    return STORE;
}

/* start NULL: from zero. u NULL: c is the gradient, else the weights. */
static void run_panels(const struct kernel_pair *in, const struct panels *p, const float *start,
                       const struct kernel_update *u, float *c, float *a, float *b)
{
    enum finish finish = finish_of(u);

    for (size_t i = 0; i < p->n; i++) {
        size_t first = panels_first(p, i), vectors = panels_first(p, i + 1) - first;
        size_t at = first * LANES * p->rows;
        struct tile t = {
            .depth = in->rows,
            .a = in->x,
            .a_row = 1,
            .a_step = in->x_stride,
            .b = in->dz + first * LANES,
            .b_step = in->dz_stride,
            .start = start ? start + at : zeros,
            .start_row = start ? vectors * LANES : 0,
            .c = c + at,
            .c_row = vectors * LANES,
            .y = c + at,
            .first = (a ? a : c) + at,
            .second = (b ? b : c) + at,
            .update = u,
            .finish = finish,
            .after = u && finish == STORE ? step_tile : NULL,
        };

        run_weights(p, vectors, &t);
    }
}

static void gradient(const struct kernel_pair *in, const struct panels *p, bool add, float *g)
{
    run_panels(in, p, add ? g : NULL, NULL, g, NULL, NULL);
}

static void update(const struct kernel_pair *in, const struct panels *p, const float *start,
                   const struct kernel_update *u, float *w, float *a, float *b)
{
    run_panels(in, p, start, u, w, a, b);
}

static void step(const struct panels *p, const float *g, float scale, const struct kernel_update *u,
                 float *w, float *a, float *b)
{
    for (size_t i = 0; i < p->n; i++) {
        size_t first = panels_first(p, i), width = (panels_first(p, i + 1) - first) * LANES;
        size_t at = first * LANES * p->rows, end = at + p->rows * width;
        size_t bias = p->bare ? end : end - width;

        a = a ? a : w; /* never touched */
        b = b ? b : w;
        run_step(u, scale, false, bias - at, g + at, w + at, a + at, b + at);
        run_step(u, scale, true, end - bias, g + bias, w + bias, a + bias, b + bias);
    }
}

#if defined(FUSED)
#include "core/linalg/kernel_lanes.h"
#define FUSED_TABLE &FUSED
#else
#define FUSED_TABLE NULL
#endif

const struct kernel KERNEL = {
    .name = KERNEL_NAME,
    .narrow = NARROW,
    .lanes = LANES,
    .panel = PANEL,
    .forward = forward,
    .backward = backward,
    .gradient = gradient,
    .update = update,
    .step = step,
    .square_sum = square_sum,
    .transpose = transpose,
    .softmax = softmax,
    .map = map,
    .slope = slope,
    .multiply = multiply,
    .words = draw_words,
    .drop = drop,
    .fused = FUSED_TABLE,
};
