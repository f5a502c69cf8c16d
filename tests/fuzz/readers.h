/*
 * The functions behind the targets, by the file they are in.
 */
#ifndef SWEEPD_TESTS_FUZZ_READERS_H
#define SWEEPD_TESTS_FUZZ_READERS_H

#include "tests/fuzz/fuzz.h"

typedef void fuzz_reader(const char *kind, const uint8_t *data, size_t size);

fuzz_reader read_table, read_dialect;                          /* read.c */
fuzz_reader read_json, read_body, read_import, read_sentences; /* json.c */
fuzz_reader read_definition, read_patch, read_require;         /* definition.c */
fuzz_reader read_url, read_head, read_form;                    /* http.c */
fuzz_reader read_config, read_options, read_tokens;            /* files.c */
fuzz_reader read_request;                                      /* service.c */

#endif
