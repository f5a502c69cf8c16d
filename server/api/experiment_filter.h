/*
 * Which experiments a call is about: the parameters that the list and the deletion of many share.
 */
#ifndef SWEEPD_SERVER_API_EXPERIMENT_FILTER_H
#define SWEEPD_SERVER_API_EXPERIMENT_FILTER_H

#include "server/api/encode.h"

struct experiment_filter {
    const char *dataset; /* as it was given */
    struct experiment_query query;
};

/* The lines of a table of parameters that read one. */
/* clang-format off */
#define EXPERIMENT_FILTERS(of, member)                                                             \
    FIELD("state", TEXT, of, member.query.state, .choices = encode_experiment_states,              \
          .summary = "only those"),                                                                \
    FIELD("dataset", TEXT, of, member.dataset, .pattern = "^[A-Za-z0-9_.-]+$",                     \
          .summary = "name or id: only those of this data set"),                                   \
    FIELD("tag", TEXT, of, member.query.tag, .summary = "only those with this tag"),               \
    FIELD("owner", TEXT, of, member.query.owner, .summary = "only those of this owner"),           \
    FIELD("q", TEXT, of, member.query.contains, .summary = "a part of the name")
#define EXPERIMENT_FINISHED_BEFORE(of, member, ...)                                                \
    FIELD("finished_before", TIME, of, member.query.finished_before_ms,                            \
          .summary = "only those that ended before: a time in UTC, or a day", __VA_ARGS__)
/* clang-format on */

struct call;

/**
 * call_query of a form that has these parameters, and what they name looked up. In
 * experiment_list.c.
 *
 * f  the form's
 */
enum err experiment_filter_read(struct call *c, void *form, struct experiment_filter *f,
                                struct error *e);

#endif
