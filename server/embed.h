/*
 * Files that are part of the binary: the page and the migrations. The table is made at build
 * time by server/embed.sh.
 */
#ifndef SWEEPD_SERVER_EMBED_H
#define SWEEPD_SERVER_EMBED_H

struct embedded {
    const char *path;  /* from the project's root, as in "web/index.html"; NULL ends the table */
    const char *begin; /* the bytes, followed by a NUL that is not part of the file */
    const char *end;
};

/* Sorted as the Makefile lists them: folders together, names in byte order. */
extern const struct embedded embedded_files[];

#endif
