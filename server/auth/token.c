#include "server/auth/token.h"

#include <ctype.h>
#include <string.h>

#include "server/clock.h"

const char *const token_scopes[] = {"read", "submit", "admin", NULL};

bool token_scope_find(const char *name, enum scope *out)
{
    for (int i = 0; token_scopes[i]; i++)
        if (strcmp(token_scopes[i], name) == 0) {
            *out = (enum scope)(SCOPE_READ + i);
            return true;
        }
    return false;
}

const char *token_scope_name(enum scope s)
{
    return s >= SCOPE_READ ? token_scopes[s - SCOPE_READ] : "admin";
}

enum err token_check_label(const char *label, struct error *e)
{
    size_t n = strlen(label);
    bool only_digits = true, is_good = n > 0 && n < TOKEN_LABEL_BYTES;

    for (const char *c = label; *c && is_good; c++) {
        is_good = isalnum((unsigned char)*c) || strchr("._-@", *c);
        only_digits &= isdigit((unsigned char)*c) != 0;
    }
    if (is_good && !only_digits)
        return ERR_OK;
    return error_set(e, ERR_INVALID,
                     "label \"%.80s\": expected up to %d letters, digits, '.', '_', '-' or '@', not "
                     "all digits",
                     label, TOKEN_LABEL_BYTES - 1);
}

enum err token_make(const struct token_wish *wish, char secret[SECRET_TEXT_BYTES],
                    struct token_record *out, struct error *e)
{
    enum scope scope;

    TRY(token_check_label(wish->label, e));
    if (!token_scope_find(wish->scope, &scope))
        return error_set(e, ERR_INVALID, "scope \"%.80s\" is none of read, submit, admin",
                         wish->scope);
    TRY(secret_make(secret, e));
    *out = (struct token_record){
        .label = wish->label, .scope = wish->scope, .created_at_ms = clock_now_ms()};
    if (wish->lifetime_ms > 0)
        out->expires_at_ms = out->created_at_ms + wish->lifetime_ms;
    secret_digest(secret, out->digest);
    return ERR_OK;
}
