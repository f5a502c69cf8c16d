/*
 * What is learnt from a table: a class, or numbers.
 */
#ifndef SWEEPD_CORE_BASE_TASK_H
#define SWEEPD_CORE_BASE_TASK_H

enum task { TASK_CLASSIFICATION, TASK_REGRESSION };

#endif
