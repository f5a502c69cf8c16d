#include "core/search/require.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- read ------------------------------------------------------------------------------------ */

struct parser {
    const char *text, *at;
    const struct space *space;
    const char *const *derived;
    struct arena *arena;
    struct error *e;
};

static const struct {
    const char *text;
    enum require_operator sign;
} operators[] = {
    /* longer signs first */
    {"<=", REQUIRE_LESS_EQUAL}, {">=", REQUIRE_GREATER_EQUAL}, {"==", REQUIRE_EQUAL},
    {"!=", REQUIRE_UNEQUAL},    {"<", REQUIRE_LESS},           {">", REQUIRE_GREATER},
};

static void skip_spaces(struct parser *p)
{
    while (*p->at == ' ' || *p->at == '\t')
        p->at++;
}

static enum err expected(const struct parser *p, const char *what)
{
    return error_set(p->e, ERR_INVALID, "\"%s\": expected %s at character %zu", p->text, what,
                     (size_t)(p->at - p->text) + 1);
}

static bool takes(struct parser *p, const char *sign)
{
    size_t n = strlen(sign);

    skip_spaces(p);
    if (strncmp(p->at, sign, n) != 0)
        return false;
    p->at += n;
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
    return is_digit(c) || c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Its index, or how many dimensions there are where none is called so. */
static size_t find_index(const struct parser *p, const char *name)
{
    size_t i = 0;

    while (i < space_count(p->space) && strcmp(space_dimension(p->space, i)->name, name) != 0)
        i++;
    return i;
}

static const struct dimension *find_dimension(const struct parser *p, const char *name)
{
    size_t i = find_index(p, name);

    return i < space_count(p->space) ? space_dimension(p->space, i) : NULL;
}

static size_t find_derived(const struct parser *p, const char *name)
{
    for (size_t i = 0; p->derived[i]; i++)
        if (strcmp(p->derived[i], name) == 0)
            return i + 1;
    return 0;
}

static enum err read_word(struct parser *p, const char **out)
{
    const char *from, *end;
    bool quoted = takes(p, "\"");

    from = p->at;
    while (*p->at && (quoted ? *p->at != '"' : is_word(*p->at)))
        p->at++;
    end = p->at;
    if (quoted && !takes(p, "\""))
        return expected(p, "\" after the word");
    if (end == from)
        return expected(p, "a name or a number");
    *out = arena_strndup(p->arena, from, (size_t)(end - from));
    return *out ? ERR_OK : error_no_memory(p->e);
}

/* A name, or in the place of a whole side a word that is none. */
static enum err read_name(struct parser *p, struct require_side *side, struct require_term *t)
{
    const char *word = NULL;

    TRY(read_word(p, &word));
    t->derived = find_derived(p, word);
    t->dimension = find_index(p, word);
    if (t->derived > 0 || t->dimension < space_count(p->space)) {
        t->name = word;
        return ERR_OK;
    }
    side->word = word;
    return ERR_OK;
}

static enum err read_term(struct parser *p, struct require_side *side, double sign)
{
    struct require_term *t = &side->terms[side->n++];
    char *end;

    t->factor = sign;
    skip_spaces(p);
    if (!is_digit(*p->at) && *p->at != '.')
        return read_name(p, side, t);
    t->factor *= strtod(p->at, &end);
    if (!isfinite(t->factor))
        return expected(p, "a number that is not too large");
    p->at = end;
    if (!takes(p, "*"))
        return ERR_OK;
    skip_spaces(p);
    TRY(read_name(p, side, t));
    return side->word ? expected(p, "a name behind *") : ERR_OK;
}

static enum err read_side(struct parser *p, struct require_side *side)
{
    double sign = takes(p, "-") ? -1.0 : 1.0;

    do {
        if (side->n == REQUIRE_TERMS_MAX)
            return expected(p, "no more than 8 terms");
        TRY(read_term(p, side, sign));
        sign = 1.0;
        if (takes(p, "-"))
            sign = -1.0;
        else if (!takes(p, "+"))
            sign = 0.0;
    } while (sign != 0.0);
    return ERR_OK;
}

static enum err read_operator(struct parser *p, enum require_operator *out)
{
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++)
        if (takes(p, operators[i].text)) {
            *out = operators[i].sign;
            return ERR_OK;
        }
    return expected(p, "<, <=, >, >=, == or !=");
}

/* ---- checked --------------------------------------------------------------------------------- */

static bool is_numeric(const struct dimension *d)
{
    for (size_t i = 0; d->kind != SPACE_RANGE && i < d->n_values; i++)
        if (!isfinite(value_number(&d->values[i])) || d->values[i].kind == VALUE_BOOL)
            return false;
    return true;
}

/* The dimension that a side is, if it is nothing else. */
static const struct dimension *lone_dimension(const struct parser *p,
                                              const struct require_side *side)
{
    const struct require_term *t = &side->terms[0];

    return side->n == 1 && t->factor == 1.0 && t->name && !t->derived ? find_dimension(p, t->name)
                                                                      : NULL;
}

static enum err unknown_word(const struct parser *p, const char *word)
{
    struct error *e = p->e;
    char names[256] = "";
    size_t n = 0;

