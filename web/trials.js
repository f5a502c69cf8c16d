/*
 * The trials of an experiment, followed by their columns: read whole once, then what has changed.
 */

import { get } from "./api.js";

/* The rows of an answer: {trial, state, score, …, params}; params that a trial lacks are left out. */
function* rowsOf({ params, ...own }) {
    const columns = Object.entries(own);
    const dimensions = Object.entries(params);

    for (let i = 0; i < own.trial.length; i++) {
        const row = Object.fromEntries(columns.map(([name, values]) => [name, values[i]]));
        row.params = Object.fromEntries(dimensions.filter(([, values]) => values[i] !== null)
            .map(([name, values]) => [name, values[i]]));
        yield row;
    }
}

/* Completed trials by score, those whose score is undefined, the rest; ties by number. */
function ranked(rows, direction) {
    const sign = direction === "maximize" ? -1 : 1;
    const group = (row) => (row.state !== "completed" ? 2 : row.score === null ? 1 : 0);
    const list = [...rows].sort((a, b) => group(a) - group(b) ||
        (group(a) === 0 ? sign * (a.score - b.score) : 0) || a.trial - b.trial);

    list.forEach((row, i) => { row.rank = i + 1; });
    return list;
}

const isSame = (a, b) => a !== undefined && a.state === b.state && a.folds_done === b.folds_done &&
    a.score === b.score && a.reason === b.reason;

/**
 * The function returned answers with {rows, changed}: all trials, by rank.
 */
export function followTrials(id) {
    const known = new Map();
    let since = 0;
    let list = [];

    return async function read(signal) {
        let changed = false;
        let answer;

        do {
            answer = await get(`/experiments/${id}/columns?since=${since}`, signal);
            if (answer.since !== since) /* the daemon has another database now */
                known.clear();
            for (const row of rowsOf(answer.columns)) {
                if (isSame(known.get(row.trial), row))
                    continue;
                known.set(row.trial, row);
                changed = true;
            }
            since = answer.change;
        } while (answer.more);
        if (changed)
            list = ranked(known.values(), answer.direction);
        return { rows: list, changed };
    };
}
