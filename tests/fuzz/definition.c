/*
 * Definitions of experiments. One that is accepted is written, read again and written the same; its
 * space gives points that are of it, and a plan comes of it.
 */
#include <string.h>

#include "core/data/prepare.h"
#include "server/jobs/facts.h"
#include "server/schema/change.h"
#include "server/schema/plan.h"
#include "tests/core/data/tables.h"
#include "tests/fuzz/readers.h"

enum { PROPOSALS = 3, ROWS = 60 };

/* ---- the data sets that there are --------------------------------------------------------------
 */

static const struct table_options plain = {.ignore = "g,t,f,s"},
                                  roles = {.group = "g", .time = "t", .fold = "f", .split = "s"};

static struct dataset {
    const char *name;
    const struct table_options *options;
    int n_values; /* of the target */
    const char *prefix;
    struct table *table;
} datasets[] = {{"iris", &plain, 3, "c", NULL},
                {"diabetes", &plain, ROWS, "", NULL},
                {"grouped", &roles, 2, "c", NULL}};
enum { N_DATASETS = sizeof datasets / sizeof *datasets };

static void make_table(struct dataset *d)
{
    struct buf csv = {0};

    buf_puts(&csv, "x,z,g,t,f,s,y\n");
    for (int i = 0; i < ROWS; i++)
        buf_printf(&csv, "%d.5,%d,g%d,%d,%d,%s,%s%d\n", i * 7 % 50, i * i % 31, i % 6, i, i % 3,
                   i % 10 ? "train" : "test", d->prefix, i * 11 % d->n_values);
    d->table = tables_read(buf_text(&csv), d->options);
    buf_finish(&csv);
}

/* NULL where there is none. */
static const struct table *find_table(const char *name)
{
    for (int i = 0; name && i < N_DATASETS; i++)
        if (strcmp(name, datasets[i].name) == 0) {
            if (!datasets[i].table)
                make_table(&datasets[i]);
            return datasets[i].table;
        }
    return NULL;
}

/* ---- what comes of a definition -----------------------------------------------------------------
 */

static void propose(const struct definition *d, struct arena *a)
{
    struct sampler_settings settings = definition_sampler_settings(d);
    struct error e = {0};
    struct sampler *s;
    struct space *space;
    enum err failed;

    FUZZ_MUST(definition_space(d, &space, &e) == ERR_OK);
    failed = sampler_create(d->sampler, space, &settings, &s, &e);
    FUZZ_MUST(failed == ERR_OK);
    for (size_t i = 0; i < d->n_enqueued; i++)
        FUZZ_MUST(space_check(space, &d->enqueued[i], &e) == ERR_OK);
    for (uint32_t t = 1; t <= PROPOSALS; t++) {
        struct params point = {0};
        bool exhausted = false;

        FUZZ_MUST(sampler_propose(s, a, &point, &exhausted, &e) == ERR_OK);
        if (exhausted)
            break;
        FUZZ_MUST(space_check(space, &point, &e) == ERR_OK);
        FUZZ_MUST(space_allows(space, &point));
        sampler_tell(s, t, (struct past){PAST_COMPLETED, t});
    }
    sampler_destroy(s);
    space_destroy(space);
}

/* Folds that cannot be cut are refused; a network that does not fit likewise. */
static void plan(const struct definition *d, const struct definition_facts *facts, struct arena *a)
{
    struct prepare_spec usual = {.missing_indicator = true};
    struct plan_facts machine = {.threads = 2, .memory_bytes = 1 << 28, .work_per_second = 1e9};
    struct error e = {0};
    struct split *split;
    struct plan out;
    enum err failed = split_create(facts->table, &d->split, &split, &e);

    if (failed != ERR_OK) {
        fuzz_refused(failed, &e);
        return;
    }
    machine.n_features = prepare_features(facts->table, &usual);
    machine.n_outputs = table_outputs(facts->table);
    machine.n_folds = (size_t)split->n_folds * split->n_repeats;
    split_count(split, 0, 1, &machine.n_train, &machine.n_validation);
    failed = plan_make(d, facts, &machine, a, &out, &e);
    if (failed != ERR_OK)
        fuzz_refused(failed, &e);
    else
        FUZZ_MUST(out.trials >= 1 && out.weights_min <= out.weights_max);
    split_destroy(split);
}

static void write_again(const struct definition *d, const struct definition_facts *facts,
                        struct arena *a)
{
    const char *json, *again;
    struct definition *copy;
    struct faults faults;
    struct error e = {0};
    enum err failed;

