/*
 * Targets: each takes an input of any bytes, gives it to one reader of ours and holds that to what
 * its header promises. A promise that is broken ends the program.
 */
#ifndef SWEEPD_TESTS_FUZZ_FUZZ_H
#define SWEEPD_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/error.h"
#include "server/schema/faults.h"

struct fuzz_target {
    const char *name; /* NULL ends the table */
    void (*run)(const char *kind, const uint8_t *data, size_t size);
    const char *kind; /* what a target shares with its neighbours, but for this; or NULL */
};

extern const struct fuzz_target fuzz_targets[];

#define FUZZ_MUST(promise)                                                                         \
    do {                                                                                           \
        if (!(promise)) {                                                                          \
            fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #promise);                  \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/** What refuses an input does so in words, and is no failure of ours. */
static inline void fuzz_refused(enum err code, const struct error *e)
{
    FUZZ_MUST(code == ERR_SYNTAX || code == ERR_LIMIT || code == ERR_INVALID);
    FUZZ_MUST(e->code == code);
    FUZZ_MUST(e->message[0] != '\0');
}

/** The same of JSON: what cannot be parsed has a line, what is not valid has faults with places. */
void fuzz_refused_json(enum err code, const struct error *e, const struct faults *faults);

/** The input as a text: what a NUL ends. The caller frees it. */
char *fuzz_text(const uint8_t *data, size_t size);

/** The input as a file that can be opened by name: a descriptor, to be closed, and "/proc/…". */
int fuzz_file(const uint8_t *data, size_t size, char path[64]);

#endif
