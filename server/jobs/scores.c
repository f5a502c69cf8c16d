#include "server/jobs/scores.h"

#include <math.h>

struct scores scores_of(const double *x, size_t n, double test_share)
{
    struct scores s = {.mean = (double)NAN, .std = (double)NAN, .sem = (double)NAN};
    double sum = 0, squares = 0;

    if (n == 0)
        return s;
    for (size_t i = 0; i < n; i++)
        sum += x[i];
    s.mean = sum / (double)n;
    if (n < 2 || isnan(s.mean))
        return s;
    for (size_t i = 0; i < n; i++)
        squares += (x[i] - s.mean) * (x[i] - s.mean);
    s.std = sqrt(squares / (double)(n - 1));
    s.sem = s.std * sqrt(1.0 / (double)n + test_share);
    return s;
}
