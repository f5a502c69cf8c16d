/*
 * The engine without the service: the same trials on the same folds through core/train alone, to
 * tell what the daemon adds (HTTP, scheduling, storage).
 *
 *     engine file=digits.csv kind=stratified_kfold folds=5 metric=accuracy threads=2 < trials
 *
 * Each line of `trials` is a configuration: hidden=64,64 learning_rate=0.01 activation=relu. All
 * folds are prepared first, then all trainings run, longest first; both are timed. Seeds are the
 * daemon's defaults, so scores are the daemon's.
 *
 * With pipe=1 each line is a fold, from 1, and a configuration; it is trained at once, with the
 * default preprocessing, and answered by its score, the epochs trained and the seconds of processor
 * time that they took.
 */
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/mem.h"
#include "core/data/prepare.h"
#include "core/data/read.h"
#include "core/data/split.h"
#include "core/nn/metric.h"
#include "core/train/hyper.h"
#include "core/train/train.h"
#include "tests/bench/peak.h"

enum { SEED = 1, PARAMS_MAX = 32, TRIALS_MAX = 200000, LINE_MAX_BYTES = 4096 };

struct settings {
    const char *file, *kind, *metric, *kernel;
    struct table_options options;
    uint32_t folds;
    double test_fraction;
    int threads;
    bool pipe;
};

struct work {
    const struct spec *spec;
    uint32_t fold;
    double size, score;
    size_t epochs;
};

static void stop(const char *message)
{
    (void)fprintf(stderr, "engine: %s\n", message);
    exit(1);
}

static void must(enum err err, const struct error *e)
{
    if (err != ERR_OK)
        stop(e->message);
}

