/* What handlers ask of a request. */
#include <string.h>

#include "server/http/http.h"
#include "server/http/text.h"

const char *http_header(const struct http_request *q, const char *name)
{
    for (size_t i = 0; i < q->n_headers; i++)
        if (text_equal(q->headers[i].name, name))
            return q->headers[i].value;
    return NULL;
}

const char *http_query(const struct http_request *q, const char *name)
{
    for (size_t i = 0; i < q->n_query; i++)
        if (strcmp(q->query[i].name, name) == 0)
            return q->query[i].value;
    return NULL;
}
