#include "server/api/quota.h"

#include <inttypes.h>

#include "server/store/store_owner.h"

static bool has_quota(const struct call *c)
{
    return call_owner(c) && c->user->scope < SCOPE_ADMIN;
}

enum err quota_check_running(const struct call *c, struct reader *r, struct error *e)
{
    int64_t limit = (int64_t)c->api->config->max_owner_running;
    struct owner_use use;

    if (limit == 0 || !has_quota(c))
        return ERR_OK;
    TRY(store_owner_use(r, call_owner(c), &use, e));
    if (use.running < limit)
        return ERR_OK;
    return error_set(e, ERR_FORBIDDEN,
                     "quota max-owner-running: \"%s\" has %" PRId64
                     " experiments that are queued or running, and may have %" PRId64,
                     call_owner(c), use.running, limit);
}

enum err quota_check_bytes(const struct call *c, struct reader *r, int64_t more, struct error *e)
{
    int64_t limit = (int64_t)c->api->config->max_owner_bytes;
    struct owner_use use;

    if (limit == 0 || !has_quota(c))
        return ERR_OK;
    TRY(store_owner_use(r, call_owner(c), &use, e));
    if (more <= limit - use.bytes)
        return ERR_OK;
    return error_set(e, ERR_FORBIDDEN,
                     "quota max-owner-bytes: the data sets of \"%s\" have %" PRId64
                     " bytes, and with %" PRId64 " more they would have more than %" PRId64,
                     call_owner(c), use.bytes, more, limit);
}
