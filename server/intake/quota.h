/*
 * How much one owner may have at once, where the operator has set a limit. Whoever is nobody in
 * particular, and an admin, has none. Inside the transaction that makes more a check is exact.
 */
#ifndef SWEEPD_SERVER_INTAKE_QUOTA_H
#define SWEEPD_SERVER_INTAKE_QUOTA_H

#include "server/intake/intake.h"

/** ERR_FORBIDDEN, with the limit and what it counts, unless one more experiment may run. */
enum err quota_check_running(const struct intake *in, struct reader *r, struct error *e);

/** The same for so many bytes more of data sets. */
enum err quota_check_bytes(const struct intake *in, struct reader *r, int64_t more, struct error *e);

#endif
