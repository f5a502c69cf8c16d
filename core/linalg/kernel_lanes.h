/*
 * The part of kernel_body.h for networks side by side (lanes.h): the same tiles of accumulators,
 * but each column is one output of all networks, and a row's factor is a vector, too, unless the
 * networks share their input.
 */
#ifndef SWEEPD_CORE_LINALG_KERNEL_LANES_H
#define SWEEPD_CORE_LINALG_KERNEL_LANES_H

/* C = start + A B over k. Distances in floats; the columns of C are LANES apart. */
struct lanes_tile {
    size_t depth;
    const float *a;
    size_t a_row, a_step;
    const float *b;
    size_t b_column, b_step;
    const float *start;
    size_t start_column; /* 0: the same for all */
    float *c;
    size_t c_row;
    const float *y;     /* laid out as C; the value whose slope is taken */
    enum finish finish; /* STORE, RELU or SLOPE_RELU */
    /* NULL, or what is done to a gradient's tile: C is the weights, in place of the gradient. */
    const struct lanes_update *update;
    float *first, *second;
    bool bias;
};

INLINE void lanes_finish(const size_t rows, const size_t vectors, const struct lanes_tile *t,
                         vf acc[MOST_ROWS][PANEL])
{
    float *const c = t->c;
    const float *const y = t->y;
    const size_t c_row = t->c_row;

    if (t->finish == RELU) {
        EACH_VECTOR(i, j) vf_store(c + i * c_row + j * LANES, vf_relu(acc[i][j]));
    } else if (t->finish == SLOPE_RELU) {
        EACH_VECTOR(i, j)
        {
            size_t at = i * c_row + j * LANES;

            vf_store(c + at, vf_slope(KERNEL_RELU, vf_load(y + at), acc[i][j]));
        }
    } else {
        EACH_VECTOR(i, j) vf_store(c + i * c_row + j * LANES, acc[i][j]);
    }
}

/* As run_tile; shared: A holds floats. */
INLINE void lanes_run_tile(const size_t rows, const size_t vectors, const bool shared,
                           const struct lanes_tile *t)
{
    const size_t depth = t->depth, a_row = t->a_row, a_step = t->a_step;
    const size_t b_column = t->b_column, b_step = t->b_step;
    const float *a = t->a, *b = t->b;
    UNINITIALIZED vf acc[MOST_ROWS][PANEL];

    EACH_VECTOR(i, j) acc[i][j] = vf_load(t->start + j * t->start_column);
    for (size_t k = 0; k < depth; k++) {
        UNINITIALIZED vf column[PANEL];

        UNROLL for (size_t j = 0; j < vectors; j++) column[j] = vf_load(b + j * b_column);
        UNROLL for (size_t i = 0; i < rows; i++)
        {
            vf row = shared ? vf_set(a[i * a_row]) : vf_load(a + i * a_row);

            vf_keep(row);
            UNROLL for (size_t j = 0; j < vectors; j++) acc[i][j] =
                vf_fma(row, column[j], acc[i][j]);
        }
        a += a_step;
        b += b_step;
    }
    lanes_finish(rows, vectors, t, acc);
}

#define DEFINE_LANES_TILE(rows, vectors)                                                           \
    static void lanes_tile_##rows##_##vectors(const struct lanes_tile *t)                          \
    {                                                                                              \
        lanes_run_tile(rows, vectors, false, t);                                                   \
    }                                                                                              \
    static void shared_tile_##rows##_##vectors(const struct lanes_tile *t)                         \
    {                                                                                              \
        lanes_run_tile(rows, vectors, true, t);                                                    \
    }
#define LANES_ENTRY(rows, vectors) [rows][vectors] = lanes_tile_##rows##_##vectors,
#define SHARED_ENTRY(rows, vectors) [rows][vectors] = shared_tile_##rows##_##vectors,

TILES(DEFINE_LANES_TILE)

/* By rows and vectors; those of 0 are never asked for. */
typedef void (*lanes_tiles[MOST_ROWS + 1][PANEL + 1])(const struct lanes_tile *);

static const lanes_tiles tiles_of_lanes = {TILES(LANES_ENTRY)};
static const lanes_tiles tiles_of_shared = {TILES(SHARED_ENTRY)};

INLINE struct constants lanes_constants(const struct lanes_update *u, bool bias)
{
    return (struct constants){
        .has_l1 = false,
        .scale = vf_set(1.0f),
        .l2 = bias ? vf_set(0.0f) : vf_load(u->l2),
        .keep = bias ? vf_set(1.0f) : vf_load(u->keep),
        .rate = vf_load(u->rate),
        .rate_now = vf_load(u->rate_now),
        .momentum = vf_load(u->momentum),
        .beta1 = vf_load(u->beta1),
        .gain1 = vf_load(u->gain1),
        .beta2 = vf_load(u->beta2),
        .gain2 = vf_load(u->gain2),
        .root = vf_load(u->root),
        .epsilon = vf_load(u->epsilon),
    };
}

