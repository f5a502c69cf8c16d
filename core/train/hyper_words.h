/*
 * The words of the table of hyperparameters, in the order of their enums and NULL-terminated, and a
 * line about each. For hyper.c and hyper_spec.c.
 */
#ifndef SWEEPD_CORE_TRAIN_HYPER_WORDS_H
#define SWEEPD_CORE_TRAIN_HYPER_WORDS_H

extern const char *const hyper_activations[];
extern const char *const hyper_optimizers[];
extern const char *const hyper_inits[];
extern const char *const hyper_losses[];
extern const char *const hyper_schedules[];
extern const char *const hyper_scalings[];
extern const char *const hyper_imputes[];
extern const char *const hyper_class_weights[];

extern const char *const hyper_activation_summaries[];
extern const char *const hyper_optimizer_summaries[];
extern const char *const hyper_init_summaries[];
extern const char *const hyper_loss_summaries[];
extern const char *const hyper_schedule_summaries[];
extern const char *const hyper_scaling_summaries[];
extern const char *const hyper_impute_summaries[];
extern const char *const hyper_class_weight_summaries[];

#endif
