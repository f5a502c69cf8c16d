#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "tests/server/schema/iris.h"

/* One decoding; the arena holds what came out. */
struct fixture {
    struct arena *arena;
    struct faults faults;
    struct error e;
};

static int set_up(void **state)
{
    static struct fixture f;

    *state = &f;
    return arena_create(1 << 14, &f.arena, &f.e);
}

static int tear_down(void **state)
{
    arena_destroy(((struct fixture *)*state)->arena);
    return 0;
}

/* How many faults it has, the first of them at that place. */
static size_t refused(struct fixture *f, const struct definition_facts *facts, const char *text,
                      const char *first)
{
    struct definition *d;

    assert_int_equal(definition_decode(text, strlen(text), facts, f->arena, &f->faults, &d, &f->e),
                     ERR_INVALID);
    assert_string_equal(f->e.field, first);
    return f->faults.n;
}

static void a_definition_names_its_data_set_in_four_ways(void **state)
{
    static const struct {
        const char *text;
        int64_t id;
        const char *name;
    } cases[] = {{"{\"dataset\": \"iris\"}", 0, "iris"},
                 {"{\"dataset\": 3}", 3, NULL},
                 {"{\"dataset\": \"3\"}", 3, NULL},
                 {"{\"dataset\": {\"id\": 3, \"name\": \"iris\"}}", 3, NULL}};
    struct fixture *f = *state;
    struct definition_dataset named;

    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(definition_dataset(cases[i].text, strlen(cases[i].text), f->arena,
                                            &f->faults, &named, &f->e),
                         ERR_OK);
        assert_int_equal(named.id, cases[i].id);
        assert_int_equal(named.name != NULL, cases[i].name != NULL);
    }
    assert_int_equal(definition_dataset("", 0, f->arena, &f->faults, &named, &f->e), ERR_OK);
    assert_true(named.id == 0 && !named.name);
}

static void what_else_is_wrong_is_told_beside_the_data_set(void **state)
{
    static const struct {
        const char *text;
        size_t n;
    } cases[] = {
        {"{}", 1},
        {"{\"dataset\": true, \"seed\": -1}", 2},
        {"{\"dataset\": 9, \"seed\": -1, \"metric\": \"acuracy\", \"space\": {\"width\": 0}}", 4},
        /* of some data all of this is right */
        {"{\"dataset\": \"x\", \"metric\": \"r2:y\", \"sealed\": \"split\", \"require\": "
         "[\"weights < 9\"],"
         "\"space\": {\"class_weight\": \"balanced\"}, \"cross_validation\": {\"gap\": 2}}",
         1},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(refused(f, &definition_unknown_data, cases[i].text, "/dataset"),
                         cases[i].n);
}

static void a_fault_shows_the_value_at_its_place(void **state)
{
    struct fixture *f = *state;

    refused(f, &iris,
            "{\"dataset\": \"iris\", \"cross_validation\": {\"kind\": \"kfold\", \"gap\": 7},"
            "\"space\": {\"a/b~\": 1}}",
            "/cross_validation/gap");
    assert_string_equal(f->faults.first->value, "7");
    assert_string_equal(f->faults.last->pointer, "/space/a~1b~0");
    assert_string_equal(f->faults.last->value, "1");
    refused(f, &iris, "{\"dataset\": \"iris\", \"require\": [\"width > 1\", \"width >\"]}",
            "/require/1");
    assert_string_equal(f->faults.first->value, "\"width >\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_definition_names_its_data_set_in_four_ways),
        cmocka_unit_test(what_else_is_wrong_is_told_beside_the_data_set),
        cmocka_unit_test(a_fault_shows_the_value_at_its_place),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
