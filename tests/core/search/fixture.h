/*
 * What the tests of samplers share: spaces, proposals as texts, random spaces.
 */
#ifndef SWEEPD_TESTS_CORE_SEARCH_FIXTURE_H
#define SWEEPD_TESTS_CORE_SEARCH_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/search/sampler.h"

#define INT(x)                                                                                     \
    {                                                                                              \
        .kind = VALUE_INT, .integer = (x)                                                          \
    }
#define TEXT(x)                                                                                    \
    {                                                                                              \
        .kind = VALUE_TEXT, .text = (x)                                                            \
    }

static inline struct dimension choice(const char *name, const struct value *values, size_t n)
{
    return (struct dimension){.name = name, .kind = SPACE_CHOICE, .n_values = n, .values = values};
}

static inline struct space *make(const struct dimension *d, size_t n)
{
    struct space *s;
    struct error e;

    if (space_create(d, n, &s, &e) != ERR_OK)
        fail_msg("%s", e.message);
    return s;
}

/* NULL where the kind refuses the space. */
static inline struct sampler *try_start(const struct sampler_kind *kind, const struct space *s,
                                        const struct sampler_settings *settings)
{
    struct sampler *sampler;
    struct error e;
    enum err failed = sampler_create(kind, s, settings, &sampler, &e);

    assert_true(failed == ERR_OK || failed == ERR_INVALID);
    return failed ? NULL : sampler;
}

/* The next proposal as JSON, or "" at the end. */
static inline const char *next(struct sampler *s, struct arena *a, struct params *p)
{
    struct buf b = {0};
    struct error e;
    const char *text;
    bool exhausted;

    assert_int_equal(sampler_propose(s, a, p, &exhausted, &e), ERR_OK);
    if (exhausted)
        return "";
    params_json(p, &b);
    text = arena_strdup(a, buf_text(&b));
    buf_finish(&b);
    return text;
}

static inline struct arena *make_arena(void)
{
    struct arena *a;
    struct error e;

    assert_int_equal(arena_create(1 << 16, &a, &e), ERR_OK);
    return a;
}

#endif
