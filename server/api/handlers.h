/*
 * The handlers that the table of routes names, by the file they are in.
 */
#ifndef SWEEPD_SERVER_API_HANDLERS_H
#define SWEEPD_SERVER_API_HANDLERS_H

#include "server/api/call.h"

/* Tables of parameters and schemas of bodies and answers stand beside the handlers that use them. */

/* service.c */
call_handler service_health, service_ready, service_describe;
extern const struct schema service_schema;

/* metrics.c */
call_handler metrics_get;
enum { METRICS_ROUTES_MAX = 128 };
/** Counts an answer of the i-th route; i is the number of routes where the request found none. */
void metrics_count(size_t i, unsigned status, double seconds);

/* openapi.c */
call_handler openapi_get;
extern const struct schema openapi_schema;

/* page.c: the files of web/, by the path's only segment; the one that shows openapi.json */
call_handler page_get, page_docs;

/* upload.c */
call_handler dataset_upload;

/* datasets.c */
call_handler dataset_list, dataset_get, dataset_rows, dataset_delete;
extern const struct field dataset_list_query[], dataset_rows_query[];

/* submit.c */
call_handler experiment_submit, experiment_validate, experiment_clone;
extern const struct schema experiment_validated_schema, experiment_patch_schema;

/* experiment_list.c */
call_handler experiment_list;
extern const struct field experiment_list_query[];

/* experiments.c */
call_handler experiment_get, experiment_best, experiment_cancel, experiment_pause,
    experiment_resume, experiment_delete;
extern const struct field experiment_get_query[], experiment_delete_query[];

/* delete_many.c */
call_handler experiment_delete_many;
extern const struct field experiment_delete_many_query[];
extern const struct schema experiment_deleted_schema;

/* prune.c */
call_handler experiment_prune;
extern const struct field experiment_prune_query[];
extern const struct schema experiment_pruned_schema;

/* patch.c */
call_handler experiment_patch;
extern const struct schema experiment_labels_schema;

/* extend.c */
call_handler experiment_extend;
extern const struct schema experiment_extend_schema;

/* unseal.c */
call_handler experiment_unseal;

/* folds.c */
call_handler experiment_folds;
extern const struct field experiment_folds_query[];
extern const struct schema experiment_fold_schema;

/* exports.c */
call_handler experiment_export;

/* trials.c */
call_handler trial_list, trial_get;
extern const struct field trial_list_query[];

/* curves.c */
call_handler trial_curves;

/* tell.c */
call_handler trial_ask, trial_report, trial_tell, trial_import;
extern const struct schema trial_ask_schema, trial_asked_schema, trial_report_schema,
    trial_verdict_schema, trial_tell_schema, trial_told_schema, trial_imported_schema;

/* importance.c */
call_handler experiment_importance;
extern const struct schema experiment_importance_schema;

/* columns.c */
call_handler experiment_columns;
extern const struct field experiment_columns_query[];
extern const struct schema experiment_columns_schema;

/* events.c */
call_handler experiment_events, service_events;
extern const struct field events_query[], events_headers[];

/* watch.c */
call_handler experiment_watch;

/* session.c */
call_handler session_get, session_begin, session_end;
extern const struct schema session_schema, session_login_schema;

/* tokens.c */
call_handler token_list, token_create, token_revoke;
extern const struct field token_list_query[];
extern const struct schema token_schema, token_wish_schema;

#endif
