#include "server/store/store_owner.h"

#include "server/store/stmt.h"

enum err store_owner_use(struct reader *r, const char *owner, struct owner_use *out,
                         struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};
    struct owner_use use;
    bool row;

    TRY(stmt_begin(r,
                   "SELECT (SELECT count(*)"
                   "          FROM experiment"
                   "         WHERE owner = ?1 AND state IN ('queued', 'running')),"
                   "       (SELECT coalesce(sum(bytes), 0) FROM dataset WHERE owner = ?1)",
                   &q, e));
    stmt_bind_text(&q, owner);
    TRY(stmt_next(&q, &row, e));
    use.running = stmt_i64(&q);
    use.bytes = stmt_i64(&q);
    TRY(stmt_check(&q, e));
    *out = use;
    return ERR_OK;
}
