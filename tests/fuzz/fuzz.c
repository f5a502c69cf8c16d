/*
 * libFuzzer's entry: FUZZ_TARGET names the target.
 */
#include <string.h>

#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct fuzz_target *choose(void)
{
    const char *name = getenv("FUZZ_TARGET");
    const struct fuzz_target *t = fuzz_targets;

    while (t->name && (!name || strcmp(t->name, name) != 0))
        t++;
    if (t->name)
        return t;
    fprintf(stderr, "FUZZ_TARGET is none of:");
    for (t = fuzz_targets; t->name; t++)
        fprintf(stderr, " %s", t->name);
    fprintf(stderr, "\n");
    exit(2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct fuzz_target *target;

    if (!target)
        target = choose();
    target->run(target->kind, data, size);
    return 0;
}
