/*
 * The handlers that the table of routes names, by the file they are in.
 */
#ifndef SWEEPD_SERVER_API_HANDLERS_H
#define SWEEPD_SERVER_API_HANDLERS_H

#include "server/api/call.h"

/* service.c */
call_handler service_health, service_ready, service_describe;

/* page.c: the files of web/, by the path's only segment */
call_handler page_get;

/* upload.c */
call_handler dataset_upload;

/* datasets.c */
call_handler dataset_list, dataset_get, dataset_rows, dataset_delete;

/* submit.c */
call_handler experiment_submit, experiment_validate, experiment_clone;

/* experiment_list.c */
call_handler experiment_list;

/* experiments.c */
call_handler experiment_get, experiment_best, experiment_cancel, experiment_pause,
    experiment_resume, experiment_delete;

/* patch.c */
call_handler experiment_patch;

/* extend.c */
call_handler experiment_extend;

/* unseal.c */
call_handler experiment_unseal;

/* folds.c */
call_handler experiment_folds;

/* exports.c */
call_handler experiment_export;

/* trials.c */
call_handler trial_list, trial_get;

/* curves.c */
call_handler trial_curves;

/* tell.c */
call_handler trial_ask, trial_report, trial_tell, trial_import;

/* importance.c */
call_handler experiment_importance;

/* columns.c */
call_handler experiment_columns;

/* events.c */
call_handler experiment_events, service_events;

/* watch.c */
call_handler experiment_watch;

/* session.c */
call_handler session_get, session_begin, session_end;

/* tokens.c */
call_handler token_list, token_create, token_revoke;

#endif
