/* What the table of routes promises to who serves it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "server/api/routes.h"

static bool ends_in(const char *pattern, const char *end)
{
    size_t n = strlen(pattern), m = strlen(end);

    return n >= m && strcmp(pattern + n - m, end) == 0;
}

/* They took a second and two for 10 000 trials, and others on their thread waited. */
static void what_copies_or_fits_a_whole_experiment_is_long(void **state)
{
    size_t n = 0;

    (void)state;
    for (size_t i = 0; i < route_count(); i++) {
        const struct route *r = route_at(i);

        if (ends_in(r->pattern, "/export.db") || ends_in(r->pattern, "/importance.*")) {
            assert_true(r->is_long);
            n++;
        }
        assert_false(r->is_long && (r->method != HTTP_GET || r->goes_on));
    }
    assert_int_equal(n, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_copies_or_fits_a_whole_experiment_is_long),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
