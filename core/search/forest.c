#include "core/search/forest.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/rng.h"

/* ---- growing ------------------------------------------------------------------------------- */

/* Rows of a node: order[begin .. end) of each column. */
struct part {
    size_t begin, end, depth;
    uint32_t node;
};

struct sorted {
    double x;
    uint32_t i;
};

/* Sums over the categories of one column in one node. */
struct sums {
    double y;
    size_t n;
};

struct grower {
    const struct forest_data *data;
    struct rng rng;
    size_t m;            /* rows of a sample */
    uint32_t *row;       /* (m) of the data */
    uint32_t *order;     /* (d, m) places in the sample, by the column's value within each node */
    uint32_t *swap;      /* (m) */
    bool *goes_left;     /* (m) by place */
    uint32_t *columns;   /* (d) in the order in which a node looks at them */
    struct sorted *sort; /* (m) */
    struct sums *sums;   /* (most categories) */
    struct part *stack;  /* (m + 1) */
    struct forest_node *nodes;
    size_t n_nodes;
};

struct cut {
    double gain; /* of squared sums over counts, over that of the whole */
    int32_t column;
    double threshold;
    size_t category;
};

static double value_at(const struct grower *g, uint32_t place, size_t column)
{
    return g->data->x[g->row[place] * g->data->d + column];
}

static double y_at(const struct grower *g, uint32_t place)
{
    return g->data->y[g->row[place]];
}

static int compare(const void *a, const void *b)
{
    const struct sorted *p = a, *q = b;

    return p->x < q->x ? -1 : p->x > q->x ? 1 : p->i < q->i ? -1 : p->i > q->i;
}

/* Draws the sample and sorts its places by each column. */
static void draw(struct grower *g, bool *is_in_bag)
{
    for (size_t i = 0; i < g->m; i++) {
        g->row[i] = rng_below(&g->rng, (uint32_t)g->data->n);
        is_in_bag[g->row[i]] = true;
    }
    for (size_t j = 0; j < g->data->d; j++) {
        for (uint32_t i = 0; i < g->m; i++)
            g->sort[i] = (struct sorted){value_at(g, i, j), i};
        qsort(g->sort, g->m, sizeof *g->sort, compare);
        for (size_t i = 0; i < g->m; i++)
            g->order[j * g->m + i] = g->sort[i].i;
    }
}

static double square_over(double sum, size_t n)
{
    return sum * sum / (double)n;
}

static void try_numbers(const struct grower *g, const struct part *p, size_t column, double sum,
                        struct cut *best)
{
    const uint32_t *order = g->order + column * g->m;
    size_t n = p->end - p->begin;
    double left = 0.0, x = value_at(g, order[p->begin], column);

    for (size_t i = 1; i < n; i++) {
        double next = value_at(g, order[p->begin + i], column), gain;

        left += y_at(g, order[p->begin + i - 1]);
        if (next > x) {
            gain = square_over(left, i) + square_over(sum - left, n - i);
            if (gain > best->gain) {
                double middle = 0.5 * (x + next);

                *best = (struct cut){gain, (int32_t)column, middle < next ? middle : x, 0};
            }
        }
        x = next;
    }
}

static void try_categories(const struct grower *g, const struct part *p, size_t column, double sum,
                           struct cut *best)
{
    const uint32_t *order = g->order + column * g->m;
    size_t n = p->end - p->begin, n_categories = g->data->categories[column];

    memset(g->sums, 0, n_categories * sizeof *g->sums);
    for (size_t i = p->begin; i < p->end; i++) {
        struct sums *s = &g->sums[(size_t)value_at(g, order[i], column)];

        s->y += y_at(g, order[i]);
        s->n++;
    }
    for (size_t c = 0; c < n_categories; c++) {
        const struct sums *s = &g->sums[c];
        double gain;

        if (s->n == 0 || s->n == n)
            continue;
        gain = square_over(s->y, s->n) + square_over(sum - s->y, n - s->n);
        if (gain > best->gain)
            *best = (struct cut){gain, (int32_t)column, 0.0, c};
    }
}

