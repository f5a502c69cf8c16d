#include "tests/server/store/scratch.h"

static void assert_same_column(const struct column *a, const struct column *b, size_t n_rows)
{
    assert_string_equal(a->name, b->name);
    assert_int_equal(a->role, b->role);
    assert_int_equal(a->type, b->type);
    assert_int_equal(a->values != NULL, b->values != NULL);
    assert_int_equal(a->codes != NULL, b->codes != NULL);
    if (a->values)
        assert_memory_equal(a->values, b->values, n_rows * sizeof *a->values);
    if (a->codes)
        assert_memory_equal(a->codes, b->codes, n_rows * sizeof *a->codes);
    assert_int_equal(a->n_labels, b->n_labels);
    assert_int_equal(a->label_bytes, b->label_bytes);
    for (size_t i = 0; i < a->n_labels; i++)
        assert_string_equal(a->labels[i], b->labels[i]);
    assert_int_equal(a->missing, b->missing);
    assert_int_equal(a->distinct, b->distinct);
    assert_true(a->min == b->min || (isnan(a->min) && isnan(b->min)));
    assert_true(a->std == b->std || (isnan(a->std) && isnan(b->std)));
}

static void assert_same_table(const struct table *a, const struct table *b)
{
    assert_int_equal(a->n_rows, b->n_rows);
    assert_int_equal(a->n_columns, b->n_columns);
    for (size_t i = 0; i < a->n_columns; i++)
        assert_same_column(&a->columns[i], &b->columns[i], a->n_rows);
    assert_int_equal(a->task, b->task);
    assert_string_equal(a->task_reason, b->task_reason);
    assert_int_equal(a->n_targets, b->n_targets);
    assert_memory_equal(a->targets, b->targets, a->n_targets * sizeof *a->targets);
    assert_int_equal(a->n_classes, b->n_classes);
    assert_memory_equal(a->class_rows, b->class_rows, a->n_classes * sizeof *a->class_rows);
    assert_int_equal(a->duplicate_rows, b->duplicate_rows);
    assert_int_equal(a->rows_without_target, b->rows_without_target);
    assert_int_equal(a->max_categories, b->max_categories);
    assert_string_equal(a->format, b->format);
    assert_string_equal(a->delimiter, b->delimiter);
    assert_int_equal(a->decimal, b->decimal);
    assert_int_equal(a->header, b->header);
    assert_int_equal(a->n_warnings, b->n_warnings);
    for (size_t i = 0; i < a->n_warnings; i++)
        assert_string_equal(a->warnings[i], b->warnings[i]);
    assert_int_equal(a->source_row != NULL, b->source_row != NULL);
    if (a->source_row)
        assert_memory_equal(a->source_row, b->source_row, a->n_rows * sizeof *a->source_row);
}

static int64_t insert(struct scratch *x, const struct table *t)
{
    struct dataset_record d = scratch_dataset_record(NULL);
    int64_t id = 0;

    SUCCEED(store_dataset_insert(x->store, &d, t, &id, &x->e));
    return id;
}

static void a_table_comes_back_as_it_was(void **state)
{
    struct scratch *x = *state;
    struct table *t = scratch_table(x), *back;

    SUCCEED(store_dataset_load(x->r, insert(x, t), &back, &x->e));
    assert_same_table(t, back);
    table_destroy(back);
    t->source_row = malloc(4 * sizeof *t->source_row);
    for (uint32_t i = 0; i < 4; i++)
        t->source_row[i] = 3 * i;
    SUCCEED(store_dataset_load(x->r, insert(x, t), &back, &x->e));
    assert_same_table(t, back);
    table_destroy(back);
    table_destroy(t);
}

