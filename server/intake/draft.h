/*
 * A definition comes in: decoded against its data set, checked by cutting the folds, planned, and,
 * unless it was only to be validated, stored and begun. One with an objective has neither data nor
 * folds, and nothing of it begins before somebody asks.
 */
#ifndef SWEEPD_SERVER_INTAKE_DRAFT_H
#define SWEEPD_SERVER_INTAKE_DRAFT_H

#include <stddef.h>
#include <stdint.h>

#include "core/data/split.h"
#include "server/intake/intake.h"
#include "server/schema/definition.h"
#include "server/schema/plan.h"
#include "server/store/store_dataset.h"

/* A definition with what was found out about it. The first three are the maker's to set. */
struct draft {
    const struct intake *in;
    const char *body; /* the definition as it was given */
    size_t body_length;
    struct dataset_record dataset;
    const struct table *table; /* taken */
    struct definition_facts facts;
    struct definition *definition;
    struct split *split;
    struct plan plan;
    const char *json; /* the definition, complete */
    int64_t id;       /* once it is stored */
};

/** Decodes, checks and plans. ERR_INVALID with faults, ERR_SYNTAX. */
enum err draft_make(struct draft *d, struct error *e);

/** Stores what draft_make made and lets it begin; d->id is the experiment, for in->stored too. */
enum err draft_submit(struct draft *d, struct error *e);

/**
 * The newest experiment with this definition and data that was neither cancelled nor failed; a
 * definition without a name is one whatever its experiment is called. ERR_NOT_FOUND.
 */
enum err draft_find_same(struct draft *d, int64_t *id, struct error *e);

/** Accepts one of which nothing was made. */
void draft_finish(struct draft *d);

#endif
