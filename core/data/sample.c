#include "core/data/sample.h"

#include "core/data/csv.h"

static enum err keep(struct arena *a, const struct record *r, struct sample *s, struct error *e)
{
    struct sample_record *mine = &s->records[s->n_records];

    mine->cells = arena_alloc(a, r->n_cells, sizeof *mine->cells);
    if (!mine->cells)
        return error_no_memory(e);
    for (size_t j = 0; j < r->n_cells; j++) {
        mine->cells[j] = arena_strndup(a, r->cells[j].text, r->cells[j].length);
        if (!mine->cells[j])
            return error_no_memory(e);
    }
    mine->n_cells = r->n_cells;
    s->n_records++;
    return ERR_OK;
}

static enum err read_records(struct arena *a, struct csv *c, struct sample *s, struct error *e)
{
    struct record r;

    while (s->n_records < SAMPLE_RECORDS) {
        enum err err = csv_next(c, &r, e);

        if (err == ERR_NO_MEMORY)
            return err;
        if (err != ERR_OK || r.n_cells == 0)
            break;
        TRY(keep(a, &r, s, e));
    }
    if (csv_last_comment(c)) {
        s->comment = arena_strdup(a, csv_last_comment(c));
        if (!s->comment)
            return error_no_memory(e);
    }
    return ERR_OK;
}

enum err sample_read(struct arena *a, const char *bytes, size_t n, bool whole, char delimiter,
                     const char *comment, struct sample **out, struct error *e)
{
    struct memory_source m;
    struct csv *c = NULL;
    struct sample *s = arena_alloc(a, 1, sizeof *s);
    enum err err;

    if (!s)
        return error_no_memory(e);
    source_memory_init(&m, bytes, n);
    TRY(csv_create(&m.source, delimiter, comment, &c, e));
    err = read_records(a, c, s, e);
    csv_destroy(c);
    if (err != ERR_OK)
        return err;
    if (!whole && s->n_records > 1 && s->n_records < SAMPLE_RECORDS)
        s->n_records--;
    *out = s;
    return ERR_OK;
}

size_t sample_agreement(const struct sample *s)
{
    size_t most = 0, cells = 0;

    for (size_t i = 0; i < s->n_records; i++) {
        size_t n = s->records[i].n_cells, same = 0;

        for (size_t k = 0; k < s->n_records; k++)
            same += s->records[k].n_cells == n;
        if (same > most || (same == most && n > cells)) {
            most = same;
            cells = n;
        }
    }
    return cells > 1 ? most : 0;
}
