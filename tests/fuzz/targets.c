#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/fuzz/readers.h"

const struct fuzz_target fuzz_targets[] = {
    /* read.c */
    {"csv", read_table, "csv"},
    {"tsv", read_table, "tsv"},
    {"npy", read_table, "npy"},
    {"npz", read_table, "npz"},
    {"idx", read_table, "idx"},
    {"arff", read_table, "arff"},
    {"libsvm", read_table, "libsvm"},
    {"any", read_table, NULL},
    {"dialect", read_dialect, NULL},
    /* json.c */
    {"json", read_json, NULL},
    {"body", read_body, NULL},
    {"import", read_import, NULL},
    {"sentences", read_sentences, NULL},
    /* definition.c */
    {"definition", read_definition, NULL},
    {"patch", read_patch, NULL},
    {"require", read_require, NULL},
    /* http.c */
    {"url", read_url, NULL},
    {"head", read_head, NULL},
    {"form", read_form, NULL},
    /* files.c */
    {"config", read_config, NULL},
    {"options", read_options, NULL},
    {"tokens", read_tokens, NULL},
    /* service.c */
    {"request", read_request, NULL},
    {.name = NULL},
};

void fuzz_refused_json(enum err code, const struct error *e, const struct faults *faults)
{
    fuzz_refused(code, e);
    if (code == ERR_SYNTAX)
        FUZZ_MUST(strstr(e->message, "line ") != NULL);
    if (code == ERR_INVALID)
        FUZZ_MUST(faults->n > 0);
    for (const struct fault *f = faults->first; f; f = f->next) {
        FUZZ_MUST(f->pointer[0] == '\0' || f->pointer[0] == '/');
        FUZZ_MUST(f->detail[0] != '\0');
    }
}

char *fuzz_text(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);

    FUZZ_MUST(text);
    memcpy(text, data, size);
    text[size] = '\0';
    return text;
}

int fuzz_file(const uint8_t *data, size_t size, char path[64])
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC);

    FUZZ_MUST(fd >= 0);
    FUZZ_MUST(write(fd, data, size) == (ssize_t)size);
    FUZZ_MUST(fchmod(fd, 0600) == 0);
    FUZZ_MUST(lseek(fd, 0, SEEK_SET) == 0);
    (void)snprintf(path, 64, "/proc/self/fd/%d", fd);
    return fd;
}
