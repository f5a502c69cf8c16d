/*
 * What the files of this folder share: the parts of the service, and a search with its trials
 * and folds. Only the conductor's thread touches a search, but for what is marked otherwise.
 */
#ifndef SWEEPD_SERVER_JOBS_PRIVATE_H
#define SWEEPD_SERVER_JOBS_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/data/prepare.h"
#include "core/data/split.h"
#include "core/nn/metric.h"
#include "core/search/ladder.h"
#include "core/search/pruner.h"
#include "core/search/rungs.h"
#include "core/search/sampler.h"
#include "core/train/spec.h"
#include "server/jobs/cache.h"
#include "server/jobs/conductor.h"
#include "server/jobs/jobs.h"
#include "server/jobs/pace.h"
#include "server/jobs/queue.h"
#include "server/jobs/room.h"
#include "server/jobs/runner.h"
#include "server/jobs/stop.h"
#include "server/jobs/study.h"
#include "server/jobs/writer.h"
#include "server/schema/definition.h"
#include "server/store/store.h"
#include "server/store/store_fold.h"
#include "server/store/store_trial.h"
#include "server/store/store_unseal.h"

struct train_result;

struct jobs {
    struct store *store;
    struct writer *writer;
    struct queue *queue;
    struct runner *runner;
    struct conductor *conductor;
    struct cache *cache;
    struct room *room;
    struct jobs_options options;
    struct search *searches;   /* oldest first */
    struct search *unsealings; /* of experiments that have ended, newest first */
    struct studies *studies;   /* any thread; see study.h */
    int64_t only;              /* the experiment that began last, for one that is alone */
    bool is_due;               /* something is to be taken up again: see again.c */
    struct note again;         /* that this is to be done at once, */
    bool has_tried, is_told;   /* which it was since a fold was stored; which is on its way */
    int n_short;               /* how often memory was short since a fold was stored */
    pthread_mutex_t lock;      /* of what commands want stored (struct state_write), and of: */
    bool is_waiting;           /* something cannot go on, */
    struct error why;          /* for this reason */
    atomic_bool stopping;      /* any thread: leave trainings as soon as possible */
    struct pace pace;
    /* Any thread: folds that were stored since the start. */
    atomic_uint_fast64_t folds_completed, folds_failed, folds_reused, training_us;
};

enum { OUTCOME_CURVES = 5 };

enum fold_state {
    FOLD_COMPLETED,
    FOLD_FAILED,
    FOLD_DROPPED,
    FOLD_PARKED /* it has come as far as was asked, and may go on */
};

/* What came of one fold; written by its worker, then handed on. */
struct outcome {
    enum fold_state state;
    bool diverged;             /* failed because its loss did */
    enum err refused;          /* dropped for this, which says nothing of the fold; ERR_OK: unwanted */
    char error[512];           /* a sentence; empty if all is well */
    size_t epochs, epochs_run; /* scored, trained */
    double seconds;
    int64_t finished_at_ms;
    uint64_t weights_hash;
    int64_t reused_experiment, reused_trial; /* where it was trained; 0: here */
    double *train, *validation; /* of each of the definition's metrics; NaN where undefined */
    double rungs[RUNGS_MOST];   /* the deciding metric on the search's rungs; NaN: none */
    /* train_loss, validation_loss, validation_score, learning_rate, layers */
    struct buf curves[OUTCOME_CURVES];
    struct buf warnings; /* sentences, each with a NUL after it; until the trial is closed */
};

/* One fold of one trial on its way: queue, worker, writer, conductor. */
struct fold_run {
    struct job job;
    struct write write;
    struct note note;
    struct trial_run *trial;
    uint32_t repeat, fold;    /* from 1; an unsealing's are 0 */
    size_t goal;              /* epochs to be trained next */
    bool finished;            /* stored in the database; conductor's thread */
    bool stored;              /* the same, as the writer's thread knows it */
    bool closes;              /* its trial ended with it; from the writer */
    bool is_copied;           /* it was trained before, and its result has been copied */
    bool is_carried;          /* by the training of a longer run */
    struct fold_run *shorter; /* those that this one's training carries, in order of epochs */
    struct outcome outcome;
};

