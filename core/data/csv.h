/*
 * Delimited text (RFC 4180 and its many dialects) as a stream of records. What comes out does
 * not depend on the sizes in which the source hands out its bytes.
 *
 * Taken: quoted cells with doubled quotes and line breaks; LF, CRLF and CR line ends; a UTF-8 byte
 * order mark; blanks around cells; blank lines and comment lines, which are skipped.
 */
#ifndef SWEEPD_CORE_DATA_CSV_H
#define SWEEPD_CORE_DATA_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/data/record.h"
#include "core/data/source.h"

enum {
    CSV_WHITESPACE = ' ', /* this delimiter stands for any run of blanks and tabs */
    CSV_MAX_CELL = 1 << 20,   /* bytes */
    CSV_MAX_RECORD = 64 << 20 /* bytes */
};

struct csv;

/** Reads `s`, borrowed, from where it stands. `comment` is borrowed; NULL or empty for none. */
enum err csv_create(const struct source *s, char delimiter, const char *comment, struct csv **out,
                    struct error *e);
void csv_destroy(struct csv *c);

/** The next record; one without cells at the end. A last line needs no line end. */
enum err csv_next(struct csv *c, struct record *r, struct error *e);

/** Column names, borrowed, for messages from now on. */
void csv_set_names(struct csv *c, char *const *names, size_t n);

/** Comment lines below the first record, and the line of the first of them. */
uint64_t csv_comments(const struct csv *c, uint64_t *first_line);

/** The last comment line above the first record, without its prefix; NULL if there was none. */
const char *csv_last_comment(const struct csv *c);

/** ERR_INVALID, "line 17, column 3 \"width\": …"; column from 1, 0 for the whole line. */
enum err csv_fault(const struct csv *c, uint64_t line, size_t column, struct error *e,
                   const char *format, ...) __attribute__((format(printf, 5, 6)));

/** A text as a message can show it: 40 bytes at most, cut between characters, no controls. */
const char *csv_preview(const char *text, char out[64]);

#endif
