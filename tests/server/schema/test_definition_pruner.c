#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "tests/server/schema/iris.h"

static struct arena *make_arena(void)
{
    struct arena *a;
    struct error e;

    assert_int_equal(arena_create(1 << 14, &a, &e), ERR_OK);
    return a;
}

/* A definition, written; lives in the arena. */
static const char *written(const char *text, struct arena *a)
{
    struct definition *d;
    struct faults faults;
    struct buf b = {0};
    const char *copy;
    struct error e;
    struct json j;

    if (definition_decode(text, strlen(text), &iris, a, &faults, &d, &e) != ERR_OK)
        fail_msg("%s: %s", text, e.message);
    json_init(&j, &b);
    definition_write(d, &j, NULL);
    copy = arena_strdup(a, buf_text(&b));
    buf_finish(&b);
    return copy;
}

static void a_pruner_has_the_settings_of_its_kind(void **state)
{
    static const struct {
        const char *text, *written;
    } cases[] = {
        {"\"none\"", "\"pruner\": {\"kind\": \"none\"},"},
        {"\"racing\"", "\"pruner\": {\"kind\": \"racing\", \"alpha\": 0.1, \"revisit\": true, "
                       "\"epochs\": false},"},
        {"{\"kind\": \"racing\", \"alpha\": 0.05, \"revisit\": false}",
         "\"pruner\": {\"kind\": \"racing\", \"alpha\": 0.05, \"revisit\": false, \"epochs\": "
         "false},"},
        {"\"wilcoxon\"", "\"pruner\": {\"kind\": \"wilcoxon\", \"alpha\": 0.1},"},
        {"\"forgiving\"", "\"pruner\": {\"kind\": \"forgiving\"},"},
        {"\"hyperband\"", "\"pruner\": {\"kind\": \"hyperband\"},"},
        {"\"median\", \"cross_validation\": \"holdout\"", "\"pruner\": {\"kind\": \"median\"},"},
        {"{\"kind\": \"racing\", \"epochs\": true}, \"space\": {\"width\": [2, 3]}",
         "\"pruner\": {\"kind\": \"racing\", \"alpha\": 0.1, \"revisit\": true, \"epochs\": "
         "true},"},
        {"{\"kind\": \"racing\", \"epochs\": false}",
         "\"pruner\": {\"kind\": \"racing\", \"alpha\": 0.1, \"revisit\": true, \"epochs\": "
         "false},"},
        {"\"racing\", \"cross_validation\": {\"kind\": \"holdout\", \"repeats\": 2}",
         "\"pruner\": {\"kind\": \"racing\", \"alpha\": 0.1, \"revisit\": true, \"epochs\": "
         "false},"},
    };
    struct arena *a = make_arena();

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *once =
            written(arena_printf(a, "{\"dataset\": 1, \"pruner\": %s}", cases[i].text), a);

        assert_non_null(strstr(once, cases[i].written));
        assert_string_equal(written(once, a), once);
    }
    arena_destroy(a);
}

static void a_broken_pruner_is_told_by_place_and_reason(void **state)
{
    static const struct {
        const char *text, *pointer, *detail;
    } cases[] = {
        {"\"asha\"", "/pruner",
         "pruner \"asha\": no such choice; known: none, racing, wilcoxon, forgiving, median, "
         "successive_halving, hyperband"},
        {"{\"kind\": \"racing\", \"epochs\": 9}", "/pruner/epochs",
         "epochs: expected true or false, got 9"},
        {"{\"kind\": \"racing\", \"epochs\": true}, \"space\": {\"epochs\": [10, 20]}",
         "/space/epochs",
         "pruner \"racing\" compares trials after the same epochs: give epochs one value"},
        {"\"hyperband\", \"space\": {\"epochs\": {\"min\": 9, \"max\": 81}}", "/space/epochs",
         "pruner \"hyperband\" compares trials after the same epochs: give epochs one value"},
        {"\"median\", \"space\": {\"width\": [2, 3], \"epochs\": 2}", "/space/epochs",
         "pruner \"median\" stops trials after a third of their epochs or less: give 3 or more, "
         "not 2"},
        {"\"successive_halving\", \"sampler\": \"cma_es\", \"space\": {\"learning_rate\": "
         "{\"min\": 0.1, \"max\": 1}, \"l2\": {\"min\": 0.1, \"max\": 1}}",
         "/pruner",
         "pruner \"successive_halving\" compares trials in brackets, and sampler \"cma_es\" "
         "proposes them in generations of its own: take another of the two"},
        {"{\"kind\": \"median\", \"alpha\": 0.1}", "/pruner/alpha",
         "alpha: unknown key; known: kind"},
        {"{\"kind\": \"racing\", \"alpha\": 2}", "/pruner/alpha",
         "alpha 2 is above 1; expected 0 to 1"},
        {"{\"kind\": \"wilcoxon\", \"revisit\": true}", "/pruner/revisit",
         "revisit: unknown key; known: kind, alpha"},
        {"{\"kind\": \"forgiving\", \"alpha\": 0.1}", "/pruner/alpha",
         "alpha: unknown key; known: kind"},
        {"{\"alpha\": 0.1}", "/pruner", "pruner: \"kind\" is missing"},
        {"\"racing\", \"cross_validation\": \"holdout\"", "/pruner",
         "pruner \"racing\" compares folds, and a holdout has one: give it repeats, or another "
         "kind of cross-validation"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena *a = make_arena();
        const char *text = arena_printf(a, "{\"dataset\": 1, \"pruner\": %s}", cases[i].text);
        struct definition *d;
        struct faults faults;
        struct error e;

        assert_int_equal(definition_decode(text, strlen(text), &iris, a, &faults, &d, &e),
                         ERR_INVALID);
        assert_int_equal(faults.n, 1);
        assert_string_equal(faults.first->pointer, cases[i].pointer);
        assert_string_equal(faults.first->detail, cases[i].detail);
        arena_destroy(a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pruner_has_the_settings_of_its_kind),
        cmocka_unit_test(a_broken_pruner_is_told_by_place_and_reason),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
