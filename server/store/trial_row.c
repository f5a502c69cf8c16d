#include "server/store/trial_row.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"

/* ---- lists as text: 64,32 and relu,tanh ----------------------------------------------------- */

static void list_widths(const struct trial_network *n, struct buf *out)
{
    for (size_t i = 0; i < n->layers; i++)
        buf_printf(out, "%s%" PRId64, i ? "," : "", n->hidden[i]);
}

static void list_activations(const struct trial_network *n, struct buf *out)
{
    for (size_t i = 0; i < n->layers; i++)
        buf_printf(out, "%s%s", i ? "," : "", n->activations[i]);
}

static bool widths_agree(const struct trial_network *n)
{
    for (size_t i = 1; i < n->layers; i++)
        if (n->hidden[i] != n->hidden[0])
            return false;
    return n->layers > 0;
}

static bool activations_agree(const struct trial_network *n)
{
    for (size_t i = 1; i < n->layers; i++)
        if (strcmp(n->activations[i], n->activations[0]) != 0)
            return false;
    return n->layers > 0;
}

static size_t count_items(const char *text)
{
    size_t n = *text != '\0';

    for (; *text; text++)
        n += *text == ',';
    return n;
}

static enum err parse_widths(const char *text, struct arena *a, size_t *n, const int64_t **out,
                             struct error *e)
{
    int64_t *items;

    *n = count_items(text);
    items = arena_alloc(a, *n + 1, sizeof *items);
    if (!items)
        return error_no_memory(e);
    for (size_t i = 0; i < *n; i++) {
        char *end;

        items[i] = strtoll(text, &end, 10);
        text = *end == ',' ? end + 1 : end;
    }
    *out = items;
    return ERR_OK;
}

/* One name for every layer, or the list of them. */
static enum err parse_activations(const char *text, struct arena *a, size_t layers,
                                  const char *const **out, struct error *e)
{
    const char **items = arena_alloc(a, layers + 1, sizeof *items);
    char *rest = arena_strdup(a, text), *name = NULL;

    if (!items || !rest)
        return error_no_memory(e);
    for (size_t i = 0; i < layers; i++) {
        if (rest)
            name = strsep(&rest, ",");
        items[i] = name;
    }
    *out = items;
    return ERR_OK;
}

/* ---- the network --------------------------------------------------------------------------- */

static void bind_nulls(struct stmt *q, int n)
{
    while (n-- > 0)
        stmt_bind_null(q);
}

enum err trial_row_bind_network(struct stmt *q, const struct trial_network *n, struct error *e)
{
    CLEANUP(buf_finish) struct buf widths = {0}, activations = {0};

    if (!n->optimizer) {
        bind_nulls(q, 9);
        return ERR_OK;
    }
    list_widths(n, &widths);
    list_activations(n, &activations);
    TRY(buf_check(&widths, e));
    TRY(buf_check(&activations, e));
    stmt_bind_i64(q, (int64_t)n->layers);
    if (widths_agree(n))
        stmt_bind_i64(q, n->hidden[0]);
    else
        stmt_bind_text_copy(q, n->layers ? buf_text(&widths) : NULL);
    stmt_bind_text_copy(q, buf_text(&widths));
    if (activations_agree(n))
        stmt_bind_text_copy(q, n->activations[0]);
    else
        stmt_bind_text_copy(q, n->layers ? buf_text(&activations) : NULL);
    stmt_bind_f64(q, n->learning_rate);
    stmt_bind_text(q, n->optimizer);
    if (n->batch_size > 0)
        stmt_bind_i64(q, n->batch_size);
    else
        stmt_bind_text(q, "full");
    stmt_bind_i64(q, n->epochs);
    stmt_bind_i64(q, n->weight_count);
    return ERR_OK;
}

enum err trial_row_read_network(struct stmt *q, struct arena *a, struct trial_network *out,
                                struct error *e)
{
    struct trial_network n = {0};
    const char *hidden, *activation;
    size_t listed = 0;

    n.layers = (size_t)stmt_i64(q);
    hidden = stmt_text(q, a);
    activation = stmt_text(q, a);
    n.learning_rate = stmt_f64(q);
    n.optimizer = stmt_text(q, a);
    n.batch_size = stmt_i64(q); /* the text `full` reads as 0 */
    n.epochs = stmt_i64(q);
    n.weight_count = stmt_i64(q);
    TRY(stmt_check(q, e));
    TRY(parse_widths(hidden ? hidden : "", a, &listed, &n.hidden, e));
    if (listed != n.layers)
        return error_set(e, ERR_IO, "a trial's list of layers is damaged");
    TRY(parse_activations(activation ? activation : "", a, n.layers, &n.activations, e));
    *out = n;
    return ERR_OK;
}

/* ---- hyperparameters ----------------------------------------------------------------------- */

static const char *const kinds[] = {
    [VALUE_NONE] = "none", [VALUE_BOOL] = "bool", [VALUE_INT] = "int",
    [VALUE_REAL] = "real", [VALUE_TEXT] = "text", [VALUE_LIST] = "list",
};

static enum err bind_list(struct stmt *q, const struct value *v, struct error *e)
{
    CLEANUP(buf_finish) struct buf text = {0};

    value_text(v, &text);
    TRY(buf_check(&text, e));
    stmt_bind_text_copy(q, buf_text(&text));
    return ERR_OK;
}

enum err trial_row_bind_value(struct stmt *q, const struct value *v, struct error *e)
{
    stmt_bind_text(q, kinds[v->kind]);
    switch (v->kind) {
    case VALUE_NONE:
        stmt_bind_null(q);
        return ERR_OK;
    case VALUE_BOOL:
        stmt_bind_i64(q, v->boolean);
        return ERR_OK;
    case VALUE_INT:
        stmt_bind_i64(q, v->integer);
        return ERR_OK;
    case VALUE_REAL:
        stmt_bind_f64(q, v->real);
        return ERR_OK;
    case VALUE_TEXT:
        stmt_bind_text(q, v->text);
        return ERR_OK;
    case VALUE_LIST:
        return bind_list(q, v, e);
    }
    return error_set(e, ERR_INTERNAL, "a hyperparameter has no kind");
}

static enum err find_kind(const char *name, enum value_kind *out, struct error *e)
{
    for (size_t i = 0; name && i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i], name) == 0) {
            *out = (enum value_kind)i;
            return ERR_OK;
        }
    return error_set(e, ERR_IO, "a hyperparameter's kind is damaged");
}

static enum err read_list(struct stmt *q, struct arena *a, struct value *v, struct error *e)
{
    const char *text = stmt_peek_text(q);

    TRY(stmt_check(q, e));
    return parse_widths(text ? text : "", a, &v->list.n, &v->list.items, e);
}

enum err trial_row_read_value(struct stmt *q, struct arena *a, struct value *out, struct error *e)
{
    struct value v = {0};

    TRY(find_kind(stmt_peek_text(q), &v.kind, e));
    switch (v.kind) {
    case VALUE_NONE:
        (void)stmt_i64(q); /* NULL */
        break;
    case VALUE_BOOL:
        v.boolean = stmt_i64(q) != 0;
        break;
    case VALUE_INT:
        v.integer = stmt_i64(q);
        break;
    case VALUE_REAL:
        v.real = stmt_f64(q);
        break;
    case VALUE_TEXT:
        v.text = stmt_text(q, a);
        break;
    case VALUE_LIST:
        TRY(read_list(q, a, &v, e));
        break;
    }
    *out = v;
    return stmt_check(q, e);
}
