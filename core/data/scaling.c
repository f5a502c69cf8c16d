#include "core/data/scaling.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/fmath.h"
#include "core/base/mem.h"
#include "core/data/sorted.h"

/* ---- fitting ----------------------------------------------------------------------------------
 */

static void set(struct scaling *s, double shift, double scale)
{
    s->shift = shift;
    s->scale = scale > 0 ? scale : 1;
}

typedef double d2 __attribute__((vector_size(16)));

/* Columns side by side, since each addition of a sum waits for the one before. */
enum { ABREAST = SCALING_ABREAST, PAIRS = ABREAST / 2 };

_Static_assert(ABREAST == 4, "fit_standard_abreast reads two pairs");

static void set_standard(struct scaling *s, double mean, double squares, size_t n, bool constant,
                         double first)
{
    /* A constant column's mean can be off by a rounding, and its deviation then is noise. */
    set(s, constant ? first : mean, constant ? 0 : sqrt(squares / (double)n));
}

static bool is_constant(const double *x, size_t n)
{
    size_t i = 1;

    while (i < n && x[i] == x[0])
        i++;
    return i >= n;
}

static enum err fit_standard(struct scaling *s, double *x, size_t n, struct error *e)
{
    double sum = 0, squares = 0, mean;

    (void)e; /* allocates nothing */
    for (size_t i = 0; i < n; i++)
        sum += x[i];
    mean = sum / (double)n;
    for (size_t i = 0; i < n; i++)
        squares += (x[i] - mean) * (x[i] - mean);
    set_standard(s, mean, squares, n, is_constant(x, n), x[0]);
    return ERR_OK;
}

/* fit_standard for ABREAST columns, each n behind the other. */
static void fit_standard_abreast(struct scaling *s, const double *x, size_t n)
{
    d2 sum[PAIRS] = {{0}}, squares[PAIRS] = {{0}}, mean[PAIRS];

    for (size_t i = 0; i < n; i++) {
        sum[0] += (d2){x[i], x[n + i]};
        sum[1] += (d2){x[2 * n + i], x[3 * n + i]};
    }
    for (size_t k = 0; k < PAIRS; k++)
        mean[k] = sum[k] / (double)n;
    for (size_t i = 0; i < n; i++) {
        d2 low = (d2){x[i], x[n + i]} - mean[0], high = (d2){x[2 * n + i], x[3 * n + i]} - mean[1];

        squares[0] += low * low;
        squares[1] += high * high;
    }
    for (size_t k = 0; k < ABREAST; k++)
        set_standard(s + k, mean[k / 2][k % 2], squares[k / 2][k % 2], n,
                     is_constant(x + k * n, n), x[k * n]);
}

static enum err fit_none(struct scaling *s, double *x, size_t n, struct error *e)
{
    (void)x;
    (void)n;
    (void)e;
    set(s, 0, 1);
    return ERR_OK;
}

static enum err fit_minmax(struct scaling *s, double *x, size_t n, struct error *e)
{
    double least = x[0], greatest = x[0];

    (void)e;
    for (size_t i = 1; i < n; i++) {
        least = x[i] < least ? x[i] : least;
        greatest = x[i] > greatest ? x[i] : greatest;
    }
    set(s, least, greatest - least);
    return ERR_OK;
}

static enum err fit_robust(struct scaling *s, double *x, size_t n, struct error *e)
{
    (void)e;
    sorted_make(x, n);
    set(s, sorted_quantile(x, n, 1, 2), sorted_quantile(x, n, 3, 4) - sorted_quantile(x, n, 1, 4));
    return ERR_OK;
}

static enum err fit_quantile(struct scaling *s, double *x, size_t n, struct error *e)
{
    size_t kept = n < SCALING_QUANTILES_MAX ? n : SCALING_QUANTILES_MAX;

    set(s, 0, 1);
    s->quantiles = calloc(kept, sizeof *s->quantiles);
    if (!s->quantiles)
        return error_no_memory(e);
    s->n_quantiles = kept;
    sorted_make(x, n);
    for (size_t k = 0; k < kept; k++) {
        double q = kept > 1 ? sorted_quantile(x, n, k, kept - 1) : x[0];

        /* Interpolation can be off by a rounding, and the search needs order. */
        s->quantiles[k] = k > 0 && q < s->quantiles[k - 1] ? s->quantiles[k - 1] : q;
    }
    return ERR_OK;
}