/* Rows of gradients and of weights with strides of their own. */
struct lanes_rows {
    size_t rows, columns;
    const float *g;
    size_t g_row;
    float *w, *a, *b;
    size_t w_row;
};

#define LANES_STEP_CASE(rule)                                                                      \
    case rule:                                                                                     \
        for (size_t k = 0; k < r->rows; k++) {                                                     \
            size_t at = k * r->w_row;                                                              \
                                                                                                   \
            step_with(rule, &c, r->columns *LANES, r->g + k * r->g_row, r->w + at, r->a + at,      \
                      r->b + at);                                                                  \
        }                                                                                          \
        break;

static void lanes_step_rows(const struct lanes_update *u, bool bias, const struct lanes_rows *r)
{
    const struct constants c = lanes_constants(u, bias);

    switch (u->rule) {
        LANES_STEP_CASE(KERNEL_SGD)
        LANES_STEP_CASE(KERNEL_MOMENTUM)
        LANES_STEP_CASE(KERNEL_NESTEROV)
        LANES_STEP_CASE(KERNEL_ADAM)
        LANES_STEP_CASE(KERNEL_NADAM)
        LANES_STEP_CASE(KERNEL_RMSPROP)
        LANES_STEP_CASE(KERNEL_ADADELTA)
    }
}

static void lanes_step(const struct lanes_update *u, size_t inputs, size_t outputs, const float *g,
                       float *w, float *a, float *b)
{
    size_t row = lanes_stride(outputs) * LANES, bias = inputs * row;
    struct lanes_rows r = {
        .rows = inputs,
        .columns = outputs,
        .g = g,
        .g_row = row,
        .w = w,
        .a = a ? a : w, /* never touched */
        .b = b ? b : w,
        .w_row = row,
    };

    lanes_step_rows(u, false, &r);
    r.rows = 1;
    r.g += bias;
    r.w += bias;
    r.a += bias;
    r.b += bias;
    lanes_step_rows(u, true, &r);
}

/* A tile of the gradient goes through a small buffer, and at once into the weights. */
static void lanes_update_tile(void (*run)(const struct lanes_tile *), const struct lanes_tile *t,
                              size_t rows, size_t vectors)
{
    UNINITIALIZED float gradient[MOST_ROWS * PANEL * LANES];
    struct lanes_tile into = *t;
    struct lanes_rows r = {
        .rows = rows,
        .columns = vectors,
        .g = gradient,
        .g_row = vectors * LANES,
        .w = t->c,
        .a = t->first,
        .b = t->second,
        .w_row = t->c_row,
    };

    into.c = gradient;
    into.c_row = vectors * LANES;
    run(&into);
    lanes_step_rows(t->update, t->bias, &r);
}

/* Cuts the result into tiles of nearly equal sizes. */
static void lanes_run(size_t rows, size_t columns, bool shared, const struct lanes_tile *whole)
{
    static const size_t limit[PANEL + 1] = ROW_LIMIT;
    size_t across = (columns + PANEL - 1) / PANEL;

    for (size_t j = 0; j < across; j++) {
        size_t left = j * columns / across, vectors = (j + 1) * columns / across - left;
        size_t down = (rows + limit[vectors] - 1) / limit[vectors];

        for (size_t i = 0; i < down; i++) {
            size_t top = i * rows / down, height = (i + 1) * rows / down - top;
            size_t at = top * whole->c_row + left * LANES;
            struct lanes_tile t = *whole;
            void (*run)(const struct lanes_tile *) =
                (shared ? tiles_of_shared : tiles_of_lanes)[height][vectors];

            t.a += top * t.a_row;
            t.b += left * t.b_column;
            t.start += left * t.start_column;
            t.c += at;
            t.y += at;
            t.first += at;
            t.second += at;
            if (t.update)
                lanes_update_tile(run, &t, height, vectors);
            else
                run(&t);
        }
    }
}

static void lanes_forward(size_t rows, const struct lanes_input *x, size_t inputs, size_t outputs,
                          const float *w, bool relu, float *y)
{
    size_t row = lanes_stride(outputs) * LANES;
    struct lanes_tile t = {
        .depth = inputs,
        .a = x->x,
        .a_row = x->stride,
        .a_step = x->shared ? 1 : LANES,
        .b = w,
        .b_column = LANES,
        .b_step = row,
        .start = w + inputs * row,
        .start_column = LANES,
        .c = y,
        .c_row = row,
        .y = y,
        .first = y,
        .second = y,
        .finish = relu ? RELU : STORE,
    };

    lanes_run(rows, outputs, x->shared, &t);
}

