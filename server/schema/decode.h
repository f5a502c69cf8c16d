/*
 * The parts of a definition while it is decoded. For this folder alone: it shows cJSON.
 */
#ifndef SWEEPD_SERVER_SCHEMA_DECODE_H
#define SWEEPD_SERVER_SCHEMA_DECODE_H

#include "server/schema/definition.h"
#include "server/schema/reader.h"

/* What every part needs. */
struct decoding {
    struct reader root;
    const struct definition_facts *facts;
    struct definition *d; /* filled in part by part */
    struct faults *faults;
};

/** The member, or NULL where it is left out or null. */
const cJSON *decode_member(const struct reader *r, const char *key);

/** "grid" and {"kind": "grid", …} are the same; false without a kind. */
bool decode_kind(const struct reader *r, struct reader *kind);

/** False, after a fault, for anything but an object. */
bool decode_is_object(const struct reader *r);

/** objective and its pruner, in place of everything that is about data. */
enum err decode_objective(const struct decoding *c, struct error *e);

/** cross_validation and sealed: which rows are judged. */
void decode_split(const struct decoding *c);

void decode_seed(const struct decoding *c);

/** sampler, pruner, budget and space: what is tried, and how many trials it makes. */
enum err decode_search(const struct decoding *c, struct error *e);

/* ---- for documentation ---------------------------------------------------------------------- */

/** Keys of a definition that have no part in one with an objective. */
extern const char *const decode_not_of_studies[];

field_documenter decode_document_sampler, decode_document_pruner, decode_document_reports,
    decode_document_split, decode_document_sealed, decode_document_seed;

/** Writes, as an element, one of the names of kinds. */
void decode_document_names(const char *const *names, struct json *j);

/** Writes {"kind": one of the names, …}, the other keys from a table whose first line is `kind`. */
void decode_document_kind(const char *const *names, const struct field *fields, struct json *j);

#endif