/* One trial that has not ended. */
struct trial_run {
    struct trial_run *next, *previous; /* of the search, newest first */
    struct search *search;
    int64_t number;
    struct arena *arena; /* holds params, network and scores */
    struct params params;
    struct trial_network network;
    const char *key; /* names what is trained: see reuse.c */
    const char *run; /* the same for trials that differ in epochs alone and may share; else NULL */
    bool is_known;   /* there may be folds of it in the database */
    struct spec spec;
    struct prepare_spec prepare;
    atomic_bool started;   /* any worker */
    atomic_bool trained;   /* any worker: a fold of it has a result */
    int64_t started_at_ms; /* set by the worker that starts it; 0: it was started before */
    atomic_int_fast64_t
        spent_us; /* any worker: of training, where budget.trial_seconds limits it */
    struct write start_write;
    struct write close_write;
    struct note close_note;
    struct error refused;   /* by the store, when it was to be closed */
    struct past past;       /* what the sampler is told; from trial_apply_close on */
    bool is_revisit;        /* it was pruned before, and gets one more fold */
    bool is_due;            /* a revisit's fold is still to be trained */
    bool is_stopped;        /* by the pruner, */
    struct verdict verdict; /* which said so */
    uint32_t bracket;       /* from 1; 0: none */
    bool waits;             /* on a rung: to be judged */
    struct ladder_verdict climb;
    size_t n_due;           /* folds on their way to the rung */
    uint64_t kind;          /* of its folds, as in struct job */
    size_t n_left;          /* folds without a result */
    size_t n_folds;         /* of all repeats */
    struct fold_run folds[];
};

/* The search's own state on its way to the database. */
struct state_write {
    struct write write;
    struct note note;
    struct search *search;
    bool busy;
    const char *state; /* NULL: only the elapsed time */
    const char *stop_reason;
    const char *failure; /* the search's; NULL: none */
    const struct also *then; /* the waiting command's; NULL: none, or it does not wait any more */
    int64_t elapsed_ms;
    struct error refused; /* by the store */
};

/* One experiment that has not ended; or, once it has ended, the unsealing of its sealed rows: then
 * a search without a sampler, with one trial of one fold. */
struct search {
    struct search *next;
    struct jobs *jobs;
    int64_t id;
    bool unseals; /* see unseal.c */
    struct arena *arena;
    const char *owner;
    struct definition *definition;
    const struct table *table; /* from the cache */
    const struct metric *metric;
    struct split *split;
    struct space *space;
    struct sampler *sampler;
    struct pruner *pruner; /* over folds; NULL: none */
    struct ladder *ladder; /* over epochs; NULL: none */
    struct rungs rungs;    /* that folds stop on; none where n is 0 */
    uint32_t *race;        /* (folds of a trial) indices in the order of the race */
    bool is_revisiting;    /* the open trials are a round of revisits */
    double test_share;     /* see scores.h */
    const char *content;   /* names what all its trainings have in common: see reuse.c */
    struct lane lane;
    struct trial_run *trials; /* proposed, not closed */
    int64_t n_open;           /* how many they are */
    int64_t n_proposed;       /* the number of the last proposal */
    int64_t n_flying;         /* what comes back as a note: folds, proposals, closings, states */
    const char *exhausted;    /* no more proposals: the reason; else NULL */
    struct stop stop;         /* what came of stop_when so far */
    bool paused;
    atomic_bool cancelled; /* any thread: its trainings are not wanted any more */
    bool is_out_of_time;   /* cancelled by its budget.seconds */
    bool is_left;          /* it is taken up again from the database: nothing more is begun */
    bool is_starved;       /* it is to be paused for want of memory, as `failure` says */
    bool ending;           /* its last state is being written */
    char failure[512];     /* why it cannot go on; empty if it can */
    double running_since;  /* clock_seconds; 0 while paused */
    double elapsed_before; /* seconds of running until then */
    struct state_write state, elapsed;
    struct command *waiting; /* a command that waits for its effect */
    struct note *put_off;    /* commands that have come meanwhile, in order */
};

/* ---- training.c: the workers' side ---- */

/** Trains the fold of a task and posts what came of it. Any worker. */
void training_run(void *ctx, struct job *task);

/* ---- outcome.c; any thread that has the fold ---- */

/** Takes what has come of a fold's training so far; the outcome was forgotten before. */
enum err outcome_keep(struct fold_run *run, const struct train_result *r, struct error *e);

/** Sets state, epochs and the scores on the rungs from a stored fold with its curves. */
enum err outcome_read(const struct rungs *rungs, const struct fold_record *f, struct outcome *out,
                      struct error *e);

/** Failed for this; or dropped, where it is none of the fold's own. */
void outcome_fail(struct outcome *o, const struct error *e);

/** Frees curves and warnings. */
void outcome_forget(struct outcome *o);