/* The cut that leaves the least squares; its column is FOREST_LEAF where none helps. Of equal ones
 * that of the column looked at first, in an order drawn for each node. */
static struct cut choose(struct grower *g, const struct part *p, double *mean)
{
    size_t n = p->end - p->begin;
    double sum = 0.0, squares = 0.0;
    struct cut best = {.column = FOREST_LEAF};

    for (size_t i = p->begin; i < p->end; i++)
        sum += y_at(g, g->order[i]);
    *mean = sum / (double)n;
    for (size_t i = p->begin; i < p->end; i++)
        squares += (y_at(g, g->order[i]) - *mean) * (y_at(g, g->order[i]) - *mean);
    if (n < 2 || p->depth >= FOREST_DEPTH || squares <= 1e-14 * (double)n)
        return best;
    best.gain = square_over(sum, n) + 1e-12 * squares;
    rng_shuffle(&g->rng, g->columns, g->data->d);
    for (size_t k = 0; k < g->data->d; k++) {
        size_t column = g->columns[k];

        if (g->data->categories[column] > 0)
            try_categories(g, p, column, sum, &best);
        else
            try_numbers(g, p, column, sum, &best);
    }
    return best;
}

static bool is_left(const struct forest_node *node, const size_t *categories, double x)
{
    return categories[node->column] > 0 ? (size_t)x == node->category : x <= node->threshold;
}

/* Divides the rows of a node, in each column's order; returns where the right part begins. */
static size_t divide(struct grower *g, const struct part *p, const struct forest_node *node)
{
    size_t middle = p->begin;

    for (size_t i = p->begin; i < p->end; i++) {
        uint32_t place = g->order[i];

        g->goes_left[place] =
            is_left(node, g->data->categories, value_at(g, place, (size_t)node->column));
        middle += g->goes_left[place];
    }
    for (size_t j = 0; j < g->data->d; j++) {
        uint32_t *order = g->order + j * g->m;
        size_t left = p->begin, right = 0;

        for (size_t i = p->begin; i < p->end; i++)
            if (g->goes_left[order[i]])
                order[left++] = order[i];
            else
                g->swap[right++] = order[i];
        memcpy(order + left, g->swap, right * sizeof *order);
    }
    return middle;
}

static enum err grow_tree(struct grower *g, struct forest_tree *out, struct error *e)
{
    size_t n_stack = 0;

    g->n_nodes = 1;
    g->stack[n_stack++] = (struct part){0, g->m, 0, 0};
    while (n_stack > 0) {
        struct part p = g->stack[--n_stack];
        struct forest_node *node = &g->nodes[p.node];
        struct cut cut = choose(g, &p, &node->value);
        size_t middle;

        node->column = cut.column;
        if (cut.column == FOREST_LEAF)
            continue;
        node->threshold = cut.threshold;
        node->category = cut.category;
        node->left = (uint32_t)g->n_nodes++;
        node->right = (uint32_t)g->n_nodes++;
        middle = divide(g, &p, node);
        g->stack[n_stack++] = (struct part){p.begin, middle, p.depth + 1, node->left};
        g->stack[n_stack++] = (struct part){middle, p.end, p.depth + 1, node->right};
    }
    out->nodes = calloc(g->n_nodes, sizeof *out->nodes);
    if (!out->nodes)
        return error_no_memory(e);
    memcpy(out->nodes, g->nodes, g->n_nodes * sizeof *out->nodes);
    out->n = g->n_nodes;
    return ERR_OK;
}

double forest_value(const struct forest_tree *t, const size_t *categories, const double *row)
{
    const struct forest_node *node = t->nodes;

    while (node->column != FOREST_LEAF)
        node = t->nodes + (is_left(node, categories, row[node->column]) ? node->left : node->right);
    return node->value;
}

/* ---- the forest ---------------------------------------------------------------------------- */

