#include "core/linalg/split.h"

/*
 * In multiply-adds, 25 to 50 of which take a nanosecond: what a call must have at least to be cut,
 * and a part to be one; larger parts are cut up while there is room. To share a call takes about a
 * microsecond. Other work is put in the same unit: STEP for a weight's update, MOVE for a copy,
 * CURVE for a function's value.
 */
enum { LEAST_CALL = 1 << 19, LEAST_PART = 1 << 16, MOST_PART = 1 << 24 };
enum { STEP = 32, MOVE = 8, CURVE = 32 };

/* Parts for each member, so that one who was held up leaves some to the others; rows of a part. */
enum { PARTS_EACH = 8, LEAST_ROWS = 12 };

/* Panels are dealt to groups, rows to chunks: a part is one chunk of one group. */
struct cut {
    size_t panels, rows;
    size_t groups, chunks;
};

struct piece {
    size_t panel, panel_end;
    size_t row, rows;
};

bool split_is_worth_it(size_t rows, size_t n_inputs, size_t n_outputs)
{
    return (double)rows * (double)n_inputs * (double)n_outputs >= LEAST_CALL;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* False where the call is better left whole. */
static bool make_cut(struct team *t, size_t work, size_t panels, size_t rows, struct cut *c)
{
    size_t members, parts;

    if (!t || work < LEAST_CALL)
        return false;
    members = team_muster(t);
    if (members == 1)
        return false;
    parts = members * PARTS_EACH > work / MOST_PART ? members * PARTS_EACH : work / MOST_PART;
    parts = smaller(smaller(parts, TEAM_MAX_PARTS), work / LEAST_PART);
    *c = (struct cut){.panels = panels, .rows = rows, .groups = smaller(panels, parts)};
    c->chunks = smaller((parts + c->groups - 1) / c->groups, TEAM_MAX_PARTS / c->groups);
    if (c->chunks * LEAST_ROWS > rows)
        c->chunks = rows / LEAST_ROWS > 0 ? rows / LEAST_ROWS : 1;
    return true;
}

static struct piece piece_of(const struct cut *c, size_t part)
{
    size_t group = part / c->chunks, chunk = part % c->chunks, row = chunk * c->rows / c->chunks;

    return (struct piece){
        .panel = group * c->panels / c->groups,
        .panel_end = (group + 1) * c->panels / c->groups,
        .row = row,
        .rows = (chunk + 1) * c->rows / c->chunks - row,
    };
}

/* One call; what it does not need is not set. */
struct call {
    struct cut cut;
    const struct kernel *k;
    size_t rows;
    const float *x;
    size_t x_stride;
    const struct kernel_pair *in;
    const struct panels *p, *pt;
    const float *w;
    enum kernel_function f;
    const float *y;
    float *out;
    size_t out_stride;
    bool add;
    const float *start;
    float scale;
    const struct kernel_update *u;
    float *a, *b;
};

static void run(struct team *t, team_work *part, struct call *c)
{
    team_run(t, c->cut.groups * c->cut.chunks, part, c);
}

static void forward_part(void *ctx, size_t part)
{
    const struct call *c = ctx;
    struct piece s = piece_of(&c->cut, part);

    for (size_t i = s.panel; i < s.panel_end; i++) {
        struct panels p = panels_one(c->p, i);
        size_t column = panels_first(c->p, i) * p.lanes;

        c->k->forward(s.rows, c->x + s.row * c->x_stride, c->x_stride, &p, c->w + column * p.rows,
                      c->f, c->out + s.row * c->out_stride + column, c->out_stride);
    }
}

void split_forward(struct team *t, const struct kernel *k, size_t rows, const float *x,
                   size_t x_stride, const struct panels *p, const float *w, enum kernel_function f,
                   float *y, size_t y_stride)
{
    struct cut cut;

    if (!make_cut(t, rows * p->rows * p->columns, p->n, rows, &cut)) {
        k->forward(rows, x, x_stride, p, w, f, y, y_stride);
        return;
    }
    run(t, forward_part,
        &(struct call){
            .cut = cut,
            .k = k,
            .x = x,
            .x_stride = x_stride,
            .p = p,
            .w = w,
            .f = f,
            .out = y,
            .out_stride = y_stride,
        });
}

static void backward_part(void *ctx, size_t part)
{
    const struct call *c = ctx;
    struct piece s = piece_of(&c->cut, part);

    for (size_t i = s.panel; i < s.panel_end; i++) {
        struct panels pt = panels_one(c->pt, i);
        size_t column = panels_first(c->pt, i) * pt.lanes, at = s.row * c->out_stride + column;

        c->k->backward(s.rows, c->x + s.row * c->x_stride, c->x_stride, &pt,
                       c->w + column * pt.rows, c->f, c->y + at, c->out + at, c->out_stride);
    }
}

void split_backward(struct team *t, const struct kernel *k, size_t rows, const float *dz,
                    size_t dz_stride, const struct panels *pt, const float *wt,
                    enum kernel_function f, const float *y, float *dx, size_t dx_stride)
{
    struct cut cut;

    if (!make_cut(t, rows * pt->rows * pt->columns, pt->n, rows, &cut)) {
        k->backward(rows, dz, dz_stride, pt, wt, f, y, dx, dx_stride);
        return;
    }
    run(t, backward_part,
        &(struct call){
            .cut = cut,
            .k = k,
            .x = dz,
            .x_stride = dz_stride,
            .pt = pt,
            .w = wt,
            .f = f,
            .y = y,
            .out = dx,
            .out_stride = dx_stride,
        });
}

/* The piece of panel i as a matrix of its own, and where it begins. The last chunk of rows of
 * weights has the biases with it. */
static struct panels weights_of(const struct call *c, const struct piece *s, size_t i, size_t *at)
{
    struct panels p = panels_one(c->p, i);

    *at = panels_first(c->p, i) * p.lanes * p.rows + s->row * p.vectors * p.lanes;
    p.bare = s->row + s->rows + 1 < p.rows;
    p.rows = s->rows + !p.bare;
    return p;
}

static struct kernel_pair pair_of(const struct call *c, const struct piece *s, size_t i)
{
    struct kernel_pair in = *c->in;

    in.x += s->row;
    in.dz += panels_first(c->p, i) * c->p->lanes;
    return in;
}

static void gradient_part(void *ctx, size_t part)
{
    const struct call *c = ctx;
    struct piece s = piece_of(&c->cut, part);

    for (size_t i = s.panel; i < s.panel_end; i++) {
        struct kernel_pair in = pair_of(c, &s, i);
        size_t at;
        struct panels p = weights_of(c, &s, i, &at);

        c->k->gradient(&in, &p, c->add, c->out + at);
    }
}

void split_gradient(struct team *t, const struct kernel *k, const struct kernel_pair *in,
                    const struct panels *p, bool add, float *g)
{
    struct cut cut;

    if (!make_cut(t, in->rows * p->rows * p->columns, p->n, p->rows - 1, &cut)) {
        k->gradient(in, p, add, g);
        return;
    }
    run(t, gradient_part,
        &(struct call){
            .cut = cut,
            .k = k,
            .in = in,
            .p = p,
            .add = add,
            .out = g,
        });
}

static void update_part(void *ctx, size_t part)
{
    const struct call *c = ctx;
    struct piece s = piece_of(&c->cut, part);

    for (size_t i = s.panel; i < s.panel_end; i++) {
        struct kernel_pair in = pair_of(c, &s, i);
        size_t at;
        struct panels p = weights_of(c, &s, i, &at);

        c->k->update(&in, &p, c->start ? c->start + at : NULL, c->u, c->out + at,
                     c->a ? c->a + at : NULL, c->b ? c->b + at : NULL);
    }
}

void split_update(struct team *t, const struct kernel *k, const struct kernel_pair *in,
                  const struct panels *p, const float *start, const struct kernel_update *u,
                  float *w, float *a, float *b)
{
    struct cut cut;

    if (!make_cut(t, (in->rows + STEP) * p->rows * p->columns, p->n, p->rows - 1, &cut)) {
        k->update(in, p, start, u, w, a, b);
        return;
    }
    run(t, update_part,
        &(struct call){
            .cut = cut,
            .k = k,
            .in = in,
            .p = p,
            .start = start,
            .u = u,
            .out = w,
            .a = a,
            .b = b,
        });
}

static void step_part(void *ctx, size_t part)
{
    const struct call *c = ctx;
    struct piece s = piece_of(&c->cut, part);

    for (size_t i = s.panel; i < s.panel_end; i++) {
        size_t at;
        struct panels p = weights_of(c, &s, i, &at);

        c->k->step(&p, c->start + at, c->scale, c->u, c->out + at, c->a ? c->a + at : NULL,
                   c->b ? c->b + at : NULL);
    }
}

void split_step(struct team *t, const struct kernel *k, const struct panels *p, const float *g,
                float scale, const struct kernel_update *u, float *w, float *a, float *b)
{
    struct cut cut;

    if (!make_cut(t, STEP * p->rows * p->columns, p->n, p->rows - 1, &cut)) {
        k->step(p, g, scale, u, w, a, b);
        return;
    }
    run(t, step_part,
        &(struct call){
            .cut = cut,
            .k = k,
            .p = p,
            .start = g,
            .scale = scale,
            .u = u,
            .out = w,
            .a = a,
            .b = b,
        });
}

/* Panels of W are dealt out, so that whoever has just updated one reads it from its own cache;
 * where one crosses a panel of W^T lies one block of each. */
static void transpose_part(void *ctx, size_t part)
{
    const struct call *c = ctx;
    struct piece s = piece_of(&c->cut, part);

    for (size_t i = s.panel; i < s.panel_end; i++) {
        struct panels p = panels_one(c->p, i);
        size_t output = panels_first(c->p, i) * p.lanes;

        for (size_t j = 0; j < c->pt->n; j++) {
            struct panels pt = panels_one(c->pt, j);
            size_t input = panels_first(c->pt, j) * pt.lanes;

            c->k->transpose(&p, c->w + output * p.rows + input * p.vectors * p.lanes, &pt,
                            c->out + input * pt.rows + output * pt.vectors * pt.lanes);
        }
    }
}

void split_transpose(struct team *t, const struct kernel *k, const struct panels *p, const float *w,
                     const struct panels *pt, float *wt)
{
    struct cut cut;

    if (!make_cut(t, MOVE * p->rows * p->columns, p->n, 1, &cut)) {
        k->transpose(p, w, pt, wt);
        return;
    }
    run(t, transpose_part,
        &(struct call){
            .cut = cut,
            .k = k,
            .p = p,
            .w = w,
            .pt = pt,
            .out = wt,
        });
}

static void map_part(void *ctx, size_t part)
{
    const struct call *c = ctx;
    struct piece s = piece_of(&c->cut, part);
    size_t at = s.row * KERNEL_PAD;

    c->k->map(c->f, smaller(s.rows * KERNEL_PAD, c->rows - at), c->x + at, c->out + at);
}

void split_map(struct team *t, const struct kernel *k, enum kernel_function f, size_t n,
               const float *x, float *y)
{
    struct cut cut;

    if (!make_cut(t, CURVE * n, 1, (n + KERNEL_PAD - 1) / KERNEL_PAD, &cut)) {
        k->map(f, n, x, y);
        return;
    }
    run(t, map_part,
        &(struct call){
            .cut = cut,
            .k = k,
            .f = f,
            .rows = n,
            .x = x,
            .out = y,
        });
}

struct row_call {
    struct cut cut;
    split_work *work;
    void *ctx;
};

static void rows_part(void *ctx, size_t part)
{
    const struct row_call *c = ctx;
    struct piece s = piece_of(&c->cut, part);

    c->work(c->ctx, s.row, s.row + s.rows);
}

void split_rows(struct team *t, size_t moves, size_t rows, split_work *work, void *ctx)
{
    struct row_call c = {.work = work, .ctx = ctx};

    if (make_cut(t, MOVE * moves, 1, rows, &c.cut))
        team_run(t, c.cut.chunks, rows_part, &c);
    else
        work(ctx, 0, rows);
}
