/*
 * Every kept input once through its target: what was found stays found. The first argument is the
 * folder of the corpora, tests/fuzz/corpus where there is none.
 */
#include <dirent.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

static void run_file(const struct fuzz_target *t, const char *path)
{
    FILE *f = fopen(path, "rb");
    uint8_t *data = NULL;
    long size;

    FUZZ_MUST(f && fseek(f, 0, SEEK_END) == 0 && (size = ftell(f)) >= 0);
    rewind(f);
    data = malloc((size_t)size + 1); /* of its own size, so that a read beyond is seen */
    FUZZ_MUST(data && fread(data, 1, (size_t)size, f) == (size_t)size);
    data = realloc(data, size > 0 ? (size_t)size : 1);
    FUZZ_MUST(fclose(f) == 0);
    t->run(t->kind, data, (size_t)size);
    free(data);
}

static int run_folder(const struct fuzz_target *t, const char *folder)
{
    DIR *d = opendir(folder);
    struct dirent *entry;
    int n = 0;

    while (d && (entry = readdir(d))) {
        char path[1024];

        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        fprintf(stderr, "%s\n", path); /* the last line names the input that ends the program */
        run_file(t, path);
        n++;
    }
    if (d)
        (void)closedir(d);
    return n;
}

int main(int argc, char **argv)
{
    const char *corpora = argc > 1 ? argv[1] : "tests/fuzz/corpus";
    int n = 0, n_bad = 0;

    for (const struct fuzz_target *t = fuzz_targets; t->name; t++)
        n++;
    printf("1..%d\n", n);
    n = 0;
    for (const struct fuzz_target *t = fuzz_targets; t->name; t++) {
        char folder[512];
        int n_inputs;

        (void)snprintf(folder, sizeof folder, "%s/%s", corpora, t->name);
        n_inputs = run_folder(t, folder);
        n_bad += n_inputs == 0;
        printf("%s %d - the inputs that are kept for %s do no harm (%d)\n",
               n_inputs > 0 ? "ok" : "not ok", ++n, t->name, n_inputs);
        (void)fflush(stdout);
    }
    return n_bad > 0;
}