/** Stores the fold; a parked one as cut. The writer's thread. */
enum err outcome_insert(struct store *store, const struct fold_run *run, struct error *e);

/** Cancels the trials of an experiment that have not ended, since it has itself: "user", "budget" or
 * "error". */
enum err outcome_cancel_rest(struct store *store, int64_t experiment, const char *reason,
                             int64_t at_ms, struct error *e);

/* ---- search.c, on the conductor's thread ---- */

/** A fold's outcome is stored, or was dropped. */
void search_fold_ended(struct note *n);

/** Lets a loaded search begin, or fail; the command is answered once that is stored. */
void search_begin(struct search *s, struct command *c);

/** True while an earlier command has not had its effect. */
bool search_is_busy(const struct search *s);

/** Keeps a command until the earlier one has had its effect. */
void search_put_off(struct search *s, struct command *c);

/* Only while the search is not busy: */
void search_cancel(struct search *s, struct command *c);
void search_pause(struct search *s, bool paused, struct command *c);
void search_extend(struct search *s, struct command *c);

/** Once a second. */
void search_tick(struct search *s);

/** Looks what is to be done next, after anything has happened; the search may be gone then. */
void search_go_on(struct search *s);

/** Hands a fold to the workers, to be trained to an epoch. */
void search_queue_fold(struct fold_run *f, size_t goal);

/** Stores the end of a trial. */
void search_close_trial(struct trial_run *t);

/** Hands a trial's folds that are to be trained to the workers; closes one that has none left. */
void search_queue_trial(struct trial_run *t);

/** Puts a trial on the list of those that are open. */
void search_trial_add(struct search *s, struct trial_run *t);

/**
 * Ends the search as failed, as soon as nothing of it is on its way. Where the fault may pass by
 * itself it is left instead, and taken up again from the database: see again.c.
 */
void search_fail(struct search *s, const char *what, const struct error *why);

/** True where nothing more of it is to be begun. */
bool search_is_over(const struct search *s);

/** Frees a search, which nothing will come back to any more. Accepts a half-built one. */
void search_destroy(struct search *s);

/* ---- again.c, on the conductor's thread ---- */

/** Has what is stored of an experiment or an unsealing taken up again, soon. */
void again_later(struct jobs *j, int64_t id, const char *what, const struct error *e);

/** Whether something waits for that, and why. Any thread. */
bool again_is_waiting(struct jobs *j, struct error *why);

/** Whether memory is short again and again while nothing gets on. */
bool again_is_vain(const struct jobs *j);

/** A fold was stored. */
void again_got_on(struct jobs *j);

/** Loads an experiment that is not in memory and lets it begin. The command, or NULL, is answered. */
struct command;
void again_begin(struct jobs *j, int64_t id, struct command *c);

/** Once a second. */
void again_tick(struct jobs *j);

/* ---- unseal.c ---- */

/** Goes on with the unsealing that is stored of an experiment, unless it has ended or is under way
 * already. Conductor's thread. */
enum err unseal_begin(struct jobs *j, int64_t id, struct error *e);

/** Leaves an unsealing that nobody wants any more; nothing of it is stored. Conductor's thread. */
void unseal_drop(struct jobs *j, int64_t id);

/** Where the fold of an unsealing goes in place of a trial's. As in struct write, struct note. */
enum err unseal_apply_start(struct store *store, struct write *w, struct error *e);
enum err unseal_apply_fold(struct store *store, struct write *w, struct error *e);
void unseal_fold_ended(struct note *n);

/* ---- propose.c, on the conductor's thread ---- */

/** How many trials may be proposed now. */
size_t propose_room(const struct search *s);

/** Proposes at most `room` trials; none where there are no more, and s->exhausted says why. */
enum err propose_trials(struct search *s, size_t room, struct error *e);

/* ---- trial.c, on the conductor's thread ---- */

/** Makes a trial of proposed params, with folds that have no results; it joins no list. */
enum err trial_create(struct search *s, int64_t number, const struct params *params,
                      struct trial_run **out, struct error *e);
void trial_destroy(struct trial_run *t);

/** What a trial that has ended so means to the sampler. What it was told of one that was stopped
 * holds whatever came of revisits: NaN where nothing was. */
struct past trial_past(const struct search *s, const char *state, double score, double search_loss);

/** True where its folds have trained for longer than budget.trial_seconds. Any thread. */
bool trial_is_late(const struct trial_run *t);

/** Stores the end of the trial that a close_write is embedded in. The writer's thread. */
enum err trial_apply_close(struct store *store, struct write *w, struct error *e);

