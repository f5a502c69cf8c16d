/* A fold's curves as text; its rows are in store_fold.c. */
#include "server/store/store_fold.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { CURVE_DIGITS = 9, LAYER_DIGITS = 4 };

/* What is set aside for a number: most of them with their comma. */
enum { CURVE_BYTES = CURVE_DIGITS + 4, LAYER_BYTES = LAYER_DIGITS + 5 };

static void put_number(struct buf *out, double x, int digits)
{
    if (isfinite(x))
        buf_put_decimal(out, x, digits);
    else
        buf_append(out, "null", 4);
}

void store_fold_curve_text(const double *x, size_t n, struct buf *out)
{
    buf_reserve(out, mem_size(n, CURVE_BYTES));
    buf_putc(out, '[');
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_putc(out, ',');
        put_number(out, x[i], CURVE_DIGITS);
    }
    buf_putc(out, ']');
}

size_t store_fold_curve_read(const char *text, size_t n, double *out)
{
    size_t found = 0;

    for (const char *at = text ? strchr(text, '[') : NULL; at && at[1] != ']' && found < n;
         at = strchr(at + 1, ','))
        out[found++] = at[1] == 'n' ? (double)NAN : strtod(at + 1, NULL);
    return found;
}

/* One number of one layer over the epochs; offset: of the member. */
static void put_member(const struct mlp_statistics *x, size_t n_epochs, size_t n_layers,
                       const char *name, size_t offset, struct buf *out)
{
    buf_putc(out, '"');
    buf_puts(out, name);
    buf_puts(out, "\":[");
    for (size_t i = 0; i < n_epochs; i++) {
        if (i > 0)
            buf_putc(out, ',');
        put_number(out, *(const double *)((const char *)(x + i * n_layers) + offset), LAYER_DIGITS);
    }
    buf_putc(out, ']');
}

void store_fold_layers_text(const struct mlp_statistics *x, size_t n_epochs, size_t n_layers,
                            struct buf *out)
{
    static const struct {
        const char *name;
        size_t offset;
    } members[] = {{"gradient_norm", offsetof(struct mlp_statistics, gradient_norm)},
                   {"update_ratio", offsetof(struct mlp_statistics, update_ratio)},
                   {"idle", offsetof(struct mlp_statistics, idle)}};

    buf_reserve(out, mem_size(mem_size(n_layers, n_epochs), 3 * LAYER_BYTES));
    buf_putc(out, '[');
    for (size_t l = 0; l < n_layers; l++) {
        buf_puts(out, l > 0 ? ",{" : "{");
        for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
            if (i > 0)
                buf_putc(out, ',');
            put_member(x + l, n_epochs, n_layers, members[i].name, members[i].offset, out);
        }
        buf_putc(out, '}');
    }
    buf_putc(out, ']');
}