/* Of all threads together. */
static double processor_seconds(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- words ---------------------------------------------------------------------------------- */

/* The value behind "name=" where `word` begins with it, or NULL. */
static const char *value_of(const char *word, const char *name)
{
    size_t n = strlen(name);

    return strncmp(word, name, n) == 0 && word[n] == '=' ? word + n + 1 : NULL;
}

static struct settings read_settings(int argc, char **argv)
{
    struct settings s = {.folds = 1, .test_fraction = 0.2, .threads = omp_get_num_procs()};
    const char *folds = NULL, *fraction = NULL, *threads = NULL, *pipe = NULL;
    const struct {
        const char *name, **to;
    } words[] = {
        {"file", &s.file},         {"kind", &s.kind},
        {"metric", &s.metric},     {"kernel", &s.kernel},
        {"task", &s.options.task}, {"target", &s.options.target},
        {"folds", &folds},         {"test_fraction", &fraction},
        {"threads", &threads},     {"pipe", &pipe},
    };

    for (int i = 1; i < argc; i++)
        for (size_t j = 0; j < sizeof words / sizeof *words; j++)
            if (value_of(argv[i], words[j].name))
                *words[j].to = value_of(argv[i], words[j].name);
    if (!s.file || !s.kind || !s.metric)
        stop("file, kind and metric are needed");
    s.folds = folds ? (uint32_t)atoi(folds) : s.folds;
    s.test_fraction = fraction ? atof(fraction) : s.test_fraction;
    s.threads = threads ? atoi(threads) : s.threads;
    s.pipe = pipe != NULL;
    return s;
}

static struct value read_value(const char *name, const char *text, int64_t *widths)
{
    struct value v = {.kind = VALUE_TEXT, .text = text};
    char *end;

    if (strcmp(name, "hidden") == 0) {
        v = (struct value){.kind = VALUE_LIST, .list = {0, widths}};
        for (; *text && v.list.n < VALUE_LIST_MAX; text = *end == ',' ? end + 1 : end)
            widths[v.list.n++] = strtol(text, &end, 10);
    } else if (strspn(text, "-+0123456789.e") == strlen(text)) {
        v = (struct value){.kind = VALUE_INT, .integer = strtol(text, &end, 10)};
        if (*end)
            v = (struct value){.kind = VALUE_REAL, .real = strtod(text, &end)};
    }
    return v;
}

/* Takes the line apart. */
static struct spec read_trial(char *line, const struct table *t, struct prepare_spec *prepare)
{
    struct param items[PARAMS_MAX];
    struct params p = {.items = items};
    int64_t widths[VALUE_LIST_MAX];
    struct error e = {0};
    struct spec s;

    for (char *word = strtok(line, " \n"); word && p.n < PARAMS_MAX; word = strtok(NULL, " \n")) {
        char *equals = strchr(word, '=');

        if (!equals)
            stop("a trial is made of NAME=VALUE");
        *equals = '\0';
        items[p.n++] = (struct param){word, read_value(word, equals + 1, widths)};
    }
    must(hyper_spec(&p, t->task, t->n_rows, &s, &e), &e);
    must(hyper_prepare(&p, t->task, prepare, &e), &e);
    return s;
}

static struct spec *read_trials(const struct table *t, struct prepare_spec *prepare, size_t *n)
{
    struct spec *all = calloc(TRIALS_MAX, sizeof *all); /* untouched pages cost nothing */
    char line[LINE_MAX_BYTES];

    if (!all)
        stop("out of memory");
    for (*n = 0; *n < TRIALS_MAX && fgets(line, sizeof line, stdin); (*n)++)
        all[*n] = read_trial(line, t, prepare);
    return all;
}

/* ---- data ----------------------------------------------------------------------------------- */

static enum err read_more(void *ctx, void *out, size_t capacity, size_t *got, struct error *e)
{
    *got = fread(out, 1, capacity, ctx);
    return ferror((FILE *)ctx) ? error_set(e, ERR_IO, "could not read the file") : ERR_OK;
}

static enum err read_again(void *ctx, struct error *e)
{
    (void)e;
    rewind(ctx);
    return ERR_OK;
}

static struct table *read_table(const struct settings *s)
{
    FILE *f = fopen(s->file, "rb");
    struct source source = {f, read_more, read_again};
    struct table_file file = {&source, s->file};
    struct error e = {0};
    struct table *t;

    if (!f)
        stop("could not open the file");
    must(table_read(&file, 1, &s->options, (uint64_t)1 << 34, &t, &e), &e);
    (void)fclose(f); /* read-only */
    return t;
}

static struct split *cut(const struct settings *s, const struct table *t)
{
    struct split_spec spec = {
        .n_folds = s->folds,
        .n_repeats = 1,
        .shuffle = true,
        .test_fraction = s->test_fraction,
        .seed = SEED,
    };
    struct error e = {0};
    struct split *split;

    if (!split_kind_find(s->kind, &spec.kind))
        stop("no such kind of cross-validation");
    must(split_create(t, &spec, &split, &e), &e);
    return split;
}

static void prepare_all(const struct table *t, const struct split *split,
                        const struct prepare_spec *spec, int threads, struct fold_data **folds)
{
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
    for (uint32_t fold = 1; fold <= split->n_folds; fold++) {
        struct error e = {0};

        must(prepare_fold(t, split, 0, fold, spec, NULL, &folds[fold - 1], &e), &e);
    }
}

/* ---- training ------------------------------------------------------------------------------- */

static int longer_first(const void *a, const void *b)
{
    double x = ((const struct work *)a)->size, y = ((const struct work *)b)->size;

    return (x < y) - (x > y);
}

static struct work *list_work(const struct spec *specs, size_t n_trials,
                              struct fold_data *const *folds, uint32_t n_folds)
{
    struct work *all = calloc(n_trials * n_folds, sizeof *all);

    if (!all)
        stop("out of memory");
    for (size_t i = 0; i < n_trials * n_folds; i++) {
        const struct fold_data *d = folds[i % n_folds];

        all[i] = (struct work){.spec = specs + i / n_folds, .fold = (uint32_t)(i % n_folds) + 1};
        all[i].size = train_work(all[i].spec, d->task, d->n_features, d->n_outputs, d->n_train,
                                 d->n_validation);
    }
    qsort(all, n_trials * n_folds, sizeof *all, longer_first);
    return all;
}

static void train_one(struct work *w, const struct fold_data *d, const struct kernel *k,
                      const struct metric *m)
{
    struct error e = {0};
    struct train *t;

    must(train_create(w->spec, d, k, m, SEED, 1, w->fold, &t, &e), &e);
    (void)train_run_to(t, w->spec->epochs, NULL, NULL);
    w->score = train_result(t)->validation[metric_index(m)];
    w->epochs = train_result(t)->epochs_run;
    train_destroy(t);
}

static double mean_score(const struct work *all, size_t n)
{
    double sum = 0.0;

    for (size_t i = 0; i < n; i++)
        sum += all[i].score;
    return sum / (double)n;
}

/* ---- the two ways --------------------------------------------------------------------------- */

static void train_all(const struct settings *s, const struct table *table,
                      const struct split *split, const struct kernel *k, const struct metric *m,
                      struct fold_data **folds)
{
    struct prepare_spec prepare;
    size_t n_trials, n;
    struct spec *specs = read_trials(table, &prepare, &n_trials);
    double processor = processor_seconds(), began = peak_seconds(), prepared, trained;
    struct work *all;

    if (n_trials == 0)
        stop("no trials");
    prepare_all(table, split, &prepare, s->threads, folds);
    prepared = peak_seconds() - began;
    n = n_trials * split->n_folds;
    began = peak_seconds();
    all = list_work(specs, n_trials, folds, split->n_folds);
#pragma omp parallel for schedule(dynamic, 1) num_threads(s->threads)
    for (size_t i = 0; i < n; i++)
        train_one(all + i, folds[all[i].fold - 1], k, m);
    trained = peak_seconds() - began;
    processor = processor_seconds() - processor;
    printf("{\"folds\": %zu, \"prepare_seconds\": %.6f, \"train_seconds\": %.6f, "
           "\"processor_seconds\": %.6f, \"mean_score\": %.12g}\n",
           n, prepared, trained, processor, mean_score(all, n));
    free(all);
    free(specs);
}

static void train_as_asked(const struct settings *s, const struct table *table,
                           const struct split *split, const struct kernel *k,
                           const struct metric *m, struct fold_data **folds)
{
    const struct params none = {0};
    struct prepare_spec prepare;
    char line[LINE_MAX_BYTES], *rest;
    struct error e = {0};

    must(hyper_prepare(&none, table->task, &prepare, &e), &e);
    prepare_all(table, split, &prepare, s->threads, folds);
    while (fgets(line, sizeof line, stdin)) {
        struct work w = {.fold = (uint32_t)strtoul(line, &rest, 10)};
        struct spec spec = read_trial(rest, table, &prepare);
        double began = processor_seconds();

        if (w.fold < 1 || w.fold > split->n_folds)
            stop("no such fold");
        w.spec = &spec;
        train_one(&w, folds[w.fold - 1], k, m);
        printf("%.17g %zu %.6f\n", w.score, w.epochs, processor_seconds() - began);
        (void)fflush(stdout);
    }
}

int main(int argc, char **argv)
{
    struct settings s = read_settings(argc, argv);
    const struct metric *metric = metric_find(s.metric);
    struct table *table = read_table(&s);
    struct split *split = cut(&s, table);
    struct fold_data **folds = calloc(split->n_folds, sizeof *folds);
    const struct kernel *kernel;
    struct error e = {0};

    if (!metric || !folds)
        stop("no such metric, or no memory");
    must(kernel_choose(s.kernel, &kernel, &e), &e);
    (s.pipe ? train_as_asked : train_all)(&s, table, split, kernel, metric, folds);
    for (uint32_t i = 0; i < split->n_folds; i++)
        fold_data_destroy(folds[i]);
    free(folds);
    split_destroy(split);
    table_destroy(table);
    return 0;
}
