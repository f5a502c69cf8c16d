#include "tests/core/train/traces.h"

#include <stdlib.h>
#include <string.h>

#include "tests/core/train/folds.h"

enum { N_PLAIN = 20 };

struct traces_folds traces_folds_make(void)
{
    return (struct traces_folds){{
        folds_blobs(61, 5, 3, false),
        folds_blobs(47, 20, 2, true),
        folds_linear(53, 9, 1),
        folds_linear(40, 3, 4),
        folds_blobs(300, 4, 17, false),
    }};
}

void traces_folds_finish(struct traces_folds *f)
{
    for (size_t i = 0; i < TRACES_FOLDS; i++)
        folds_destroy(f->data[i]);
}

/* From N_PLAIN on everything that a network can have takes its turn. */
static void add_everything(size_t i, enum task task, struct spec *s)
{
    s->init = (enum init)(i % INIT_COUNT);
    s->loss = task == TASK_REGRESSION ? (enum loss)(LOSS_MSE + i % (LOSS_COUNT - 1))
                                      : (enum loss)(i % LOSS_COUNT);
    s->optimizer = (enum optimizer)(i % OPTIMIZER_COUNT);
    s->schedule = (enum schedule)(i % SCHEDULE_COUNT);
    s->rho = 0.9;
    s->weight_decay = 0.01;
    s->step_epochs = 1;
    s->decay = 0.5;
    s->final_fraction = 0.1;
    s->warmup_fraction = 0.3;
    s->plateau_patience = 1;
    s->early_stopping = i % 4 ? 0 : 2;
    s->early_stopping_fraction = 0.2;
    s->l1 = i % 5 ? 0.0 : 0.001;
    s->gradient_clip = i % 3 ? 0.0 : 0.5;
    s->huber_delta = 0.5;
    s->batch_norm = i % 4 == 1;
    s->balanced = task == TASK_CLASSIFICATION && i % 2;
    for (size_t l = 0; l < s->n_hidden; l++) {
        s->activation[l] = (enum activation)((i + 5 * l) % ACTIVATION_COUNT);
        s->dropout[l] = i % 3 == 1 ? 0.3 : 0.0;
    }
}

/* The i-th of TRACES_SPECS varied configurations for a task. */
static struct spec spec_of(size_t i, enum task task)
{
    struct spec s = {
        .n_hidden = i % 4,
        .init = (enum init)(i % 4),
        .loss = task == TASK_REGRESSION || i % 7 == 0 ? LOSS_MSE : LOSS_CROSS_ENTROPY,
        .optimizer = i % 2 ? OPTIMIZER_ADAM : OPTIMIZER_SGD,
        .learning_rate = 0.01,
        .momentum = i % 3 ? 0.9 : 0.0,
        .nesterov = i % 3 == 2,
        .beta1 = 0.9,
        .beta2 = 0.999,
        .epsilon = 1e-8,
        .l2 = i % 5 ? 0.0 : 0.01,
        .batch_size = i % 6 == 0 ? 0 : 7 + i % N_PLAIN,
        .epochs = TRACES_EPOCHS,
    };

    for (size_t l = 0; l < s.n_hidden; l++) {
        s.width[l] = 1 + (i * 7 + l * 11) % 40;
        s.activation[l] = (enum activation)((i + l) % 4);
    }
    if (i >= N_PLAIN)
        add_everything(i, task, &s);
    return s;
}

void traces_run(const struct kernel *k, const struct traces_folds *f, size_t i, struct trace *out)
{
    const struct fold_data *d = f->data[i % TRACES_FOLDS];
    const char *decides = d->task == TASK_CLASSIFICATION ? "log_loss" : "rmse";
    struct spec s = spec_of(i, d->task);
    const struct train_result *r;
    struct train *t;

    memset(out, 0, sizeof *out);
    if (train_create(&s, d, k, metric_find(decides), 21, 1, (uint32_t)i, &t, NULL) != ERR_OK)
        abort();
    (void)train_run_to(t, TRACES_EPOCHS, NULL, NULL);
    r = train_result(t);
    out->hash = r->weights_hash;
    memcpy(out->train_loss, r->train_loss, r->epochs_run * sizeof(double));
    memcpy(out->validation_loss, r->validation_loss, r->epochs_run * sizeof(double));
    memcpy(out->validation_score, r->validation_score, r->epochs_run * sizeof(double));
    memcpy(out->metrics[0], r->train, r->n_metrics * sizeof(double));
    memcpy(out->metrics[1], r->validation, r->n_metrics * sizeof(double));
    train_destroy(t);
}
