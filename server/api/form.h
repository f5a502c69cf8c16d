/*
 * In which form a list is wanted.
 */
#ifndef SWEEPD_SERVER_API_FORM_H
#define SWEEPD_SERVER_API_FORM_H

enum form { FORM_JSON, FORM_CSV, FORM_TEXT };

/**
 * By the ending of the path's last segment, .json, .csv or .txt, or else by Accept: the form of
 * the highest quality, of equals the first in the order above. JSON where none is accepted.
 *
 * accept  the header's value, or NULL
 */
enum form form_wanted(const char *last_segment, const char *accept);

#endif
