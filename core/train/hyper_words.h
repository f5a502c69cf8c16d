/*
 * The words of the table of hyperparameters, in the order of their enums and NULL-terminated. For
 * hyper.c and hyper_spec.c.
 */
#ifndef SWEEPD_CORE_TRAIN_HYPER_WORDS_H
#define SWEEPD_CORE_TRAIN_HYPER_WORDS_H

extern const char *const hyper_activations[],
    *const hyper_optimizers[], *const hyper_inits[], *const hyper_losses[],
                                                         *const hyper_schedules[],
                                                             *const hyper_scalings[],
                                                                 *const hyper_imputes[],
                                                                     *const hyper_class_weights[];

#endif
