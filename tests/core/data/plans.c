#include "tests/core/data/plans.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/buf.h"

const struct table_options plans_roles = {.target = "y", .group = "g", .time = "t"};

void plans_end(struct split **s)
{
    split_destroy(*s);
    *s = NULL;
}

void plans_fold_end(struct fold_data **d)
{
    fold_data_destroy(*d);
    *d = NULL;
}

struct split *plans_split(const struct table *t, const struct split_spec *spec)
{
    struct split *s = NULL;
    struct error e = {0};

    if (split_create(t, spec, &s, &e) != ERR_OK)
        fail_msg("%s", e.message);
    return s;
}

struct table *plans_table(struct rng *r, const struct recipe *how)
{
    struct buf text = {0};
    struct table *t;

    buf_puts(&text, "x,g,t,y\n");
    for (size_t i = 0; i < how->rows; i++) {
        uint32_t group = i < how->groups ? (uint32_t)i : rng_below(r, how->groups);
        size_t x = how->equal_rows && rng_below(r, 5) == 0 ? rng_below(r, (uint32_t)i + 1) : i;

        buf_printf(&text, "%zu,group %u,", how->loners ? x / 2 * 1000 + group : x, group);
        buf_printf(&text, "%u,", how->times ? rng_below(r, how->times) : rng_below(r, 1u << 31));
        if (how->regression)
            buf_printf(&text, "%.6f\n", rng_normal(r));
        else
            buf_printf(&text, "class_%u\n", i < 3 ? (unsigned)i : rng_below(r, 3));
    }
    t = tables_read(text.data, &plans_roles);
    buf_finish(&text);
    return t;
}

const struct column *plans_column(const struct table *t, enum column_role role)
{
    return &t->columns[table_role_column(t, role)];
}

struct split_spec plans_spec(struct rng *r, enum split_kind kind)
{
    struct split_spec spec = {.kind = kind,
                              .n_folds = 2 + rng_below(r, 5),
                              .n_repeats = 1,
                              .shuffle = true,
                              .test_fraction = 0.2 + 0.01 * rng_below(r, 30),
                              .sealed_fraction = rng_below(r, 2) ? 0.2 : 0,
                              .seed = rng_u64(r)};

    if (split_kind_uses(kind) & SPLIT_USES_REPEATS)
        spec.n_repeats = 1 + rng_below(r, 3);
    if (kind == SPLIT_TIME_SERIES)
        spec.gap = rng_below(r, 5);
    return spec;
}

void plans_check_parts(const struct split *s)
{
    for (uint32_t repeat = 0; repeat < s->n_repeats; repeat++) {
        for (uint32_t fold = 1; fold <= s->n_folds; fold++) {
            size_t rows[3] = {0}, n_train, n_validation;

            for (size_t i = 0; i < s->n_rows; i++) {
                enum split_part part = split_part(s, repeat, fold, i);

                rows[part]++;
                if (split_repeat(s, repeat)[i] == SPLIT_SEALED)
                    assert_int_equal(part, SPLIT_UNUSED);
                assert_int_equal(part == SPLIT_VALIDATION, split_repeat(s, repeat)[i] == fold);
            }
            split_count(s, repeat, fold, &n_train, &n_validation);
            assert_true(n_train > 0 && n_validation > 0);
            assert_int_equal(n_train, rows[SPLIT_TRAIN]);
            assert_int_equal(n_validation, rows[SPLIT_VALIDATION]);
            if (!s->train_end)
                assert_int_equal(rows[SPLIT_UNUSED], s->n_sealed);
        }
    }
}
