#include "core/search/bracket.h"

static uint32_t power(uint32_t exponent)
{
    uint32_t p = 1;

    while (exponent-- > 0)
        p *= RUNGS_RATIO;
    return p;
}

static uint32_t halve(uint32_t number, uint32_t n_rungs, uint32_t *first)
{
    (void)number;
    *first = 0;
    return power(n_rungs - 1);
}

static uint32_t halve_in_turn(uint32_t number, uint32_t n_rungs, uint32_t *first)
{
    uint32_t s;

    *first = (number - 1) % n_rungs;
    s = n_rungs - 1 - *first;
    return (n_rungs * power(s) + s) / (s + 1);
}

static const struct ladder_rule halving = {.bracket = halve};
static const struct ladder_rule halving_in_turn = {.bracket = halve_in_turn};

const struct pruner_kind successive_halving_pruner = {
    .name = "successive_halving",
    .summary = "trains trials in brackets: all to the first of a few epochs, 3 times as many with "
               "each rung, and after each the best third goes on",
    .reason = "dominated",
    .ladder = &halving,
};

const struct pruner_kind hyperband_pruner = {
    .name = "hyperband",
    .summary = "successive halving in brackets that begin in turn with few epochs and many trials, "
               "up to all epochs and few trials",
    .reason = "dominated",
    .ladder = &halving_in_turn,
};
