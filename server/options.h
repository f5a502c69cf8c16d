/*
 * The common options, one line each. Part of config.h.
 */
#ifndef SWEEPD_SERVER_OPTIONS_H
#define SWEEPD_SERVER_OPTIONS_H

#include "server/config.h"

struct option {
    const char *name;     /* "--NAME"; "NAME = …" in the config file; SWEEPD_NAME in capitals */
    const char *argument; /* for --help */
    const char *help;
    enum err (*set)(struct config *c, const char *text, struct error *e);
    size_t offset, size; /* of what it sets in struct config */
    unsigned uses;       /* enum config_use */
    bool renews;         /* SIGHUP can change it */
};

extern const struct option options[];
extern const size_t n_options;

/** NULL where there is none. */
const struct option *option_find(const char *name, size_t length);

/** The variable of the environment: "SWEEPD_LOG_LEVEL". */
void option_variable(const struct option *o, char *out, size_t capacity);

/** The defaults of all of them. */
void options_reset(struct config *c);

/** What no option can see alone. */
enum err options_check(const struct config *c, enum config_use use, struct error *e);

#endif
