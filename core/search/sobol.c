#include "core/search/sobol.h"

#include <assert.h>
#include <stdlib.h>

/* ---- the sequence --------------------------------------------------------------------------- */

static const uint16_t numbers[] = {
#include "core/search/sobol_numbers.inc"
};

static size_t degree_of(uint32_t polynomial)
{
    return polynomial == 1 ? 1 : (size_t)(31 - __builtin_clz(polynomial));
}

/* Direction numbers v_k = m_k 2^(32-k): the first are given, each further one follows from the
 * `degree` before it. The first dimension, whose polynomial is 1, is van der Corput's. */
static void direct(const uint16_t *given, uint32_t v[32])
{
    uint32_t polynomial = given[0];
    size_t degree = degree_of(polynomial);

    for (size_t k = 0; k < 32; k++) {
        if (polynomial == 1) {
            v[k] = UINT32_C(1) << (31 - k);
        } else if (k < degree) {
            v[k] = (uint32_t)given[1 + k] << (31 - k);
        } else {
            v[k] = v[k - degree] ^ v[k - degree] >> degree;
            for (size_t i = 1; i < degree; i++)
                if (polynomial >> (degree - i) & 1)
                    v[k] ^= v[k - i];
        }
    }
}

enum err sobol_create(size_t n, struct arena *a, struct sobol *out, struct error *e)
{
    const uint16_t *at = numbers;

    assert(n <= SPACE_DIMENSIONS_MAX);
    out->n = n;
    out->v = arena_alloc(a, n + 1, sizeof *out->v);
    if (!out->v)
        return error_no_memory(e);
    for (size_t d = 0; d < n; d++) {
        direct(at, out->v[d]);
        at += 1 + degree_of(at[0]);
    }
    return ERR_OK;
}

uint32_t sobol_bits(const struct sobol *s, size_t dimension, uint32_t index)
{
    uint32_t gray = index ^ index >> 1, bits = 0;

    for (; gray; gray &= gray - 1)
        bits ^= s->v[dimension][__builtin_ctz(gray)];
    return bits;
}

static uint32_t reverse(uint32_t x)
{
    x = (x & 0x55555555u) << 1 | (x >> 1 & 0x55555555u);
    x = (x & 0x33333333u) << 2 | (x >> 2 & 0x33333333u);
    x = (x & 0x0f0f0f0fu) << 4 | (x >> 4 & 0x0f0f0f0fu);
    return __builtin_bswap32(x);
}

/* In a product with an even number a bit depends on the bits below it only: of the reversed word,
 * those above it. The constants are Burley's section 5. */
uint32_t sobol_scramble(uint32_t bits, uint32_t seed)
{
    uint32_t x = reverse(bits);

    x += seed;
    x ^= x * 0x6c50b47cu;
    x ^= x * 0xb82f1e52u;
    x ^= x * 0xc7afe638u;
    x ^= x * 0x8d22f6e6u;
    return reverse(x);
}

/* ---- a design -------------------------------------------------------------------------------- */

void sobol_design_finish(struct sobol_design *d)
{
    untried_finish(&d->untried);
    arena_destroy(d->arena);
}

enum err sobol_design_create(const struct space *s, uint64_t seed, struct sobol_design *out,
                             struct error *e)
{
    size_t n = space_count(s);
    struct rng r;

    *out = (struct sobol_design){.seed = seed};
    TRY(arena_create(4096, &out->arena, e));
    TRY(sobol_create(n, out->arena, &out->sequence, e));
    out->seeds = arena_alloc(out->arena, n + 1, sizeof *out->seeds);
    if (!out->seeds)
        return error_no_memory(e);
    rng_init(&r, seed, 0, 0, RNG_SEARCH, 0); /* trials' own streams count from 1 */
    for (size_t i = 0; i < n; i++)
        out->seeds[i] = rng_u32(&r);
    return untried_create(s, &out->untried, e);
}

static enum err point_at(const struct sobol_design *d, const struct axes *axes, uint32_t index,
                         struct arena *a, struct params *out, struct error *e)
{
    double x[SPACE_DIMENSIONS_MAX];

    for (size_t i = 0; i < axes->n; i++) {
        uint32_t bits = sobol_scramble(sobol_bits(&d->sequence, i, index), d->seeds[i]);

        x[i] = axes_quantile(axes, i, ((double)bits + 0.5) * 0x1p-32);
    }
    return axes_point(axes, x, a, out, e);
}

/* How far it looks depends on the trial alone: after a restart, when it looks from the beginning,
 * it finds the same. */
enum err sobol_design_propose(struct sobol_design *d, struct history *h, struct arena *a,
                              struct params *out, bool *exhausted, struct error *e)
{
    uint32_t trial = (uint32_t)h->n + 1, end = 4096 + 16 * trial;
    struct rng r;

    *exhausted = untried_none(&d->untried, h);
    if (*exhausted)
        return ERR_OK;
    for (; d->next < end; d->next++) {
        TRY(point_at(d, &h->axes, d->next, a, out, e));
        if (space_allows(h->axes.space, out) && !history_has(h, out))
            return ERR_OK;
    }
    rng_init(&r, d->seed, 0, 0, RNG_SEARCH, trial);
    return untried_draw(&d->untried, h, &r, a, out, e);
}

/* ---- the sampler ---------------------------------------------------------------------------- */

struct sobol_sampler {
    struct sampler base;
    struct sobol_design design;
};

static void destroy(struct sampler *s)
{
    struct sobol_sampler *o = (struct sobol_sampler *)s;

    sobol_design_finish(&o->design);
    free(o);
}

static enum err create(const struct space *s, const struct sampler_settings *settings,
                       struct sampler **out, struct error *e)
{
    struct sobol_sampler *o = calloc(1, sizeof *o);
    enum err failed;

    if (!o)
        return error_no_memory(e);
    failed = sobol_design_create(s, settings->seed, &o->design, e);
    if (failed) {
        destroy(&o->base);
        return failed;
    }
    *out = &o->base;
    return ERR_OK;
}

static enum err propose(struct sampler *s, struct arena *a, struct params *out, bool *exhausted,
                        struct error *e)
{
    struct sobol_sampler *o = (struct sobol_sampler *)s;

    return sobol_design_propose(&o->design, &s->history, a, out, exhausted, e);
}

const struct sampler_kind sobol_sampler = {
    .name = "sobol",
    .summary = "Sobol's sequence scrambled by seed: more even than random; none twice",
    .levels = SPACE_DRAW,
    .create = create,
    .destroy = destroy,
    .propose = propose,
};