static void a_table_of_several_chunks_comes_back_as_it_was(void **state)
{
    enum { ROWS = 1200007 }; /* 9.6 MB a column: three chunks */
    struct scratch *x = *state;
    struct table *t, *back;

    SUCCEED(table_create(ROWS, 1, &t, &x->e));
    SUCCEED(table_set_name(t, 0, "y", &x->e));
    SUCCEED(table_set_type(t, 0, COLUMN_NUMERIC, &x->e));
    for (size_t i = 0; i < ROWS; i++)
        t->columns[0].values[i] = (double)i / 7;
    t->columns[0].role = ROLE_TARGET;
    t->task = TASK_REGRESSION;
    SUCCEED(table_set_reason(t, "regression", &x->e));
    SUCCEED(table_set_targets(t, (const size_t[]){0}, 1, &x->e));
    SUCCEED(store_dataset_load(x->r, insert(x, t), &back, &x->e));
    assert_memory_equal(t->columns[0].values, back->columns[0].values, ROWS * sizeof(double));
    table_destroy(back);
    table_destroy(t);
}

static void a_data_set_is_found_by_id_name_and_content(void **state)
{
    struct scratch *x = *state;
    int64_t id = scratch_dataset(x, "iris");
    struct dataset_record d;

    SUCCEED(store_dataset_get(x->r, id, x->a, &d, &x->e));
    assert_string_equal(d.name, "iris");
    assert_null(d.owner);
    assert_int_equal(d.rows, 4);
    assert_int_equal(d.features, 2);
    assert_string_equal(d.task, "classification");
    assert_int_equal(strlen(d.content_hash), 64);
    assert_true(d.created_at_ms == 1700000000123);
    SUCCEED(store_dataset_find(x->r, "iris", x->a, &d, &x->e));
    assert_int_equal(d.id, id);
    SUCCEED(store_dataset_find_same(x->r, "ab12", "iris", d.options, x->a, &d, &x->e));
    assert_int_equal(d.id, id);
    SUCCEED(store_dataset_find_same(x->r, "ab12", NULL, d.options, x->a, &d, &x->e));
    assert_int_equal(store_dataset_find_same(x->r, "ab12", "iris", "{}", x->a, &d, &x->e),
                     ERR_NOT_FOUND);
    assert_int_equal(store_dataset_find_same(x->r, "ab12", "other", d.options, x->a, &d, &x->e),
                     ERR_NOT_FOUND);
    assert_int_equal(store_dataset_find(x->r, "Iris", x->a, &d, &x->e), ERR_NOT_FOUND);
    assert_int_equal(store_dataset_get(x->r, id + 1, x->a, &d, &x->e), ERR_NOT_FOUND);
}

static void equal_content_has_an_equal_hash_whatever_its_name(void **state)
{
    struct scratch *x = *state;
    struct dataset_record a, b, c;
    struct table *t = scratch_table(x);

    SUCCEED(store_dataset_get(x->r, insert(x, t), x->a, &a, &x->e));
    SUCCEED(store_dataset_get(x->r, insert(x, t), x->a, &b, &x->e));
    t->columns[1].codes[0] = 1;
    SUCCEED(store_dataset_get(x->r, insert(x, t), x->a, &c, &x->e));
    assert_string_equal(a.content_hash, b.content_hash);
    assert_string_not_equal(a.content_hash, c.content_hash);
    table_destroy(t);
}

static void a_data_set_without_a_name_is_called_after_its_id(void **state)
{
    struct scratch *x = *state;
    struct dataset_record d;
    int64_t id = scratch_dataset(x, NULL);

    assert_int_equal(id, 1);
    SUCCEED(store_dataset_find(x->r, "dataset-1", x->a, &d, &x->e));
    SUCCEED(store_dataset_delete(x->store, id, &x->e));
    assert_int_equal(scratch_dataset(x, NULL), 2); /* ids are never reused */
    SUCCEED(store_dataset_find(x->r, "dataset-2", x->a, &d, &x->e));
}

static void a_taken_name_is_a_conflict(void **state)
{
    struct scratch *x = *state;
    struct dataset_record d = scratch_dataset_record("iris");
    struct table *t = scratch_table(x);
    int64_t id;

    (void)scratch_dataset(x, "iris");
    assert_int_equal(store_dataset_insert(x->store, &d, t, &id, &x->e), ERR_CONFLICT);
    assert_non_null(strstr(x->e.message, "\"iris\""));
    assert_string_equal(x->e.field, "name");
    table_destroy(t);
}

