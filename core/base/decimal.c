#include "core/base/decimal.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* All of them are exact: 5^22 has 52 bits. */
static const double POWERS[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

enum { POWER_MAX = 22, FIXED_LEAST = -4 /* below this exponent %g writes one */ };

/* The digits of a number as an integer of so many places, and the exponent of the first of them. */
struct digits {
    uint32_t n;
    int exponent;
};

/* floor(log10(x)), or one less. */
static int guess_exponent(double x)
{
    int two;

    (void)frexp(x, &two);
    return (int)floor((two - 1) * 0.301029995);
}

/* Rounds hi + lo, which is exact, half to even as printf does. */
static uint32_t round_sum(double hi, double lo)
{
    uint32_t n = (uint32_t)hi;
    double fraction = hi - n; /* exact; a multiple of a unit that is at least 2 |lo| */

    if (fraction > 0.5 || (fraction == 0.5 && (lo > 0.0 || (lo == 0.0 && n % 2 == 1))))
        n++;
    return n;
}

/* False where the power of ten that it takes is not exact: very small and large numbers. */
static bool find_digits(double x, int places, struct digits *out)
{
    int k = guess_exponent(x), power = places - 1 - k;
    double hi, lo;

    if (power < 1 || power > POWER_MAX)
        return false;
    hi = x * POWERS[power];
    if (hi >= POWERS[places]) { /* the guess was one too low */
        k++;
        hi = x * POWERS[--power];
    }
    lo = fma(x, POWERS[power], -hi);
    if (hi < POWERS[places - 1] || (hi == POWERS[places - 1] && lo < 0.0))
        return false; /* a hair below a power of ten: not worth a case */
    out->n = round_sum(hi, lo);
    out->exponent = k;
    if (out->n == (uint32_t)POWERS[places]) {
        out->n /= 10;
        out->exponent++;
    }
    return true;
}

/* Writes the digits, `places` of them, and returns how many are left without zeros at the end. */
static int write_digits(uint32_t n, int places, char *out)
{
    int kept = places;

    for (int i = places - 1; i >= 0; i--, n /= 10)
        out[i] = (char)('0' + n % 10);
    while (kept > 1 && out[kept - 1] == '0')
        kept--;
    return kept;
}

static char *write_exponent(int exponent, char *out)
{
    unsigned size = (unsigned)(exponent < 0 ? -exponent : exponent); /* two digits: see POWER_MAX */

    *out++ = 'e';
    *out++ = exponent < 0 ? '-' : '+';
    *out++ = (char)('0' + size / 10);
    *out++ = (char)('0' + size % 10);
    return out;
}

/* d.ddde-05 */
static char *write_scientific(const char *digits, int n, int exponent, char *out)
{
    *out++ = digits[0];
    if (n > 1) {
        *out++ = '.';
        memcpy(out, digits + 1, (size_t)n - 1);
        out += n - 1;
    }
    return write_exponent(exponent, out);
}

/* 0.00ddd, d.ddd, or ddd, filled up with the zeros that were cut off */
static char *write_fixed(const char *digits, int n, int exponent, char *out)
{
    if (exponent < 0) {
        memcpy(out, "0.0000", (size_t)(1 - exponent));
        out += 1 - exponent;
        memcpy(out, digits, (size_t)n);
        return out + n;
    }
    for (int i = 0; i < n || i <= exponent; i++) {
        if (i == exponent + 1)
            *out++ = '.';
        *out++ = i < n ? digits[i] : '0';
    }
    return out;
}

/* Told by its bits: workers take denormal numbers for zero. */
static bool is_plus_zero(double x)
{
    uint64_t bits;

    memcpy(&bits, &x, sizeof bits);
    return bits == 0;
}

size_t decimal_write(double x, int digits, char out[DECIMAL_BYTES])
{
    char text[DECIMAL_DIGITS_MAX] = {0}, *end = out;
    struct digits found;
    int n;

    if (is_plus_zero(x)) {
        memcpy(out, "0", 2);
        return 1;
    }
    if (!find_digits(fabs(x), digits, &found))
        return (size_t)snprintf(out, DECIMAL_BYTES, "%.*g", digits, x);
    n = write_digits(found.n, digits, text);
    if (x < 0.0)
        *end++ = '-';
    if (found.exponent < FIXED_LEAST || found.exponent >= digits)
        end = write_scientific(text, n, found.exponent, end);
    else
        end = write_fixed(text, n, found.exponent, end);
    *end = '\0';
    return (size_t)(end - out);
}
