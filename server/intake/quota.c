#include "server/intake/quota.h"

#include <inttypes.h>

#include "server/store/store_owner.h"

static bool has_quota(const struct intake *in)
{
    return in->owner && in->has_quota;
}

enum err quota_check_running(const struct intake *in, struct reader *r, struct error *e)
{
    int64_t limit = (int64_t)in->config->max_owner_running;
    struct owner_use use;

    if (limit == 0 || !has_quota(in))
        return ERR_OK;
    TRY(store_owner_use(r, in->owner, &use, e));
    if (use.running < limit)
        return ERR_OK;
    return error_set(e, ERR_FORBIDDEN,
                     "quota max-owner-running: \"%s\" has %" PRId64
                     " experiments that are queued or running, and may have %" PRId64,
                     in->owner, use.running, limit);
}

enum err quota_check_bytes(const struct intake *in, struct reader *r, int64_t more, struct error *e)
{
    int64_t limit = (int64_t)in->config->max_owner_bytes;
    struct owner_use use;

    if (limit == 0 || !has_quota(in))
        return ERR_OK;
    TRY(store_owner_use(r, in->owner, &use, e));
    if (more <= limit - use.bytes)
        return ERR_OK;
    return error_set(e, ERR_FORBIDDEN,
                     "quota max-owner-bytes: the data sets of \"%s\" have %" PRId64
                     " bytes, and with %" PRId64 " more they would have more than %" PRId64,
                     in->owner, use.bytes, more, limit);
}