    FUZZ_MUST(change_write(d, a, &json, &e) == ERR_OK);
    failed = definition_decode(json, strlen(json), facts, a, &faults, &copy, &e);
    if (failed != ERR_OK)
        fprintf(stderr, "%s\n%s\n", json, e.message);
    FUZZ_MUST(failed == ERR_OK);
    FUZZ_MUST(change_write(copy, a, &again, &e) == ERR_OK);
    if (strcmp(json, again) != 0)
        fprintf(stderr, "%s\n%s\n", json, again);
    FUZZ_MUST(strcmp(json, again) == 0);
    FUZZ_MUST(copy->planned_trials == d->planned_trials);
}

static void read(struct arena *a, const char *text, size_t size)
{
    struct definition_facts facts = definition_no_data;
    struct definition_dataset named;
    const struct table *table = NULL;
    struct definition *d;
    struct faults faults;
    struct error e = {0};
    enum err failed;

    faults_init(&faults, a);
    failed = definition_dataset(text, size, a, &faults, &named, &e);
    if (failed == ERR_OK && !named.is_objective) {
        table = find_table(named.name);
        facts = definition_unknown_data;
        if (table)
            FUZZ_MUST(facts_of(table, 1, named.name, a, &facts, &e) == ERR_OK);
    }
    if (failed == ERR_OK)
        failed = definition_decode(text, size, &facts, a, &faults, &d, &e);
    if (failed != ERR_OK) {
        fuzz_refused_json(failed, &e, &faults);
        return;
    }
    write_again(d, &facts, a);
    propose(d, a);
    if (table)
        plan(d, &facts, a);
}

static struct arena *begin(void)
{
    struct arena *a;
    struct error e;

    FUZZ_MUST(arena_create(1 << 14, &a, &e) == ERR_OK);
    return a;
}

void read_definition(const char *kind, const uint8_t *data, size_t size)
{
    CLEANUP(arena_end) struct arena *a = begin();

    (void)kind;
    read(a, (const char *)data, size);
}

/* ---- definitions of others ----------------------------------------------------------------------
 */

static const char *const STORED[] = {
    "{\"dataset\": \"iris\", \"name\": \"iris-7\"}",
    "{\"dataset\": \"diabetes\", \"sampler\": \"grid\", \"space\": {\"layers\": [1, 2], "
    "\"width\": {\"min\": 4, \"max\": 16, \"scale\": \"log\", \"points\": 3}, \"epochs\": 5}}",
    "{\"objective\": {\"name\": \"loss\", \"direction\": \"minimize\"}, \"space\": {\"depth\": "
    "{\"min\": 1, \"max\": 12, \"type\": \"int\"}, \"rate\": {\"min\": 1e-4, \"max\": 1, "
    "\"scale\": \"log\"}, \"kind\": [\"a\", \"b\"]}, \"budget\": {\"trials\": 9}}",
};
enum { N_STORED = sizeof STORED / sizeof *STORED };

/* The first byte chooses what the patch is for. */
void read_patch(const char *kind, const uint8_t *data, size_t size)
{
    CLEANUP(arena_end) struct arena *a = begin();
    struct change_source source = {.id = 7, .dataset_name = "iris"};
    struct faults faults;
    struct error e = {0};
    const char *json;
    enum err failed;

    (void)kind;
    if (size == 0)
        return;
    source.definition = STORED[data[0] % N_STORED];
    failed = change_patch(&source, (const char *)data + 1, size - 1, a, &faults, &json, &e);
    if (failed == ERR_OK)
        read(a, json, strlen(json));
    else
        fuzz_refused_json(failed, &e, &faults);
}

/* A comparison, where trials are of layers with a width and an activation each. */
void read_require(const char *kind, const uint8_t *data, size_t size)
{
    static const char space[] = "{\"dataset\": \"iris\", \"space\": {\"layers\": [1, 2, 3], "
                                "\"width\": {\"min\": 2, \"max\": 64, \"per_layer\": true}, "
                                "\"activation\": {\"choices\": [\"relu\", \"tanh\"], "
                                "\"per_layer\": true}, \"dropout\": [0, 0.5]}, \"require\": [";
    CLEANUP(arena_end) struct arena *a = begin();
    CLEANUP(buf_finish) struct buf whole = {0};
    char *text = fuzz_text(data, size);

    (void)kind;
    buf_puts(&whole, space);
    value_json_string(text, &whole);
    buf_puts(&whole, "]}");
    free(text);
    read(a, whole.data, whole.length);
}
