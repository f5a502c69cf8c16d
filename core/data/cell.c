#include "core/data/cell.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/data/number.h"

static const char default_missing[] = ",NA,N/A,NaN,nan,null,NULL,?";

enum err cell_rules_init(struct cell_rules *r, char decimal, const char *missing, struct error *e)
{
    char *save = NULL;
    double value;

    memset(r, 0, sizeof *r);
    r->decimal = decimal;
    if (!missing)
        missing = default_missing;
    if (strlen(missing) >= sizeof r->text) {
        (void)error_set(e, ERR_INVALID, "missing: expected at most %zu bytes, got %zu",
                        sizeof r->text - 1, strlen(missing));
        return error_field(e, "missing");
    }
    (void)snprintf(r->text, sizeof r->text, "%s", missing);
    for (char *token = strtok_r(r->text, ",", &save); token; token = strtok_r(NULL, ",", &save)) {
        if (r->n_tokens == CELL_MAX_TOKENS) {
            (void)error_set(e, ERR_INVALID, "missing: expected at most %d tokens", CELL_MAX_TOKENS);
            return error_field(e, "missing");
        }
        r->tokens[r->n_tokens++] = token;
        r->first[(unsigned char)*token] = true;
        if (number_parse(token, strlen(token), '.', &value) == NUMBER_FINITE)
            r->values[r->n_values++] = value;
    }
    return ERR_OK;
}

static bool is_token(const struct cell_rules *r, const char *text)
{
    for (size_t i = 0; i < r->n_tokens; i++)
        if (strcmp(r->tokens[i], text) == 0)
            return true;
    return false;
}

/* A finite number may stand for no value. */
static enum cell_kind number_kind(const struct cell_rules *r, double x)
{
    for (size_t i = 0; i < r->n_values; i++)
        if (x == r->values[i])
            return CELL_MISSING;
    return CELL_NUMBER;
}

enum cell_kind cell_read(const struct cell_rules *r, const char *text, size_t n, double *out)
{
    if (n == 0 || (r->first[(unsigned char)*text] && is_token(r, text)))
        return CELL_MISSING;
    switch (number_parse(text, n, r->decimal, out)) {
    case NUMBER_NONE:
        return CELL_TEXT;
    case NUMBER_INFINITE:
        return CELL_INFINITE;
    case NUMBER_FINITE:
        break;
    }
    return number_kind(r, *out);
}

enum cell_kind cell_take(const struct cell_rules *r, const struct cell *cell, bool as_number,
                         double *out)
{
    switch ((enum cell_form)cell->form) {
    case CELL_RAW:
        break;
    case CELL_LABEL:
        if (as_number)
            break;
        return cell->length == 0 || is_token(r, cell->text) ? CELL_MISSING : CELL_TEXT;
    case CELL_VALUE:
        *out = cell->number;
        if (isnan(*out))
            return CELL_MISSING;
        return isinf(*out) ? CELL_INFINITE : number_kind(r, *out);
    }
    return cell_read(r, cell->text, cell->length, out);
}