static void lanes_backward(size_t rows, size_t inputs, size_t outputs, const float *dz,
                           const float *w, const float *y, float *dx)
{
    size_t row = lanes_stride(outputs) * LANES;
    struct lanes_tile t = {
        .depth = outputs,
        .a = dz,
        .a_row = row,
        .a_step = LANES,
        .b = w,
        .b_column = row,
        .b_step = LANES,
        .start = zeros,
        .c = dx,
        .c_row = lanes_stride(inputs) * LANES,
        .y = y ? y : dx,
        .first = dx,
        .second = dx,
        .finish = y ? SLOPE_RELU : STORE,
    };

    lanes_run(rows, inputs, false, &t);
}

/* u NULL: c is the gradient, else the weights. */
static void lanes_run_weights(size_t rows, const struct lanes_input *x, size_t inputs,
                              size_t outputs, const float *dz, const struct lanes_update *u,
                              float *c, float *a, float *b)
{
    size_t row = lanes_stride(outputs) * LANES, bias = inputs * row;
    struct lanes_tile t = {
        .depth = rows,
        .a = x->x,
        .a_row = x->shared ? 1 : LANES,
        .a_step = x->stride,
        .b = dz,
        .b_column = LANES,
        .b_step = row,
        .start = zeros,
        .c = c,
        .c_row = row,
        .y = c,
        .first = a ? a : c,
        .second = b ? b : c,
        .finish = STORE,
        .update = u,
    };

    lanes_run(inputs, outputs, x->shared, &t);
    t.a = &one;
    t.a_row = 0;
    t.a_step = 0;
    t.c += bias;
    t.y += bias;
    t.first += bias;
    t.second += bias;
    t.bias = true;
    lanes_run(1, outputs, true, &t);
}

static void lanes_gradient(size_t rows, const struct lanes_input *x, size_t inputs, size_t outputs,
                           const float *dz, float *g)
{
    lanes_run_weights(rows, x, inputs, outputs, dz, NULL, g, NULL, NULL);
}

static void lanes_update(size_t rows, const struct lanes_input *x, size_t inputs, size_t outputs,
                         const float *dz, const struct lanes_update *u, float *w, float *a,
                         float *b)
{
    lanes_run_weights(rows, x, inputs, outputs, dz, u, w, a, b);
}

typedef double vd __attribute__((vector_size(LANES * 4)));
typedef float vh __attribute__((vector_size(LANES * 2)));
typedef float vh_unaligned __attribute__((vector_size(LANES * 2), aligned(4), may_alias));

/* Half a vector, widened. */
INLINE vd vd_load(const float *p)
{
    return __builtin_convertvector((vh) * (const vh_unaligned *)p, vd);
}

static void lanes_square_half(size_t rows, size_t columns, const float *m, double *out)
{
    size_t row = lanes_stride(columns) * LANES;
    vd part[KERNEL_PAD] = {{0}};

    for (size_t j = 0; j < columns; j++) {
        vd sum = {0};

        for (size_t k = 0; k < rows; k++) {
            vd x = vd_load(m + k * row + j * LANES);

            sum += x * x;
        }
        part[j % KERNEL_PAD] += sum;
    }
    for (size_t apart = KERNEL_PAD / 2; apart > 0; apart /= 2)
        for (size_t i = 0; i < apart; i++)
            part[i] += part[i + apart];
    memcpy(out, part, sizeof *part);
}

static void lanes_square_sum(size_t rows, size_t columns, const float *m, double *out)
{
    lanes_square_half(rows, columns, m, out);
    lanes_square_half(rows, columns, m + LANES / 2, out + LANES / 2);
}

INLINE vf vf_select(vi where, vf a, vf b)
{
    return vf_from_bits((vf_bits(a) & where) | (vf_bits(b) & ~where));
}

static void lanes_softmax_row(size_t columns, const float *z, const int32_t *classes,
                              const float *scale, float *out, float *loss)
{
    vf part[KERNEL_PAD] = {{0}}, top = vf_load(z), right = top, factor;
    vi class;

    memcpy(&class, classes, sizeof class);
    for (size_t j = 1; j < columns; j++) {
        vf x = vf_load(z + j * LANES);

        top = vf_max(x, top);
        right = vf_select((vi)(class == (int32_t)j), x, right);
    }
    for (size_t j = 0; j < columns; j++) {
        vf e = vf_exp(vf_load(z + j * LANES) - top);

        part[j % KERNEL_PAD] += e;
        vf_store(out + j * LANES, e);
    }
    for (size_t apart = KERNEL_PAD / 2; apart > 0; apart /= 2)
        for (size_t i = 0; i < apart && i + apart < columns; i++)
            part[i] += part[i + apart];
    vf_store(loss, vf_log(part[0]) - (right - top));
    factor = (scale ? vf_load(scale) : vf_set(1.0f)) / part[0];
    for (size_t j = 0; j < columns; j++) {
        vf p = vf_load(out + j * LANES) * factor;

        if (scale)
            p = vf_select((vi)(class == (int32_t)j), p - vf_load(scale), p);
        vf_store(out + j * LANES, p);
    }
}

