#include "server/http/multipart.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "server/http/text.h"

enum { MAX_HEADER_BYTES = 8192 };

enum state {
    PREAMBLE, /* before the first delimiter: ignored */
    AFTER,    /* behind a delimiter: "--" ends the form, a line end begins a part */
    HEADERS,
    DATA,
    EPILOGUE /* behind the last delimiter: ignored */
};

enum part { PART_FILE, PART_FIELD };

struct multipart {
    struct arena *arena;
    multipart_file_fn *file;
    void *ctx;
    enum state state;
    char delimiter[MULTIPART_MAX_BOUNDARY_BYTES + 8]; /* "\r\n--BOUNDARY" */
    size_t delimiter_length;
    size_t matched;  /* bytes of the delimiter seen so far, not yet known to be data */
    struct buf line; /* of headers, or behind a delimiter */
    enum part part;
    struct buf value; /* of a field */
    const char *name; /* of the part; NULL until its headers tell */
    bool has_file_name;
    const char *file_name; /* of the part */
    size_t n_files;
    const char *file_names[HTTP_MAX_FILES];
    size_t n_fields;
    struct http_pair fields[MULTIPART_MAX_FIELDS];
};

/* ---- headers with parameters --------------------------------------------------------------- */

static const char *skip_spaces(const char *s)
{
    while (*s == ' ' || *s == '\t')
        s++;
    return s;
}

/* Reads `token` or `"text"` at *s into `out`. Only \" and \\ are escapes: old browsers send
 * C:\folder\name bare. */
static void read_value(const char **s, struct buf *out)
{
    const char *p = *s;

    if (*p != '"') {
        size_t n = strcspn(p, "; \t");

        buf_append(out, p, n);
        *s = p + n;
        return;
    }
    for (p++; *p && *p != '"'; p++) {
        if (*p == '\\' && (p[1] == '"' || p[1] == '\\'))
            p++;
        buf_putc(out, *p);
    }
    *s = *p ? p + 1 : p;
}

/* Finds `name=value` behind the first ';' of a header. False where there is none. */
static bool find_parameter(const char *header, const char *name, struct buf *out)
{
    const char *s = strchr(header, ';');

    while (s && *s == ';') {
        size_t n;

        s = skip_spaces(s + 1);
        n = strcspn(s, "=; \t");
        buf_clear(out);
        if (s[n] != '=') {
            s = strchr(s, ';');
            continue;
        }
        bool found = text_equal_n(s, n, name);

        s += n + 1;
        read_value(&s, out);
        if (found)
            return true;
        s = strchr(s, ';');
    }
    buf_clear(out);
    return false;
}

/* ---- parts --------------------------------------------------------------------------------- */

/* Browsers and curl write a quote or a line end in a name as %22, %0D, %0A, nothing else. */
static void unescape_quotes(char *s)
{
    char *out = s;

    for (; *s; s++) {
        if (strncmp(s, "%22", 3) == 0) {
            *out++ = '"';
            s += 2;
        } else
            *out++ = *s;
    }
    *out = '\0';
}

static enum err keep_name(struct multipart *m, const struct buf *text, const char **out,
                          struct error *e)
{
    char *name;

    TRY(buf_check(text, e));
    if (text_has_control(buf_text(text), text->length, false) ||
        !text_is_utf8(buf_text(text), text->length))
        return error_set(e, ERR_SYNTAX,
                         "a name in the form has control characters or is not UTF-8");
    name = arena_strndup(m->arena, buf_text(text), text->length);
    if (!name)
        return error_no_memory(e);
    unescape_quotes(name);
    *out = name;
    return ERR_OK;
}

static const char *without_folders(const char *path)
{
    for (const char *p = path; *p; p++)
        if (*p == '/' || *p == '\\')
            path = p + 1;
    return path;
}

static enum err read_disposition(struct multipart *m, const char *header, struct error *e)
{
    CLEANUP(buf_finish) struct buf text = {0};

    if (!text_equal_n(header, text_media_length(header), "form-data"))
        return error_set(e, ERR_SYNTAX, "a part of the form is not form-data");
    if (find_parameter(header, "name", &text))
        TRY(keep_name(m, &text, &m->name, e));
    m->has_file_name = find_parameter(header, "filename", &text);
    if (m->has_file_name) {
        TRY(keep_name(m, &text, &m->file_name, e));
        m->file_name = without_folders(m->file_name);
        if (*m->file_name == '\0')
            m->file_name = NULL;
    }
    return ERR_OK;
}

