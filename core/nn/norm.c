#include "core/nn/norm.h"

#include <assert.h>
#include <math.h>

enum { COLUMNS = 16 }; /* go through the rows together */

static const double EPSILON = 1e-5, MOMENTUM = 0.1;

void norm_start(const struct norm *b)
{
    for (size_t j = 0; j < b->n; j++) {
        b->gamma[j] = b->variance[j] = 1.0f;
        b->beta[j] = b->mean[j] = 0.0f;
    }
}

static size_t columns_from(const struct norm *b, size_t first)
{
    return b->n - first < COLUMNS ? b->n - first : COLUMNS;
}

/* sum of x, and of x times y. */
static void column_sums(size_t rows, size_t n, size_t stride, const float *x, const float *y,
                        double *sum, double *product)
{
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < n; j++) {
            double value = (double)x[i * stride + j];

            sum[j] += value;
            product[j] += value * (double)y[i * stride + j];
        }
    }
}

/* Sums of squared distances from the means. */
static void column_squares(size_t rows, size_t n, size_t stride, const float *x, const double *mean,
                           double *square)
{
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < n; j++) {
            double distance = (double)x[i * stride + j] - mean[j];

            square[j] += distance * distance;
        }
    }
}

static float blend(float running, double batch)
{
    return (float)((1.0 - MOMENTUM) * (double)running + MOMENTUM * batch);
}

/* Statistics of up to COLUMNS columns: into the running ones, `inverse` and `mean`. */
static void measure(const struct norm *b, size_t rows, size_t first, const float *z, float *mean)
{
    double sum[COLUMNS] = {0}, unused[COLUMNS] = {0}, square[COLUMNS] = {0};
    size_t n = columns_from(b, first);

    column_sums(rows, n, b->stride, z, z, sum, unused);
    for (size_t j = 0; j < n; j++)
        sum[j] /= (double)rows;
    column_squares(rows, n, b->stride, z, sum, square);
    for (size_t j = 0; j < n; j++) {
        mean[j] = (float)sum[j];
        b->inverse[first + j] = (float)(1.0 / sqrt(square[j] / (double)rows + EPSILON));
        b->mean[first + j] = blend(b->mean[first + j], sum[j]);
        b->variance[first + j] = blend(b->variance[first + j], square[j] / (double)(rows - 1));
    }
}

void norm_forward(const struct norm *b, size_t rows, float *h, float *u)
{
    assert(rows >= 2);
    for (size_t first = 0; first < b->n; first += COLUMNS) {
        size_t n = columns_from(b, first);
        float mean[COLUMNS];

        measure(b, rows, first, h + first, mean);
        for (size_t i = 0; i < rows; i++) {
            for (size_t j = 0; j < n; j++) {
                size_t at = i * b->stride + first + j;

                h[at] = (h[at] - mean[j]) * b->inverse[first + j];
                u[at] = b->gamma[first + j] * h[at] + b->beta[first + j];
            }
        }
    }
}

void norm_predict(const struct norm *b, size_t rows, const float *z, float *u)
{
    for (size_t j = 0; j < b->n; j++) {
        double factor = (double)b->gamma[j] / sqrt((double)b->variance[j] + EPSILON);
        float scale = (float)factor,
              shift = (float)((double)b->beta[j] - (double)b->mean[j] * factor);

        for (size_t i = 0; i < rows; i++)
            u[i * b->stride + j] = scale * z[i * b->stride + j] + shift;
    }
}

void norm_backward(const struct norm *b, size_t rows, const float *h, float *dz, float *dgamma,
                   float *dbeta)
{
    for (size_t first = 0; first < b->n; first += COLUMNS) {
        double sum[COLUMNS] = {0}, product[COLUMNS] = {0};
        size_t n = columns_from(b, first);

        column_sums(rows, n, b->stride, dz + first, h + first, sum, product);
        for (size_t j = 0; j < n; j++) {
            dbeta[first + j] = (float)sum[j];
            dgamma[first + j] = (float)product[j];
            sum[j] /= (double)rows;
            product[j] /= (double)rows;
        }
        for (size_t i = 0; i < rows; i++) {
            for (size_t j = 0; j < n; j++) {
                size_t at = i * b->stride + first + j;
                float centred = dz[at] - (float)sum[j] - h[at] * (float)product[j];

                dz[at] = b->gamma[first + j] * b->inverse[first + j] * centred;
            }
        }
    }
}