static void lanes_softmax(size_t rows, size_t columns, const float *z, const int32_t *classes,
                          const float *scale, float *out, float *loss)
{
    size_t row = lanes_stride(columns) * LANES;

    for (size_t i = 0; i < rows; i++)
        lanes_softmax_row(columns, z + i * row, classes + i * LANES,
                          scale ? scale + i * LANES : NULL, out + i * row, loss + i * LANES);
}

static void lanes_sigmoid(size_t rows, const float *z, const int32_t *classes, const float *scale,
                          float *dz, float *loss)
{
    for (size_t i = 0; i < rows * LANES; i += LANES) {
        vf x = vf_load(z + i), t, slope;
        vi class, second;

        memcpy(&class, classes + i, sizeof class);
        second = (vi)(class != 0);
        t = vf_select(second, -x, x);
        slope = vf_logistic(t);
        vf_store(loss + i, vf_softplus(t));
        vf_store(dz + i, vf_select(second, -slope, slope) * vf_load(scale + i));
    }
}

static void lanes_add(const int32_t *height, const float *loss, const double *weight, double *sum)
{
    size_t common = (size_t)height[0];
    vd part[2], by[2];

    for (size_t l = 1; l < LANES; l++)
        common = smaller(common, (size_t)height[l]);
    memcpy(part, sum, sizeof part);
    for (size_t i = 0; i < common; i++) {
        vd low = vd_load(loss + i * LANES), high = vd_load(loss + i * LANES + LANES / 2);

        if (weight) {
            memcpy(by, weight + i * LANES, sizeof by);
            low *= by[0];
            high *= by[1];
        }
        part[0] += low;
        part[1] += high;
    }
    memcpy(sum, part, sizeof part);
    for (size_t l = 0; l < LANES; l++)
        for (size_t i = common; i < (size_t)height[l]; i++)
            sum[l] += (weight ? weight[i * LANES + l] : 1.0) * (double)loss[i * LANES + l];
}

static void lanes_count_outside(const int32_t *height, size_t rows, size_t columns, const float *y,
                                float low, float high, int32_t *out)
{
    size_t row = lanes_stride(columns) * LANES;
    vi most, count = {0};

    memcpy(&most, height, sizeof most);
    for (size_t i = 0; i < rows; i++) {
        vi within = (vi)(most > (int32_t)i);

        for (size_t j = 0; j < columns; j++) {
            vf x = vf_load(y + i * row + j * LANES);

            count -= ((vi)(x <= vf_set(low)) | (vi)(x >= vf_set(high))) & within;
        }
    }
    memcpy(out, &count, sizeof count);
}

static void lanes_count_alive(size_t rows, size_t columns, const float *y, int32_t *out)
{
    size_t row = lanes_stride(columns) * LANES;
    vi count = {0};

    for (size_t j = 0; j < columns; j++) {
        vi alive = {0};

        for (size_t i = 0; i < rows; i++)
            alive |= (vi)(vf_load(y + i * row + j * LANES) != vf_set(0.0f));
        count -= alive;
    }
    memcpy(out, &count, sizeof count);
}

static void lanes_interleave(const float *const *from, size_t columns, float *out)
{
    for (size_t j = 0; j < columns; j += BLOCK) {
        size_t height = smaller(columns - j, BLOCK);

        for (size_t l = 0; l < LANES; l += BLOCK) {
            UNINITIALIZED v8 r[BLOCK];

            UNROLL for (size_t i = 0; i < BLOCK; i++) r[i] = load_8(from[l + i] + j);
            transpose_8(r);
            UNROLL for (size_t i = 0; i < BLOCK; i++)
            {
                if (i < height)
                    store_8(out + (j + i) * LANES + l, r[i]);
            }
        }
    }
}

const struct lanes FUSED = {
    .n = LANES,
    .forward = lanes_forward,
    .backward = lanes_backward,
    .gradient = lanes_gradient,
    .update = lanes_update,
    .step = lanes_step,
    .square_sum = lanes_square_sum,
    .softmax = lanes_softmax,
    .sigmoid = lanes_sigmoid,
    .add = lanes_add,
    .count_outside = lanes_count_outside,
    .count_alive = lanes_count_alive,
    .interleave = lanes_interleave,
};

#endif
