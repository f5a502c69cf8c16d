/*
 * Every name that this build knows, with a line about each, its type, default and range, so that a
 * client needs no other documentation. Part of what the service says of itself.
 */
#ifndef SWEEPD_SERVER_API_CATALOGUE_H
#define SWEEPD_SERVER_API_CATALOGUE_H

#include "server/schema/field.h"

/** Writes the list that the key names: hyperparameters, activations, …, budgets. */
void catalogue_write(const void *in, struct json *j, const char *key);

/** A schema for each of these lists. */
field_documenter catalogue_document;

void catalogue_write_ask_and_tell(const void *in, struct json *j, const char *key);
field_documenter catalogue_document_ask_and_tell;

#endif