static const struct {
    const char *name;
    enum err (*fit)(struct scaling *s, double *x, size_t n, struct error *e);
} kinds[] = {
    [SCALING_STANDARD] = {"standard", fit_standard}, [SCALING_NONE] = {"none", fit_none},
    [SCALING_MINMAX] = {"minmax", fit_minmax},       [SCALING_ROBUST] = {"robust", fit_robust},
    [SCALING_QUANTILE] = {"quantile", fit_quantile},
};

enum err scaling_fit(enum scaling_kind kind, double *x, size_t n, struct scaling *out,
                     struct error *e)
{
    struct scaling s = {.kind = kind};

    TRY(kinds[kind].fit(&s, x, n, e));
    *out = s;
    return ERR_OK;
}

enum err scaling_fit_columns(enum scaling_kind kind, double *x, size_t n, size_t n_columns,
                             struct scaling *out, struct error *e)
{
    size_t k = 0;

    for (; kind == SCALING_STANDARD && k + ABREAST <= n_columns; k += ABREAST) {
        memset(out + k, 0, ABREAST * sizeof *out);
        fit_standard_abreast(out + k, x + k * n, n);
    }
    for (; k < n_columns; k++)
        TRY(scaling_fit(kind, x + k * n, n, out + k, e));
    return ERR_OK;
}

void scaling_finish(struct scaling *s)
{
    free(s->quantiles);
    memset(s, 0, sizeof *s);
}

/* ---- applying ---------------------------------------------------------------------------------
 */

/* How many quantiles are below x, or with `equal` not above it. */
static size_t count_below(const struct scaling *s, double x, bool equal)
{
    size_t low = 0, high = s->n_quantiles;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (s->quantiles[middle] < x || (equal && s->quantiles[middle] == x))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The part of the numbers fitted that is below x; among equal ones the middle of their range. */
static double probability(const struct scaling *s, double x)
{
    const double *q = s->quantiles;
    size_t last = s->n_quantiles - 1, below, upto;

    if (x == q[0] && x == q[last])
        return 0.5;
    if (x <= q[0])
        return 0;
    if (x >= q[last])
        return 1;
    below = count_below(s, x, false);
    upto = count_below(s, x, true);
    if (below < upto)
        return 0.5 * (double)(below + upto - 1) / (double)last;
    return ((double)(below - 1) + (x - q[below - 1]) / (q[below] - q[below - 1])) / (double)last;
}

/* The ends would be infinite: they are held where scikit-learn holds them. */
static double normal_score(double p)
{
    double end = 1e-7 - 0x1p-52;

    return fmath_normal_quantile(p < end ? end : p > 1 - end ? 1 - end : p);
}

double scaling_apply(const struct scaling *s, double x)
{
    if (s->quantiles)
        return normal_score(probability(s, x));
    return isfinite(s->scale) ? (x - s->shift) / s->scale : (double)NAN;
}

typedef int64_t i2 __attribute__((vector_size(16)));
typedef float f2 __attribute__((vector_size(8)));

/* Two at a time, where the scaling is a difference and a quotient. */
static void apply_two(const struct scaling *s, const double *x, const uint32_t *row, double missing,
                      float *out)
{
    d2 two = {x[row[0]], x[row[1]]}, stand_in = {missing, missing};
    i2 known = two == two;
    f2 scaled;

    two = (d2)(((i2)two & known) | ((i2)stand_in & ~known));
    scaled = __builtin_convertvector((two - s->shift) / s->scale, f2);
    memcpy(out, &scaled, sizeof scaled);
}

static bool all_finite(const float *x, size_t n)
{
    int within = 1;

    for (size_t i = 0; i < n; i++)
        within &= fabsf(x[i]) <= FLT_MAX;
    return within;
}

bool scaling_apply_rows(const struct scaling *s, const double *x, const uint32_t *row, size_t n,
                        double missing, float *out)
{
    const struct scaling here = *s; /* out might be anywhere */
    bool linear = !here.quantiles && isfinite(here.scale);
    size_t i = 0;

    for (; linear && i + 2 <= n; i += 2)
        apply_two(&here, x, row + i, missing, out + i);
    for (; i < n; i++)
        out[i] = (float)scaling_apply(s, isnan(x[row[i]]) ? missing : x[row[i]]);
    return all_finite(out, n);
}

/* ---- names ------------------------------------------------------------------------------------
 */

const char *scaling_name(enum scaling_kind kind)
{
    return kinds[kind].name;
}

bool scaling_find(const char *name, enum scaling_kind *out)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(kinds[i].name, name) == 0) {
            *out = (enum scaling_kind)i;
            return true;
        }
    }
    return false;
}