static enum err read_header(struct multipart *m, struct error *e)
{
    const char *line = buf_text(&m->line), *colon = strchr(line, ':'), *value;

    TRY(buf_check(&m->line, e));
    if (!colon || strlen(line) != m->line.length)
        return error_set(e, ERR_SYNTAX, "a part of the form has a header without a colon");
    value = skip_spaces(colon + 1);
    if (text_equal_n(line, (size_t)(colon - line), "Content-Disposition"))
        return read_disposition(m, value, e);
    if (text_equal_n(line, (size_t)(colon - line), "Content-Transfer-Encoding") &&
        (text_equal(value, "base64") || text_equal(value, "quoted-printable")))
        return error_set(e, ERR_SYNTAX, "a part of the form is encoded as %.32s; send it as it is",
                         value);
    return ERR_OK;
}

static enum err begin_file(struct multipart *m, struct error *e)
{
    if (m->n_files == HTTP_MAX_FILES)
        return error_set(e, ERR_INVALID,
                         "a form carries at most %d files; the field \"%.100s\" is one more",
                         HTTP_MAX_FILES, m->name);
    m->file_names[m->n_files++] = m->file_name;
    m->part = PART_FILE;
    return m->file(m->ctx, m->n_files - 1, "", 0, e);
}

static enum err begin_part(struct multipart *m, struct error *e)
{
    if (!m->name)
        return error_set(e, ERR_SYNTAX, "a part of the form has no name");
    m->state = DATA;
    buf_clear(&m->value);
    if (!m->has_file_name && !text_equal(m->name, "file")) {
        if (m->n_fields == MULTIPART_MAX_FIELDS)
            return error_set(e, ERR_LIMIT, "the form has more than %d fields",
                             MULTIPART_MAX_FIELDS);
        m->part = PART_FIELD;
        return ERR_OK;
    }
    return begin_file(m, e);
}

static enum err take_data(struct multipart *m, const char *bytes, size_t n, struct error *e)
{
    if (m->state != DATA || n == 0)
        return ERR_OK;
    if (m->part == PART_FILE)
        return m->file(m->ctx, m->n_files - 1, bytes, n, e);
    if (n > MULTIPART_MAX_FIELD_BYTES - m->value.length)
        return error_set(e, ERR_LIMIT, "the form's field \"%.100s\" is larger than %d bytes",
                         m->name, MULTIPART_MAX_FIELD_BYTES);
    buf_append(&m->value, bytes, n);
    return buf_check(&m->value, e);
}

static enum err end_part(struct multipart *m, struct error *e)
{
    struct http_pair *field = &m->fields[m->n_fields];

    if (m->state != DATA || m->part != PART_FIELD)
        return ERR_OK;
    if (text_has_control(buf_text(&m->value), m->value.length, true) ||
        !text_is_utf8(buf_text(&m->value), m->value.length))
        return error_set(e, ERR_SYNTAX,
                         "the form's field \"%.100s\" has control characters or is not UTF-8",
                         m->name);
    field->name = m->name;
    field->value = arena_strndup(m->arena, buf_text(&m->value), m->value.length);
    if (!field->value)
        return error_no_memory(e);
    m->n_fields++;
    return ERR_OK;
}

/* ---- the stream ---------------------------------------------------------------------------- */

/* A whole delimiter has been seen. */
static enum err end_data(struct multipart *m, struct error *e)
{
    TRY(end_part(m, e));
    m->matched = 0;
    m->state = AFTER;
    buf_clear(&m->line);
    return ERR_OK;
}

/* Hands on data up to the next delimiter. A delimiter's only CR is its first byte, so after a
 * mismatch nothing seen so far can begin another. */
static enum err scan_data(struct multipart *m, const char *bytes, size_t n, size_t *used,
                          struct error *e)
{
    size_t i = 0;

    while (i < n) {
        if (m->matched == 0) {
            const char *cr = memchr(bytes + i, '\r', n - i);
            size_t run = cr ? (size_t)(cr - bytes) - i : n - i;

            TRY(take_data(m, bytes + i, run, e));
            i += run;
            if (!cr)
                break;
        }
        if (bytes[i] == m->delimiter[m->matched]) {
            i++;
            if (++m->matched == m->delimiter_length) {
                *used = i;
                return end_data(m, e);
            }
        } else {
            TRY(take_data(m, m->delimiter, m->matched, e));
            m->matched = 0;
        }
    }
    *used = i;
    return ERR_OK;
}

