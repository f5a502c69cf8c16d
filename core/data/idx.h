/*
 * IDX, the format of MNIST: a magic with type and number of dimensions, the dimensions, the block,
 * all in big-endian order. Images and labels are files of their own.
 */
#ifndef SWEEPD_CORE_DATA_IDX_H
#define SWEEPD_CORE_DATA_IDX_H

#include "core/data/format.h"

bool idx_recognises(const unsigned char *first, size_t n);

/**
 * One file, or images and labels (the file of one dimension), or these of a training and a test
 * set, told apart by "train" and "t10k" or "test" in their names; in any order.
 */
format_open idx_open;

#endif