/* ---- race.c, on the conductor's thread; a search with a pruner over folds ---- */

/** Makes the pruner, if the definition has one, and tells it all stored folds. */
enum err race_load(struct search *s, struct reader *r, struct error *e);

/** Says of a trial from the database that it was decided. */
enum err race_settle_stored(struct search *s, const struct trial_record *t, struct error *e);

/** Tells the pruner what came of a fold. */
enum err race_fold_ended(struct fold_run *run, struct error *e);

/** The fold that is to be trained next, and up to which epoch; NULL where the trial is to be closed,
 * as stopped or with all its folds. */
struct fold_run *race_next(struct trial_run *t, size_t *goal);

/** Says that a trial was decided, once that is stored. */
enum err race_closed(struct trial_run *t, struct error *e);

/** Why a trial was stopped. Any thread, while the trial is being closed. */
void race_sentence(const struct trial_run *t, struct buf *out);

/** With no open trial: takes up those of the next round of revisits; none where all is done. */
enum err race_revisit(struct search *s, struct error *e);

/** Ends the round of revisits if its trials are closed. */
void race_round_ended(struct search *s);

/* ---- climb.c, on the conductor's thread; a search with a pruner over epochs ---- */

/** Makes the ladder, if the definition has one. */
enum err climb_load(struct search *s, struct error *e);

/** Tells and settles a trial that has ended, stopped after race_epoch or, if that is 0, otherwise.
 */
void climb_settle_stored(const struct trial_run *t, int64_t race_epoch);

/** Sets what a trial's stored folds came to on the rungs. */
enum err climb_take_up_folds(struct trial_run *t, struct reader *r, struct error *e);

/** Hands the folds of a trial to the workers, up to its next rung. */
void climb_begin(struct trial_run *t);

/** A fold has come to the rung, or to its end. */
void climb_fold_ended(struct trial_run *t);

/** Judges the trials that wait. */
void climb_judge(struct search *s);

/** Why a trial was stopped. Any thread, while the trial is being closed. */
void climb_sentence(const struct trial_run *t, struct buf *out);

/* ---- reuse.c ---- */

/** Names what all trainings of a search have in common. Conductor's thread. */
enum err reuse_name_search(struct search *s, const char *dataset_hash, struct error *e);

/** Names what a trial trains. Conductor's thread. */
enum err reuse_name_trial(struct trial_run *t, struct error *e);

/** Whether folds of this trial may have been trained before. The writer's thread. */
enum err reuse_look(struct store *store, struct trial_run *t, struct error *e);

/** Copies a fold's result if it was trained before, else puts the fold into the queue. It comes
 * back like a fold that was trained, and is counted by the caller. Conductor's thread. */
void reuse_fold(struct fold_run *run);

/** Where all of a trial's folds were trained, if that was in one other trial; else 0. */
void reuse_source(const struct trial_run *t, int64_t *experiment, int64_t *trial);

/* ---- share.c, on the conductor's thread ---- */

/** True where trials of the search may differ in epochs alone, and are proposed ahead of results.
 */
bool share_is_wanted(const struct search *s);

/** Names the run that a trial may share with others. */
enum err share_name_trial(struct trial_run *t, struct error *e);

/** Lets folds of the longest trial carry those of trials that differ from it in epochs alone. */
enum err share_runs(struct trial_run *const *trials, size_t n, struct error *e);

/** Folds that a queued fold stands for: itself, and those that it carries. */
int64_t share_count(const struct fold_run *f);

/* ---- load.c, on the conductor's thread ---- */

/** Takes what came of a fold from its record. Any thread that has the fold. */
enum err load_outcome(struct fold_run *run, const struct fold_record *f, struct error *e);

/**
 * Reads an experiment from the database, with the trials that have not ended. One that cannot be
 * read has its `failure` set, and can only be begun, or is left. NULL if memory is short.
 */
struct search *search_load(struct jobs *j, int64_t id);

/**
 * Reads an experiment that has ended, with one trial on its list: the one to be unsealed, with the
 * one fold that this takes. One that cannot be read has its `failure` set. NULL if memory is short.
 */
struct search *search_load_unsealing(struct jobs *j, int64_t id,
                                     const struct unseal_record *record);

/** Reads a pruned trial with its folds, to be revisited; *out is NULL if it is not pruned. */
enum err load_pruned(struct search *s, struct reader *r, int64_t number, struct trial_run **out,
                     struct error *e);

/* The struct that a member is embedded in. */
#define OWNER(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

#endif