static enum err end_line(struct multipart *m, struct error *e)
{
    if (m->state == HEADERS && m->line.length > 0)
        TRY(read_header(m, e));
    else if (m->state == HEADERS)
        TRY(begin_part(m, e));
    else { /* behind a delimiter: spaces may stand there */
        if (*skip_spaces(buf_text(&m->line)) != '\0')
            return error_set(e, ERR_SYNTAX, "the form has text behind a boundary");
        m->state = HEADERS;
        m->name = NULL;
        m->has_file_name = false;
        m->file_name = NULL;
    }
    buf_clear(&m->line);
    return ERR_OK;
}

/* Gathers a line, of headers or behind a delimiter. */
static enum err scan_line(struct multipart *m, const char *bytes, size_t n, size_t *used,
                          struct error *e)
{
    const char *newline = memchr(bytes, '\n', n);
    size_t take = newline ? (size_t)(newline - bytes) : n;

    if (m->line.length + take > MAX_HEADER_BYTES)
        return error_set(e, ERR_SYNTAX, "a part of the form has a header of more than %d bytes",
                         MAX_HEADER_BYTES);
    buf_append(&m->line, bytes, take);
    TRY(buf_check(&m->line, e));
    *used = take + (newline != NULL);
    if (m->state == AFTER && strncmp(buf_text(&m->line), "--", 2) == 0) {
        m->state = EPILOGUE;
        return ERR_OK;
    }
    if (!newline)
        return ERR_OK;
    if (m->line.length == 0 || m->line.data[m->line.length - 1] != '\r')
        return error_set(e, ERR_SYNTAX, "the form has a line that does not end in CR LF");
    m->line.data[--m->line.length] = '\0';
    return end_line(m, e);
}

enum err multipart_feed(struct multipart *m, const char *bytes, size_t n, struct error *e)
{
    while (n > 0) {
        size_t used = n;

        switch (m->state) {
        case PREAMBLE:
        case DATA:
            TRY(scan_data(m, bytes, n, &used, e));
            break;
        case AFTER:
        case HEADERS:
            TRY(scan_line(m, bytes, n, &used, e));
            break;
        case EPILOGUE:
            break;
        }
        bytes += used;
        n -= used;
    }
    return ERR_OK;
}

enum err multipart_end(struct multipart *m, struct error *e)
{
    if (m->state != EPILOGUE)
        return error_set(e, ERR_SYNTAX, "the form ends before its last boundary");
    return ERR_OK;
}

static enum err set_boundary(struct multipart *m, const char *content_type, struct error *e)
{
    CLEANUP(buf_finish) struct buf boundary = {0};

    if (!find_parameter(content_type, "boundary", &boundary) || boundary.length == 0)
        return error_set(e, ERR_SYNTAX, "the form's Content-Type tells no boundary");
    TRY(buf_check(&boundary, e));
    if (boundary.length > MULTIPART_MAX_BOUNDARY_BYTES ||
        text_has_control(boundary.data, boundary.length, false))
        return error_set(e, ERR_SYNTAX, "the form's boundary is not valid");
    memcpy(m->delimiter, "\r\n--", 4);
    memcpy(m->delimiter + 4, boundary.data, boundary.length);
    m->delimiter_length = 4 + boundary.length;
    m->matched = 2; /* the first delimiter needs no line before it */
    return ERR_OK;
}

enum err multipart_create(struct arena *a, const char *content_type, multipart_file_fn *file,
                          void *ctx, struct multipart **out, struct error *e)
{
    struct multipart *m = calloc(1, sizeof *m);
    enum err err;

    if (!m)
        return error_no_memory(e);
    m->arena = a;
    m->file = file;
    m->ctx = ctx;
    err = set_boundary(m, content_type, e);
    if (err == ERR_OK)
        *out = m;
    else
        multipart_destroy(m);
    return err;
}

size_t multipart_n_fields(const struct multipart *m)
{
    return m->n_fields;
}

const struct http_pair *multipart_fields(const struct multipart *m)
{
    return m->fields;
}

size_t multipart_n_files(const struct multipart *m)
{
    return m->n_files;
}

const char *multipart_file_name(const struct multipart *m, size_t i)
{
    return m->file_names[i];
}

void multipart_destroy(struct multipart *m)
{
    if (!m)
        return;
    buf_finish(&m->line);
    buf_finish(&m->value);
    free(m);
}