    for (size_t i = 0; i < space_count(p->space) && n < sizeof names - 80; i++)
        n += (size_t)snprintf(names + n, sizeof names - n, "%.60s, ",
                              space_dimension(p->space, i)->name);
    for (size_t i = 0; p->derived[i] && n < sizeof names - 80; i++)
        if (!find_dimension(p, p->derived[i]))
            n += (size_t)snprintf(names + n, sizeof names - n, "%.60s, ", p->derived[i]);
    names[n > 2 ? n - 2 : 0] = '\0';
    return error_set(e, ERR_INVALID, "\"%s\": \"%s\" is not in the space; known: %s", p->text, word,
                     names);
}

/* A word has to be a value of the dimension on the other side. */
static enum err check_word(const struct parser *p, const struct require *r, const char *word,
                           const struct require_side *other)
{
    const struct dimension *d = lone_dimension(p, other);
    struct buf text = {0};
    bool found = false;

    if (!d || d->kind == SPACE_RANGE || r->sign < REQUIRE_EQUAL)
        return unknown_word(p, word);
    for (size_t i = 0; i < d->n_values && !found; i++) {
        buf_clear(&text);
        value_text(&d->values[i], &text);
        found = strcmp(buf_text(&text), word) == 0;
    }
    buf_finish(&text);
    return found ? ERR_OK : unknown_word(p, word);
}

static enum err check_numbers(const struct parser *p, const struct require_side *side)
{
    for (size_t i = 0; i < side->n; i++) {
        const struct require_term *t = &side->terms[i];

        if (t->name && !t->derived && !is_numeric(find_dimension(p, t->name)))
            return error_set(p->e, ERR_INVALID,
                             "\"%s\": %s is not a number: it can be compared by == and != with one "
                             "of its values or another dimension",
                             p->text, t->name);
    }
    return ERR_OK;
}

static bool is_textual(const struct parser *p, const struct require_side *side)
{
    const struct dimension *d = lone_dimension(p, side);

    return d && !is_numeric(d);
}

static enum err check(const struct parser *p, struct require *r)
{
    bool equality = r->sign >= REQUIRE_EQUAL;

    r->textual = r->left.word || r->right.word ||
                 (equality && is_textual(p, &r->left) && is_textual(p, &r->right));
    if (r->left.word)
        return check_word(p, r, r->left.word, &r->right);
    if (r->right.word)
        return check_word(p, r, r->right.word, &r->left);
    if (r->textual)
        return ERR_OK;
    TRY(check_numbers(p, &r->left));
    return check_numbers(p, &r->right);
}

enum err require_parse(const char *text, const struct space *s, const char *const *derived,
                       struct arena *a, struct require *out, struct error *e)
{
    struct parser p = {
        .text = text, .at = text, .space = s, .derived = derived, .arena = a, .e = e};

    memset(out, 0, sizeof *out);
    TRY(read_side(&p, &out->left));
    TRY(read_operator(&p, &out->sign));
    TRY(read_side(&p, &out->right));
    skip_spaces(&p);
    if (*p.at)
        return expected(&p, "the end");
    return check(&p, out);
}

/* ---- judged ---------------------------------------------------------------------------------- */

/* A point has its dimensions in the order of the space, without those that it does not use: one stands
 * at its index or before. NULL where it is not used. */
static const struct value *find_value(const struct require_term *t, const struct params *point)
{
    for (size_t i = t->dimension < point->n ? t->dimension + 1 : point->n; i-- > 0;)
        if (strcmp(point->items[i].name, t->name) == 0)
            return &point->items[i].value;
    return NULL;
}

/* NaN where the point does not use a dimension of it. */
static double side_number(const struct require_side *side, const struct params *point,
                          require_derive *derive, void *ctx)
{
    double sum = 0.0;

    for (size_t i = 0; i < side->n; i++) {
        const struct require_term *t = &side->terms[i];
        const struct value *v = t->name && !t->derived ? find_value(t, point) : NULL;

        if (!t->name)
            sum += t->factor;
        else if (t->derived)
            sum += t->factor * derive(ctx, t->derived - 1, point);
        else
            sum += v ? t->factor * value_number(v) : (double)NAN;
    }
    return sum;
}

/* Appends the value that a side is as text; false where the point does not use it. */
static bool side_text(const struct require_side *side, const struct params *point, struct buf *out)
{
    const struct value *v;

    if (side->word) {
        buf_puts(out, side->word);
        return true;
    }
    v = side->terms[0].name ? find_value(&side->terms[0], point) : NULL;
    if (v)
        value_text(v, out);
    return v != NULL;
}

static bool same_text(const struct require *r, const struct params *point, bool *used)
{
    struct buf left = {0}, right = {0};
    bool same;

    *used = side_text(&r->left, point, &left) && side_text(&r->right, point, &right);
    same = strcmp(buf_text(&left), buf_text(&right)) == 0;
    buf_finish(&left);
    buf_finish(&right);
    return same;
}

bool require_holds(const struct require *r, const struct params *point, require_derive *derive,
                   void *ctx)
{
    double left, right;
    bool used, same;

    if (r->textual) {
        same = same_text(r, point, &used);
        return !used || same == (r->sign == REQUIRE_EQUAL);
    }
    left = side_number(&r->left, point, derive, ctx);
    right = side_number(&r->right, point, derive, ctx);
    if (isnan(left) || isnan(right))
        return true;
    switch (r->sign) {
    case REQUIRE_LESS:
        return left < right;
    case REQUIRE_LESS_EQUAL:
        return left <= right;
    case REQUIRE_GREATER:
        return left > right;
    case REQUIRE_GREATER_EQUAL:
        return left >= right;
    case REQUIRE_EQUAL:
        return left == right;
    case REQUIRE_UNEQUAL:
        return left != right;
    }
    return true;
}
