/*
 * The second half of kernel_body.h: what goes row by row or element by element, sums of squares,
 * and the transposition of weights.
 */
#ifndef SWEEPD_CORE_LINALG_KERNEL_ROWS_H
#define SWEEPD_CORE_LINALG_KERNEL_ROWS_H

enum { PARTS = KERNEL_PAD / LANES, BLOCK = 8 };

typedef float v8 __attribute__((vector_size(32)));
typedef float v4 __attribute__((vector_size(16)));
typedef float v8_unaligned __attribute__((vector_size(32), aligned(4), may_alias));

INLINE v8 load_8(const float *p)
{
    return (v8) * (const v8_unaligned *)p;
}

INLINE void store_8(float *p, v8 x)
{
    *(v8_unaligned *)p = (v8_unaligned)x;
}

/* 8 x 8 in registers: pairs, then fours, then halves. */
INLINE void transpose_8(v8 r[BLOCK])
{
    UNINITIALIZED v8 q[BLOCK];

    UNROLL for (size_t i = 0; i < BLOCK; i += 2)
    {
        q[i] = __builtin_shufflevector(r[i], r[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
        q[i + 1] = __builtin_shufflevector(r[i], r[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
    }
    UNROLL for (size_t i = 0; i < BLOCK; i += 4) UNROLL for (size_t j = 0; j < 2; j++)
    {
        v8 low = q[i + j], high = q[i + j + 2];

        r[i + 2 * j] = __builtin_shufflevector(low, high, 0, 1, 8, 9, 4, 5, 12, 13);
        r[i + 2 * j + 1] = __builtin_shufflevector(low, high, 2, 3, 10, 11, 6, 7, 14, 15);
    }
    UNROLL for (size_t i = 0; i < 4; i++)
    {
        q[i] = __builtin_shufflevector(r[i], r[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
        q[i + 4] = __builtin_shufflevector(r[i], r[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
    }
    UNROLL for (size_t i = 0; i < BLOCK; i++) r[i] = q[i];
}

/* Writes S^T into T for a block of 8 x 8. The first `rows` rows of T are stored. */
INLINE void transpose_block(const float *s, size_t s_row, float *t, size_t t_row, size_t rows)
{
    UNINITIALIZED v8 r[BLOCK];

    UNROLL for (size_t i = 0; i < BLOCK; i++) r[i] = load_8(s + i * s_row);
    transpose_8(r);
    UNROLL for (size_t i = 0; i < BLOCK; i++)
    {
        if (i < rows)
            store_8(t + i * t_row, r[i]);
    }
}

static void transpose_edge(const float *s, size_t s_row, float *t, size_t t_row, size_t rows,
                           size_t columns)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < columns; j++)
            t[i * t_row + j] = s[j * s_row + i];
}

/* One panel of W against one of W^T: `rows` outputs by `columns` inputs of what is real. */
static void transpose_panels(const float *s, size_t s_row, float *t, size_t t_row, size_t rows,
                             size_t columns)
{
    for (size_t i = 0; i < rows; i += BLOCK) {
        size_t height = rows - i < BLOCK ? rows - i : BLOCK;

        for (size_t j = 0; j < columns; j += BLOCK) {
            const float *from = s + j * s_row + i;
            float *to = t + i * t_row + j;

            if (columns - j >= BLOCK)
                transpose_block(from, s_row, to, t_row, height);
            else
                transpose_edge(from, s_row, to, t_row, height, columns - j);
        }
    }
}

INLINE size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void transpose(const struct panels *p, const float *w, const struct panels *pt, float *wt)
{
    for (size_t i = 0; i < pt->n; i++) {
        size_t input = panels_first(pt, i) * LANES, width = panels_first(pt, i + 1) * LANES - input;
        size_t columns = smaller(width, pt->columns - input);

        for (size_t j = 0; j < p->n; j++) {
            size_t output = panels_first(p, j) * LANES;
            size_t breadth = panels_first(p, j + 1) * LANES - output;

            transpose_panels(w + output * p->rows + input * breadth, breadth,
                             wt + input * pt->rows + output * width, width,
                             smaller(breadth, p->columns - output), columns);
        }
    }
}

INLINE void map_with(const enum kernel_function f, size_t n, const float *x, float *y)
{
    float rest[LANES] = {0};
    size_t i = 0;

    for (; i + LANES <= n; i += LANES)
        vf_store(y + i, vf_apply(f, vf_load(x + i)));
    if (i == n)
        return;
    memcpy(rest, x + i, (n - i) * sizeof *rest);
    vf_store(rest, vf_apply(f, vf_load(rest)));
    memcpy(y + i, rest, (n - i) * sizeof *rest);
}

/* WITH(f) for the function f, each with a constant of its own. */
#define EACH_FUNCTION(WITH)                                                                        \
    WITH(KERNEL_IDENTITY)                                                                          \
    WITH(KERNEL_RELU)                                                                              \
    WITH(KERNEL_TANH)                                                                              \
    WITH(KERNEL_LOGISTIC)                                                                          \
    WITH(KERNEL_LEAKY_RELU)                                                                        \
    WITH(KERNEL_ELU)                                                                               \
    WITH(KERNEL_SELU)                                                                              \
    WITH(KERNEL_SOFTPLUS)                                                                          \
    WITH(KERNEL_SOFTSIGN)                                                                          \
    WITH(KERNEL_HARD_SIGMOID)                                                                      \
    WITH(KERNEL_GELU)                                                                              \
    WITH(KERNEL_SILU)                                                                              \
    WITH(KERNEL_SINE)                                                                              \
    WITH(KERNEL_EXP)                                                                               \
    WITH(KERNEL_LOG)                                                                               \
    WITH(KERNEL_ERF)

#define MAP_CASE(f)                                                                                \
    case f:                                                                                        \
        map_with(f, n, x, y);                                                                      \
        break;
#define SLOPE_CASE(f)                                                                              \
    case f:                                                                                        \
        slope_with(f, n, y, d);                                                                    \
        break;

static void map(enum kernel_function f, size_t n, const float *x, float *y)
{
    switch (f) {
        EACH_FUNCTION(MAP_CASE)
    }
}

INLINE void slope_with(const enum kernel_function f, size_t n, const float *y, float *d)
{
    float value[LANES] = {0}, rest[LANES] = {0};
    size_t i = 0;

    for (; i + LANES <= n; i += LANES)
        vf_store(d + i, vf_slope(f, vf_load(y + i), vf_load(d + i)));
    if (i == n)
        return;
    memcpy(value, y + i, (n - i) * sizeof *value);
    memcpy(rest, d + i, (n - i) * sizeof *rest);
    vf_store(rest, vf_slope(f, vf_load(value), vf_load(rest)));
    memcpy(d + i, rest, (n - i) * sizeof *rest);
}

static void slope(enum kernel_function f, size_t n, const float *y, float *d)
{
    switch (f) {
        EACH_FUNCTION(SLOPE_CASE)
    }
}

/* Rows are padded: whole vectors all of them. */
static void multiply(size_t n, const float *a, const float *b, float *out)
{
    for (size_t i = 0; i < n; i += LANES)
        vf_store(out + i, vf_load(a + i) * vf_load(b + i));
}

INLINE void step_with(const enum kernel_rule rule, const struct constants *c, size_t n,
                      const float *g, float *w, float *first, float *second)
{
    const bool two = rule == KERNEL_ADAM || rule == KERNEL_NADAM || rule == KERNEL_ADADELTA;

    for (size_t i = 0; i < n; i += LANES) {
        vf a = vf_set(0.0f), b = vf_set(0.0f), new;

        if (rule != KERNEL_SGD)
            a = vf_load(first + i);
        if (two)
            b = vf_load(second + i);
        new = vf_step(rule, c, vf_load(g + i), vf_load(w + i), &a, &b);
        if (rule != KERNEL_SGD)
            vf_store(first + i, a);
        if (two)
            vf_store(second + i, b);
        vf_store(w + i, new);
    }
}

#define STEP_CASE(rule)                                                                            \
    case rule:                                                                                     \
        step_with(rule, &c, n, g, w, a, b);                                                        \
        break;

/* The update of a run of weights, whole vectors all of them. */
static void run_step(const struct kernel_update *u, float scale, bool bias, size_t n,
                     const float *g, float *w, float *a, float *b)
{
    const struct constants c = constants_of(u, scale, bias);

    switch (u->rule) {
        STEP_CASE(KERNEL_SGD)
        STEP_CASE(KERNEL_MOMENTUM)
        STEP_CASE(KERNEL_NESTEROV)
        STEP_CASE(KERNEL_ADAM)
        STEP_CASE(KERNEL_NADAM)
        STEP_CASE(KERNEL_RMSPROP)
        STEP_CASE(KERNEL_ADADELTA)
    }
}

typedef double d4 __attribute__((vector_size(32)));
typedef float v4_unaligned __attribute__((vector_size(16), aligned(4), may_alias));

/* Four columns at a time, which every instruction set can widen at once. */
static d4 square_columns(size_t rows, size_t row, const float *m)
{
    d4 sum = {0};

    for (size_t k = 0; k < rows; k++) {
        d4 x = __builtin_convertvector((v4) * (const v4_unaligned *)(m + k * row), d4);

        sum += x * x;
    }
    return sum;
}

/* Padding is left out: where inputs are infinite it holds NaN. */
static double square_sum(const struct panels *p, const float *m)
{
    double lane[KERNEL_PAD];
    d4 part[KERNEL_PAD / 4] = {0};

    for (size_t i = 0; i < p->n; i++) {
        size_t from = panels_first(p, i) * LANES, width = panels_first(p, i + 1) * LANES - from;
        size_t end = smaller(width, p->columns - from);

        for (size_t j = 0; j < end; j += 4) {
            d4 sum = square_columns(p->rows, width, m + from * p->rows + j);

            for (size_t c = end - j; c < 4; c++)
                sum[c] = 0.0;
            part[(from + j) / 4 % (KERNEL_PAD / 4)] += sum;
        }
    }
    memcpy(lane, part, sizeof lane);
    for (size_t apart = KERNEL_PAD / 2; apart > 0; apart /= 2)
        for (size_t i = 0; i < apart; i++)
            lane[i] += lane[i + apart];
    return lane[0];
}

/* The fixed tree over 16 lanes: 8 apart, 4, 2, 1. */
INLINE float lane_sum(const vf part[PARTS])
{
    UNINITIALIZED float lane[KERNEL_PAD];
    v8 eight;
    v4 four;

    UNROLL for (size_t i = 0; i < PARTS; i++) vf_store(lane + i * LANES, part[i]);
    eight = load_8(lane) + load_8(lane + 8);
    four = __builtin_shufflevector(eight, eight, 0, 1, 2, 3) +
           __builtin_shufflevector(eight, eight, 4, 5, 6, 7);
    return (four[0] + four[2]) + (four[1] + four[3]);
}

INLINE float lane_max(vf x)
{
    UNINITIALIZED float lane[LANES];

    vf_store(lane, x);
    UNROLL for (size_t apart = LANES / 2; apart > 0; apart /= 2)
        UNROLL for (size_t i = 0; i < apart; i++) lane[i] =
            lane[i] > lane[i + apart] ? lane[i] : lane[i + apart];
    return lane[0];
}

/* Vector v of a row of n, minus infinity beyond its end; rows are padded, so all can be read. */
INLINE vf load_within(const float *z, size_t v, size_t n)
{
    static const int32_t index[KERNEL_PAD] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    vi lane, within;
    vf x = vf_load(z + v * LANES);

    if ((v + 1) * LANES <= n)
        return x;
    memcpy(&lane, index, sizeof lane);
    within = (vi)(lane < (int32_t)(n - v * LANES));
    return vf_from_bits((vf_bits(x) & within) | (vf_bits(vf_set(-INFINITY)) & ~within));
}

static void softmax_row(size_t n, const float *z, float scale, float *out, float *top, float *sum)
{
    size_t vectors = (n + LANES - 1) / LANES;
    vf most = load_within(z, 0, n), part[PARTS], factor;

    for (size_t v = 1; v < vectors; v++)
        most = vf_max(load_within(z, v, n), most);
    *top = lane_max(most);
    UNROLL for (size_t i = 0; i < PARTS; i++) part[i] = vf_set(0.0f);
    for (size_t v = 0; v < vectors; v++) {
        vf e = vf_exp(load_within(z, v, n) - vf_set(*top));

        part[v % PARTS] += e;
        vf_store(out + v * LANES, e);
    }
    *sum = lane_sum(part);
    factor = vf_set(scale / *sum);
    for (size_t v = 0; v < vectors; v++)
        vf_store(out + v * LANES, vf_load(out + v * LANES) * factor);
}

/* Rows that go through softmax side by side, and vectors of a column of them. */
enum { ABREAST = LANES > BLOCK ? LANES : BLOCK, COLUMN = ABREAST / LANES };

/* ABREAST rows of so many columns, rounded up to 8, into the rows of t, and back. */
INLINE void turn(size_t columns, const float *s, size_t s_row, float *t, size_t t_row)
{
    for (size_t i = 0; i < ABREAST; i += BLOCK)
        for (size_t j = 0; j < columns; j += BLOCK)
            transpose_block(s + i * s_row + j, s_row, t + j * t_row + i, t_row, BLOCK);
}

INLINE void turn_back(size_t columns, const float *s, size_t s_row, float *t, size_t t_row)
{
    for (size_t i = 0; i < ABREAST; i += BLOCK)
        for (size_t j = 0; j < columns; j += BLOCK)
            transpose_block(s + j * s_row + i, s_row, t + i * t_row + j, t_row, BLOCK);
}

/* lane_sum's tree; here its lanes are columns. */
INLINE vf column_sum(const float *e)
{
    UNINITIALIZED vf sum[KERNEL_PAD / 2];

    UNROLL for (size_t j = 0; j < KERNEL_PAD / 2; j++) sum[j] =
        vf_load(e + j * ABREAST) + vf_load(e + (j + KERNEL_PAD / 2) * ABREAST);
    UNROLL for (size_t apart = KERNEL_PAD / 4; apart > 0; apart /= 2)
        UNROLL for (size_t j = 0; j < apart; j++) sum[j] = sum[j] + sum[j + apart];
    return sum[0];
}

/* softmax_row for LANES rows whose columns are vectors, ABREAST apart. */
INLINE void softmax_lanes(size_t n, float *e, vf scale, float *top, float *sum)
{
    vf most = vf_load(e), all, factor;

    for (size_t j = 1; j < n; j++)
        most = vf_max(vf_load(e + j * ABREAST), most);
    for (size_t j = 0; j < n; j++)
        vf_store(e + j * ABREAST, vf_exp(vf_load(e + j * ABREAST) - most));
    for (size_t j = n; j < KERNEL_PAD; j++)
        vf_store(e + j * ABREAST, vf_set(0.0f));
    all = column_sum(e);
    factor = scale / all;
    for (size_t j = 0; j < n; j++)
        vf_store(e + j * ABREAST, vf_load(e + j * ABREAST) * factor);
    vf_store(top, most);
    vf_store(sum, all);
}

/* Few columns leave lanes empty: there the lanes are rows. */
static void softmax_abreast(size_t n, const float *z, size_t stride, const float *scale, float *out,
                            float *top, float *log_sum)
{
    _Alignas(64) float e[KERNEL_PAD * ABREAST] = {0};

    turn(n, z, stride, e, ABREAST);
    UNROLL for (size_t i = 0; i < COLUMN; i++)
    {
        size_t at = i * LANES;

        softmax_lanes(n, e + at, scale ? vf_load(scale + at) : vf_set(1.0f), top + at,
                      log_sum + at);
    }
    turn_back(n, e, ABREAST, out, stride);
}

static void softmax(size_t rows, size_t n, const float *z, size_t stride, const float *scale,
                    float *out, float *top, float *log_sum)
{
    size_t i = 0;

    for (; n <= KERNEL_PAD && i + ABREAST <= rows; i += ABREAST)
        softmax_abreast(n, z + i * stride, stride, scale ? scale + i : NULL, out + i * stride,
                        top + i, log_sum + i);
    for (; i < rows; i++)
        softmax_row(n, z + i * stride, scale ? scale[i] : 1.0f, out + i * stride, top + i,
                    log_sum + i);
    map_with(KERNEL_LOG, rows, log_sum, log_sum);
}

#endif