static void data_sets_are_listed_in_pages(void **state)
{
    struct scratch *x = *state;
    struct dataset_list list;

    for (int i = 0; i < 5; i++)
        (void)scratch_dataset(x, NULL);
    SUCCEED(store_dataset_list(x->r, 0, 2, x->a, &list, &x->e));
    assert_int_equal(list.n, 2);
    assert_int_equal(list.total, 5);
    SUCCEED(store_dataset_list(x->r, list.next, 2, x->a, &list, &x->e));
    assert_int_equal(list.items[0].id, 3);
    SUCCEED(store_dataset_list(x->r, list.next, 2, x->a, &list, &x->e));
    assert_int_equal(list.n, 1);
    assert_int_equal(list.next, -1);
}

/* SQLite as Debian builds it would overwrite each page, and remember it in memory until the end. */
static void deleting_a_large_data_set_needs_little_memory(void **state)
{
    enum { ROWS = 4000000 };
    struct scratch *x = *state;
    struct dataset_record d = scratch_dataset_record("large");
    struct table *t = NULL;
    int64_t id, before;

    SUCCEED(table_create(ROWS, 1, &t, &x->e));
    SUCCEED(table_set_name(t, 0, "y", &x->e));
    SUCCEED(table_set_type(t, 0, COLUMN_NUMERIC, &x->e));
    SUCCEED(table_set_targets(t, &(size_t){0}, 1, &x->e));
    t->task = TASK_REGRESSION;
    t->columns[0].role = ROLE_TARGET;
    for (size_t i = 0; i < ROWS; i++)
        t->columns[0].values[i] = (double)i;
    SUCCEED(store_dataset_insert(x->store, &d, t, &id, &x->e));
    table_destroy(t);
    before = sqlite3_memory_used();
    (void)sqlite3_memory_highwater(1);
    SUCCEED(store_dataset_delete(x->store, id, &x->e));
    assert_in_range(sqlite3_memory_highwater(0) - before, 0, ROWS * sizeof(double) / 2);
}

static void a_data_set_in_use_is_not_deleted(void **state)
{
    struct scratch *x = *state;
    int64_t id = scratch_dataset(x, "iris"), experiment = 0;
    struct experiment_record r = scratch_experiment_record(id);
    struct table *t;

    r.state = "completed";
    for (int i = 0; i < 5; i++)
        SUCCEED(store_experiment_insert(x->store, &r, &experiment, &x->e));
    assert_int_equal(store_dataset_delete(x->store, id, &x->e), ERR_CONFLICT);
    assert_non_null(strstr(x->e.message, "1 \"depth against width\""));
    assert_non_null(strstr(x->e.message, "and 2 more"));
    for (int64_t i = 1; i <= experiment; i++)
        SUCCEED(store_experiment_delete(x->store, i, &x->e));
    SUCCEED(store_dataset_delete(x->store, id, &x->e));
    assert_int_equal(store_dataset_delete(x->store, id, &x->e), ERR_NOT_FOUND);
    assert_int_equal(store_dataset_load(x->r, id, &t, &x->e), ERR_NOT_FOUND);
    assert_string_equal(scratch_ask(x, x->path, "SELECT count(*) FROM dataset_chunk"), "0\n");
}

static void a_missing_chunk_is_noticed(void **state)
{
    struct scratch *x = *state;
    int64_t id = scratch_dataset(x, "iris");
    struct table *t;
    sqlite3 *db;

    assert_int_equal(sqlite3_open(x->path, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(db, "DELETE FROM dataset_chunk WHERE position = 1", NULL, NULL, NULL), 0);
    (void)sqlite3_close(db);
    assert_int_equal(store_dataset_load(x->r, id, &t, &x->e), ERR_IO);
    assert_non_null(strstr(x->e.message, "damaged"));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_table_comes_back_as_it_was),
        TEST(a_table_of_several_chunks_comes_back_as_it_was),
        TEST(a_data_set_is_found_by_id_name_and_content),
        TEST(equal_content_has_an_equal_hash_whatever_its_name),
        TEST(a_data_set_without_a_name_is_called_after_its_id),
        TEST(a_taken_name_is_a_conflict),
        TEST(data_sets_are_listed_in_pages),
        TEST(deleting_a_large_data_set_needs_little_memory),
        TEST(a_data_set_in_use_is_not_deleted),
        TEST(a_missing_chunk_is_noticed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