static enum err grower_init(struct grower *g, const struct forest_data *data, size_t sample,
                            struct arena *a, struct error *e)
{
    size_t most = 1;

    for (size_t j = 0; j < data->d; j++)
        most = data->categories[j] > most ? data->categories[j] : most;
    *g = (struct grower){.data = data, .m = sample};
    g->row = arena_alloc(a, sample, sizeof *g->row);
    g->order = arena_alloc(a, mem_size(sample, data->d), sizeof *g->order);
    g->swap = arena_alloc(a, sample, sizeof *g->swap);
    g->goes_left = arena_alloc(a, sample, sizeof *g->goes_left);
    g->columns = arena_alloc(a, data->d, sizeof *g->columns);
    g->sort = arena_alloc(a, sample, sizeof *g->sort);
    g->sums = arena_alloc(a, most, sizeof *g->sums);
    g->stack = arena_alloc(a, sample + 1, sizeof *g->stack);
    g->nodes = arena_alloc(a, 2 * sample, sizeof *g->nodes);
    if (!g->row || !g->order || !g->swap || !g->goes_left || !g->columns || !g->sort || !g->sums ||
        !g->stack || !g->nodes)
        return error_no_memory(e);
    return ERR_OK;
}

/* Rows out of the bag get what this tree says of them. */
static void judge(const struct forest_tree *t, const struct forest_data *data,
                  const bool *is_in_bag, struct sums *said)
{
    for (size_t i = 0; i < data->n; i++)
        if (!is_in_bag[i]) {
            said[i].y += forest_value(t, data->categories, data->x + i * data->d);
            said[i].n++;
        }
}

static double r_squared(const struct forest_data *data, const struct sums *said)
{
    double mean = 0.0, total = 0.0, left = 0.0;
    size_t n = 0;

    for (size_t i = 0; i < data->n; i++)
        if (said[i].n > 0) {
            mean += data->y[i];
            n++;
        }
    mean /= (double)n;
    for (size_t i = 0; i < data->n; i++)
        if (said[i].n > 0) {
            double error = data->y[i] - said[i].y / (double)said[i].n;

            left += error * error;
            total += (data->y[i] - mean) * (data->y[i] - mean);
        }
    return n > 0 && total > 0.0 ? 1.0 - left / total : (double)NAN;
}

static enum err grow(struct forest *f, const struct forest_data *data, size_t sample, uint64_t seed,
                     struct error *e)
{
    CLEANUP(arena_end) struct arena *a = NULL;
    struct grower g;
    struct sums *said;
    bool *is_in_bag;

    TRY(arena_create((size_t)1 << 16, &a, e));
    TRY(grower_init(&g, data, sample, a, e));
    said = arena_alloc(a, data->n, sizeof *said);
    is_in_bag = arena_alloc(a, data->n, sizeof *is_in_bag);
    if (!said || !is_in_bag)
        return error_no_memory(e);
    memset(said, 0, data->n * sizeof *said);
    for (size_t i = 0; i < f->n_trees; i++) {
        rng_init(&g.rng, seed, 0, 0, RNG_IMPORTANCE, (uint32_t)i);
        for (uint32_t j = 0; j < data->d; j++)
            g.columns[j] = j;
        memset(is_in_bag, 0, data->n * sizeof *is_in_bag);
        draw(&g, is_in_bag);
        TRY(grow_tree(&g, &f->trees[i], e));
        judge(&f->trees[i], data, is_in_bag, said);
    }
    f->r2 = r_squared(data, said);
    return ERR_OK;
}

enum err forest_grow(const struct forest_data *data, size_t n_trees, size_t sample, uint64_t seed,
                     struct forest **out, struct error *e)
{
    struct forest *f = calloc(1, sizeof *f);
    enum err failed;

    if (!f)
        return error_no_memory(e);
    f->trees = calloc(n_trees, sizeof *f->trees);
    f->n_trees = f->trees ? n_trees : 0;
    failed = f->trees ? grow(f, data, sample, seed, e) : error_no_memory(e);
    if (failed != ERR_OK) {
        forest_destroy(f);
        return failed;
    }
    *out = f;
    return ERR_OK;
}

