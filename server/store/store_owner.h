/*
 * What an owner has, for quotas.
 */
#ifndef SWEEPD_SERVER_STORE_STORE_OWNER_H
#define SWEEPD_SERVER_STORE_STORE_OWNER_H

#include <stdint.h>

#include "core/base/error.h"
#include "server/store/store.h"

struct owner_use {
    int64_t running; /* experiments that are queued or running */
    int64_t bytes;   /* of data sets, as received */
};

enum err store_owner_use(struct reader *r, const char *owner, struct owner_use *out,
                         struct error *e);

#endif
