#include "scratch.h"

#include "server/store/store_token.h"

static int64_t insert(struct scratch *x, const char *label, uint8_t first, int64_t expires_at_ms)
{
    struct token_record r = {.label = label,
                             .scope = "submit",
                             .digest = {first},
                             .created_at_ms = 1700000000000,
                             .expires_at_ms = expires_at_ms};
    int64_t id;

    SUCCEED(store_token_insert(x->store, &r, &id, &x->e));
    return id;
}

static struct token_record get(struct scratch *x, int64_t id)
{
    struct token_record *all;
    size_t n;

    SUCCEED(store_token_list(x->r, x->a, &n, &all, &x->e));
    for (size_t i = 0; i < n; i++)
        if (all[i].id == id)
            return all[i];
    fail_msg("there is no token %d", (int)id);
    return (struct token_record){0};
}

static void a_token_comes_back_as_it_was_stored(void **state)
{
    struct scratch *x = *state;
    int64_t id;
    struct token_record back;

    (void)insert(x, "ada", 1, 0);
    id = insert(x, "bob", 2, 1800000000000);
    back = get(x, id);
    assert_string_equal(back.label, "bob");
    assert_string_equal(back.scope, "submit");
    assert_int_equal(back.digest[0], 2);
    assert_int_equal(back.created_at_ms, 1700000000000);
    assert_int_equal(back.expires_at_ms, 1800000000000);
    assert_int_equal(back.revoked_at_ms, 0);
    assert_int_equal(back.last_used_at_ms, 0);
    assert_int_equal(get(x, 1).expires_at_ms, 0);
}

static void a_label_revokes_all_of_its_tokens_and_an_id_one(void **state)
{
    struct scratch *x = *state;
    int64_t ada_1 = insert(x, "ada", 1, 0), ada_2 = insert(x, "ada", 2, 0),
            bob_1 = insert(x, "bob", 3, 0), bob_2 = insert(x, "bob", 4, 0);

    SUCCEED(store_token_revoke(x->store, "ada", 0, 5, &x->e));
    SUCCEED(store_token_revoke(x->store, NULL, bob_2, 6, &x->e));
    assert_int_equal(get(x, ada_1).revoked_at_ms, 5);
    assert_int_equal(get(x, ada_2).revoked_at_ms, 5);
    assert_int_equal(get(x, bob_1).revoked_at_ms, 0);
    assert_int_equal(get(x, bob_2).revoked_at_ms, 6);
}

static void what_is_not_there_or_was_revoked_is_not_found(void **state)
{
    struct scratch *x = *state;
    int64_t id = insert(x, "ada", 1, 0);

    assert_int_equal(store_token_revoke(x->store, "bob", 0, 5, &x->e), ERR_NOT_FOUND);
    assert_int_equal(store_token_revoke(x->store, NULL, id + 1, 5, &x->e), ERR_NOT_FOUND);
    SUCCEED(store_token_revoke(x->store, NULL, id, 5, &x->e));
    assert_int_equal(store_token_revoke(x->store, NULL, id, 7, &x->e), ERR_NOT_FOUND);
    assert_int_equal(get(x, id).revoked_at_ms, 5);
}

static void a_list_can_be_read_beside_the_holder_of_the_database(void **state)
{
    struct scratch *x = *state;
    struct token_record *all;
    struct reader *r;
    size_t n;

    SUCCEED(store_token_touch(x->store, insert(x, "ada", 1, 0), 9, &x->e));
    SUCCEED(store_look(x->path, &r, &x->e));
    SUCCEED(store_token_list(r, x->a, &n, &all, &x->e));
    store_reader_close(r);
    assert_int_equal(n, 1);
    assert_int_equal(all[0].last_used_at_ms, 9);
    assert_int_equal(store_look("/tmp/there/is/none", &r, &x->e), ERR_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_token_comes_back_as_it_was_stored, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(a_label_revokes_all_of_its_tokens_and_an_id_one, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(what_is_not_there_or_was_revoked_is_not_found, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(a_list_can_be_read_beside_the_holder_of_the_database, scratch_setup, scratch_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
