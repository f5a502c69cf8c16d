#include "core/data/number.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MAX_LENGTH = 1000, EXACT_POWER = 22 };

/* The powers of ten that a double holds exactly. */
static const double powers[EXACT_POWER + 1] = {
    1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
};

/* What the text says, before rounding: digits * 10^exponent. */
struct decimal {
    bool negative;
    bool exact; /* `digits` holds them all and is at most 2^53 */
    uint64_t digits;
    int exponent;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool infinite(const char *p, const char *end)
{
    size_t n;

    if (p < end && (*p == '+' || *p == '-'))
        p++;
    n = (size_t)(end - p);
    return (n == 3 && strncasecmp(p, "inf", 3) == 0) ||
           (n == 8 && strncasecmp(p, "infinity", 8) == 0);
}

/* Digits with at most one mark among them, and at least one digit. */
static bool mantissa(const char **at, const char *end, char mark, struct decimal *d)
{
    const char *p = *at;
    bool fraction = false;
    size_t n_digits = 0;

    d->exact = true;
    for (; p < end; p++) {
        if (*p == mark && !fraction) {
            fraction = true;
            continue;
        }
        if (!is_digit(*p))
            break;
        n_digits++;
        if (d->digits < UINT64_C(100000000000000000)) {
            d->digits = d->digits * 10 + (uint64_t)(*p - '0');
            d->exponent -= fraction;
        } else {
            d->exact = false;
        }
    }
    d->exact = d->exact && d->digits <= UINT64_C(1) << 53;
    *at = p;
    return n_digits > 0;
}

static bool exponent(const char **at, const char *end, struct decimal *d)
{
    const char *p = *at;
    bool negative;
    int n = 0;

    if (p == end)
        return true;
    if (!strchr("eEdD", *p) || *p == '\0')
        return false;
    p++;
    negative = p < end && *p == '-';
    if (p < end && (*p == '+' || *p == '-'))
        p++;
    if (p == end)
        return false;
    for (; p < end && is_digit(*p); p++)
        n = n < 100000 ? n * 10 + (*p - '0') : n;
    d->exponent += negative ? -n : n;
    *at = p;
    return true;
}

/* The C library rounds exactly; it wants a point, an e and a NUL. */
static double slow(const char *text, size_t n, char mark)
{
    char copy[MAX_LENGTH + 1];

    for (size_t i = 0; i < n; i++) {
        char c = text[i];

        copy[i] = c == mark ? '.' : c == 'd' || c == 'D' ? 'e' : c;
    }
    copy[n] = '\0';
    return strtod(copy, NULL);
}

enum number_kind number_parse(const char *text, size_t n, char decimal, double *out)
{
    const char *p = text, *end = text + n;
    struct decimal d = {0};
    double x;

    if (n == 0 || n > MAX_LENGTH)
        return NUMBER_NONE;
    d.negative = *p == '-';
    if (*p == '+' || *p == '-')
        p++;
    if (!mantissa(&p, end, decimal, &d) || !exponent(&p, end, &d) || p != end)
        return infinite(text, end) ? NUMBER_INFINITE : NUMBER_NONE;
    /* Clinger 1990: two exact operands and one operation are rounded once. */
    if (d.exact && d.exponent >= -EXACT_POWER && d.exponent <= EXACT_POWER) {
        x = d.exponent < 0 ? (double)d.digits / powers[-d.exponent]
                           : (double)d.digits * powers[d.exponent];
        *out = d.negative ? -x : x;
        return NUMBER_FINITE;
    }
    x = slow(text, n, decimal);
    if (!isfinite(x))
        return NUMBER_INFINITE;
    *out = x;
    return NUMBER_FINITE;
}
