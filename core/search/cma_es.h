/*
 * CMA-ES with margin: generations of points drawn from a normal distribution over numbers, which
 * then moves and turns towards the better half. For long searches over numbers that every trial
 * uses; it begins to pay at about a hundred trials for each.
 *
 * A generation is as many consecutive trials as cma_population says, and its points depend on
 * complete generations alone: within one nothing is learnt, whatever `concurrency` would allow. A
 * point that it did not draw (put in a queue by a person, or taken because all it drew were tried)
 * is pulled to where it could have drawn it. Failed trials are the worst of their generation.
 *
 * Categories, where they are the lesser part, are drawn each by its own probabilities, which move
 * towards those of the better half; a number that a trial does not use is drawn for it all the
 * same.
 *
 * Source  as in cma_model.h; smoothed frequencies with a floor: de Boer, Kroese, Mannor,
 * Rubinstein: A tutorial on the cross-entropy method. Annals of Operations Research 134, 2005
 */
#ifndef SWEEPD_CORE_SEARCH_CMA_ES_H
#define SWEEPD_CORE_SEARCH_CMA_ES_H

#include "core/search/sampler.h"

extern const struct sampler_kind cma_es_sampler;

#endif