void forest_destroy(struct forest *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->n_trees; i++)
        free(f->trees[i].nodes);
    free(f->trees);
    free(f);
}

/* ---- explained variance -------------------------------------------------------------------- */

/* A column of a tree: its cells, and the tree's mean over all other columns in each, but for what
 * leaves add that do not cut the column. */
struct marginal {
    size_t n;      /* cells */
    double *ends;  /* (n) of numbers: where each ends; the last is 1 */
    double *mean;  /* (n) of numbers: what a cell has more than the one before it */
    bool *is_in;   /* (n) of categories: in the box that is being looked at */
    double lo, hi; /* of numbers: the box */
    size_t n_in;   /* of categories: how many are in it */
};

struct walk {
    const struct forest_tree *tree;
    const size_t *categories;
    size_t d;
    struct marginal *columns; /* (d) */
    double *weight;           /* (n of the tree) volumes of leaves; 0 for others */
};

static int compare_numbers(const void *a, const void *b)
{
    double p = *(const double *)a, q = *(const double *)b;

    return p < q ? -1 : p > q;
}

static double share(const struct walk *w, size_t j)
{
    const struct marginal *m = &w->columns[j];

    return w->categories[j] > 0 ? (double)m->n_in / (double)m->n : m->hi - m->lo;
}

