#include "server/store/store_once.h"
#include "tests/server/store/scratch.h"

static struct once_record record(const char *owner, const char *key, int64_t at_ms)
{
    return (struct once_record){.owner = owner,
                                .key = key,
                                .digest = "abc",
                                .request = "POST /x",
                                .status = 201,
                                .location = "/x/1",
                                .body = "{}\n",
                                .at_ms = at_ms};
}

static void put(struct scratch *x, const struct once_record *r)
{
    SUCCEED(store_once_insert(x->store, r, &x->e));
}

static bool has(struct scratch *x, const char *owner, const char *key, int64_t now_ms)
{
    struct once_record back;
    bool found;

    SUCCEED(store_once_get(x->r, owner, key, now_ms, x->a, &back, &found, &x->e));
    return found;
}

static void an_answer_comes_back_as_it_was(void **state)
{
    struct scratch *x = *state;
    struct once_record r = record("ada", "k", 1000), back;
    bool found;

    put(x, &r);
    SUCCEED(store_once_get(x->r, "ada", "k", 1000, x->a, &back, &found, &x->e));
    assert_true(found);
    assert_string_equal(back.digest, "abc");
    assert_string_equal(back.request, "POST /x");
    assert_int_equal(back.status, 201);
    assert_string_equal(back.location, "/x/1");
    assert_string_equal(back.body, "{}\n");
    assert_int_equal(back.at_ms, 1000);
}

static void owners_do_not_share_keys(void **state)
{
    struct scratch *x = *state;
    struct once_record ada = record("ada", "k", 1000), nobody = record("", "k", 1000);

    put(x, &ada);
    assert_false(has(x, "", "k", 1000));
    put(x, &nobody);
    assert_true(has(x, "", "k", 1000));
}

static void a_key_is_taken_once(void **state)
{
    struct scratch *x = *state;
    struct once_record r = record("", "k", 1000);

    put(x, &r);
    assert_int_equal(store_once_insert(x->store, &r, &x->e), ERR_CONFLICT);
}

static void answers_are_forgotten_after_a_day(void **state)
{
    struct scratch *x = *state;
    struct once_record old = record("", "old", 1000), late = record("", "late", 2000), again;

    put(x, &old);
    put(x, &late);
    assert_true(has(x, "", "old", 1000 + STORE_ONCE_MS - 1));
    assert_false(has(x, "", "old", 1000 + STORE_ONCE_MS));
    again = record("", "old", 1000 + STORE_ONCE_MS);
    put(x, &again); /* the old one made room */
    assert_true(has(x, "", "late", 1000 + STORE_ONCE_MS));
    assert_string_equal(scratch_ask(x, x->path, "SELECT key FROM idempotency ORDER BY key"),
                        "late\nold\n");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        TEST(an_answer_comes_back_as_it_was),
        TEST(owners_do_not_share_keys),
        TEST(a_key_is_taken_once),
        TEST(answers_are_forgotten_after_a_day),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