/* The cell that begins at x, 0 or one of the ends. */
static size_t cell_from(const struct marginal *m, double x)
{
    size_t low = 0, high = m->n;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (m->ends[middle] <= x)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void add_leaf(struct walk *w, uint32_t at)
{
    double volume = 1.0;

    for (size_t j = 0; j < w->d; j++)
        volume *= share(w, j);
    w->weight[at] = volume;
    for (size_t j = 0; j < w->d; j++) {
        struct marginal *m = &w->columns[j];
        double more = w->tree->nodes[at].value * volume / share(w, j);

        if (w->categories[j] > 0) {
            if (m->n_in < m->n)
                for (size_t c = 0; c < m->n; c++)
                    m->mean[c] += m->is_in[c] ? more : 0.0;
        } else if (m->lo > 0.0 || m->hi < 1.0) {
            m->mean[cell_from(m, m->lo)] += more;
            if (m->hi < 1.0)
                m->mean[cell_from(m, m->hi)] -= more;
        }
    }
}

static void visit(struct walk *w, uint32_t at);

static void visit_numbers(struct walk *w, const struct forest_node *node, struct marginal *m)
{
    double lo = m->lo, hi = m->hi;

    m->hi = node->threshold;
    visit(w, node->left);
    m->lo = node->threshold;
    m->hi = hi;
    visit(w, node->right);
    m->lo = lo;
}

/* One category to the left, the rest of the box to the right. */
static void visit_categories(struct walk *w, const struct forest_node *node, struct marginal *m)
{
    bool *box = m->is_in, only[FOREST_CATEGORIES_MAX] = {false};
    size_t n_in = m->n_in;

    only[node->category] = true;
    m->is_in = only;
    m->n_in = 1;
    visit(w, node->left);
    m->is_in = box;
    m->n_in = n_in - 1;
    box[node->category] = false;
    visit(w, node->right);
    box[node->category] = true;
    m->n_in = n_in;
}

/* At most FOREST_DEPTH deep. */
static void visit(struct walk *w, uint32_t at)
{
    const struct forest_node *node = &w->tree->nodes[at];
    struct marginal *m;

    if (node->column == FOREST_LEAF) {
        add_leaf(w, at);
        return;
    }
    m = &w->columns[node->column];
    if (w->categories[node->column] > 0)
        visit_categories(w, node, m);
    else
        visit_numbers(w, node, m);
}

/* The ends of the cells of a column of numbers: where the tree cuts it, each once. */
static void find_ends(const struct forest_tree *t, size_t column, struct marginal *m)
{
    size_t n = 0, unique = 0;

    for (size_t i = 0; i < t->n; i++)
        if (t->nodes[i].column == (int32_t)column)
            m->ends[n++] = t->nodes[i].threshold;
    qsort(m->ends, n, sizeof *m->ends, compare_numbers);
    for (size_t i = 0; i < n; i++)
        if (unique == 0 || m->ends[i] > m->ends[unique - 1])
            m->ends[unique++] = m->ends[i];
    m->ends[unique] = 1.0;
    m->n = unique + 1;
}

static enum err begin_column(struct walk *w, size_t j, size_t n_cuts, struct arena *a,
                             struct error *e)
{
    struct marginal *m = &w->columns[j];
    size_t n = w->categories[j] > 0 ? w->categories[j] : n_cuts + 1;

    *m = (struct marginal){.n = n, .hi = 1.0, .n_in = n};
    m->mean = arena_alloc(a, n, sizeof *m->mean);
    m->ends = arena_alloc(a, n, sizeof *m->ends);
    m->is_in = arena_alloc(a, n, sizeof *m->is_in);
    if (!m->mean || !m->ends || !m->is_in)
        return error_no_memory(e);
    for (size_t c = 0; c < n; c++) {
        m->mean[c] = m->ends[c] = 0.0;
        m->is_in[c] = true;
    }
    if (w->categories[j] == 0)
        find_ends(w->tree, j, m);
    return ERR_OK;
}

/* The variance of a column's means over its cells. */
static double variance_of(const struct walk *w, size_t j)
{
    const struct marginal *m = &w->columns[j];
    bool numbers = w->categories[j] == 0;
    double mean = 0.0, squares = 0.0, begin = 0.0;

    for (size_t c = 1; numbers && c < m->n; c++)
        m->mean[c] += m->mean[c - 1];
    for (size_t c = 0; c < m->n; c++) {
        mean += m->mean[c] * (numbers ? m->ends[c] - begin : 1.0 / (double)m->n);
        begin = m->ends[c];
    }
    begin = 0.0;
    for (size_t c = 0; c < m->n; c++) {
        double off = m->mean[c] - mean;

        squares += off * off * (numbers ? m->ends[c] - begin : 1.0 / (double)m->n);
        begin = m->ends[c];
    }
    return squares;
}

static double total_variance(const struct walk *w)
{
    double mean = 0.0, squares = 0.0;

    for (size_t i = 0; i < w->tree->n; i++)
        mean += w->weight[i] * w->tree->nodes[i].value;
    for (size_t i = 0; i < w->tree->n; i++) {
        double off = w->tree->nodes[i].value - mean;

        squares += w->weight[i] * off * off;
    }
    return squares;
}

enum err forest_variance(const struct forest_tree *t, const size_t *categories, size_t d,
                         double *total, double *explained, struct error *e)
{
    CLEANUP(arena_end) struct arena *a = NULL;
    struct walk w = {.tree = t, .categories = categories, .d = d};
    size_t *n_cuts;

    TRY(arena_create((size_t)1 << 14, &a, e));
    n_cuts = arena_alloc(a, d, sizeof *n_cuts);
    w.columns = arena_alloc(a, d, sizeof *w.columns);
    w.weight = arena_alloc(a, t->n, sizeof *w.weight);
    if (!n_cuts || !w.columns || !w.weight)
        return error_no_memory(e);
    memset(n_cuts, 0, d * sizeof *n_cuts);
    for (size_t i = 0; i < t->n; i++) {
        w.weight[i] = 0.0;
        if (t->nodes[i].column != FOREST_LEAF)
            n_cuts[t->nodes[i].column]++;
    }
    for (size_t j = 0; j < d; j++)
        TRY(begin_column(&w, j, n_cuts[j], a, e));
    visit(&w, 0);
    *total = total_variance(&w);
    for (size_t j = 0; j < d; j++)
        explained[j] = variance_of(&w, j);
    return ERR_OK;
}
