/*
 * One experiment: live progress, the best trial, the leaderboard.
 */

import { resource } from "./api.js";
import { spread, spreadScale } from "./chart.js";
import { h, terms } from "./dom.js";
import { count, kind, moment, parameter, plural, score, scoreWithSpread, seconds,
         spreadOf } from "./format.js";
import { importancePart } from "./importance.js";
import { keep, pauseFor } from "./live.js";
import { badge, bar, progressText } from "./parts.js";
import { searchPart } from "./plot.js";
import { isUnsealing, sealedPart } from "./sealed.js";
import { sortableTable } from "./table.js";
import { followTrials } from "./trials.js";

const MOST_ROWS = 200; /* of the leaderboard */

function crossValidation(definition) {
    const cv = definition.cross_validation;
    if (!cv)
        return null;
    return [kind(cv), cv.folds ? `× ${cv.folds}` : "", cv.repeats > 1 ? `× ${cv.repeats} repeats` : ""]
        .filter(Boolean).join(" ");
}

/* One number where the three seeds are equal. */
function seed(value) {
    if (value === null || typeof value !== "object")
        return value === undefined ? null : parameter(value);
    const numbers = [...new Set(Object.values(value))];
    return numbers.length === 1 ? parameter(numbers[0])
        : Object.entries(value).map(([name, n]) => `${name} ${n}`).join(", ");
}

/* The dimensions that are not fixed, in the order of the trial that has most of them. */
function searched(space, trials) {
    const isFixed = (name) => name in space && typeof space[name] !== "object";
    const named = trials.map((trial) => Object.keys(trial.params)).sort((a, b) => b.length - a.length);

    return [...new Set(named.flat())].filter((name) => !isFixed(name));
}

function fixed(space) {
    const names = Object.keys(space).filter((name) => typeof space[name] !== "object");
    return names.length === 0 ? null
        : names.map((name) => `${name} ${parameter(space[name])}`).join(", ");
}

function interval(trial) {
    if (typeof trial.score !== "number")
        return null;
    const half = trial.score_std ?? 0;
    return { low: trial.score - half, middle: trial.score, high: trial.score + half };
}

function columnsOf(experiment, trials, names, range) {
    const link = (t) => h("a", { href: `#/experiments/${experiment.id}/trials/${t.trial}` },
                          String(t.trial));
    const scoreFirst = experiment.direction === "minimize" ? "ascending" : "descending";
    const isWord = (name) => trials.some((t) => /^[a-z]/.test(t.params[name] ?? "")) &&
        !trials.some((t) => typeof t.params[name] === "number");
    const differs = (value) => trials.some((t) => value(t) !== value(trials[0]));
    const isAllDone = trials.every((t) => t.state === "completed");
    const dimension = (name) => ({
        key: `params.${name}`, label: name, kind: isWord(name) ? "name" : "number",
        value: (t) => typeof t.params[name] === "object" ? JSON.stringify(t.params[name])
                                                         : t.params[name],
        cell: (t) => parameter(t.params[name]),
    });

    return [
        { key: "rank", label: "rank", kind: "number", value: (t) => t.rank,
          cell: (t) => String(t.rank) },
        { key: "trial", label: "trial", kind: "number", value: (t) => t.trial, cell: link },
        { key: "score", label: experiment.metric, kind: "number", first: scoreFirst,
          value: (t) => t.score, cell: (t) => score(t.score) },
        { key: "score_std", label: "± std", kind: "number", value: (t) => t.score_std,
          cell: (t) => spreadOf(t.score, t.score_std) },
        { key: "interval", label: "mean ± std", kind: "drawing", first: scoreFirst,
          value: (t) => t.score,
          cell: (t) => range && interval(t) ? spread(interval(t), range) : "" },
        ...isAllDone ? [] : [
            { key: "state", label: "state", kind: "name", value: (t) => t.state,
              cell: (t) => badge(t.state, t.reason) }],
        ...differs((t) => t.folds_done) ? [
            { key: "folds_done", label: "folds", kind: "number", value: (t) => t.folds_done,
              cell: (t) => String(t.folds_done) }] : [],
        ...names.map(dimension),
        { key: "weight_count", label: "weights", kind: "number", value: (t) => t.weight_count,
          cell: (t) => count(t.weight_count) },
        { key: "seconds", label: "time", kind: "number", value: (t) => t.seconds,
          cell: (t) => seconds(t.seconds) },
    ];
}

function bestTrial(experiment) {
    const { best } = experiment;
    if (!best)
        return h("p", { class: "note" }, "No trial has all of its folds yet.");
    return h("div", { class: "winner" },
        h("p", { class: "best" },
            h("span", { class: "figure" }, scoreWithSpread(best.score, best.score_std)),
            ` ${experiment.metric}, `,
            h("a", { href: `#/experiments/${experiment.id}/trials/${best.trial}` },
                `trial ${best.trial}`)),
        terms(Object.entries(best.params).map(([name, value]) => [name, parameter(value)])));
}

const hasEnded = (experiment) => ["completed", "cancelled", "failed"].includes(experiment.state);

function head(experiment) {
    const { definition, progress } = experiment;

    return [
        h("div", { class: "line" }, h("h1", {}, experiment.name),
            badge(experiment.state, experiment.state === "completed" ? null : experiment.stop_reason)),
        experiment.error ? h("p", { class: "error" }, experiment.error) : null,
        bar(progress, experiment.state),
        h("p", { class: "facts progress-text", role: "status" },
            progressText(progress, experiment.state)),
        terms([
            ["data set", experiment.dataset
                ? h("a", { href: `#/datasets/${experiment.dataset.id}` }, experiment.dataset.name)
                : null],
            ["owner", experiment.owner],
            ["metric", `${experiment.metric}, ${experiment.direction}`],
            ["sampler", kind(definition.sampler)],
            ["cross-validation", crossValidation(definition)],
            ["seed", seed(definition.seed)],
            ["fixed", fixed(definition.space ?? {})],
            ["started", experiment.started_at ? moment(experiment.started_at) : null],
            ["finished", experiment.finished_at ? moment(experiment.finished_at) : null],
        ]),
        experiment.notes ? h("p", { class: "notes" }, experiment.notes) : null,
        h("h2", {}, hasEnded(experiment) ? "Best" : "Best so far"),
        bestTrial(experiment),
        ...sealedPart(experiment, hasEnded(experiment)),
    ].filter((part) => part !== null);
}

function downloads(id) {
    const to = (name, what) => h("a", { href: `api/v1/experiments/${id}/${name}` }, what);
    return h("p", { class: "facts" }, "Take it along: ", to("trials.csv", "trials.csv"), ", ",
        to("folds.csv", "folds.csv"), ", ", to("export.db", "an SQLite file"));
}

function definitionPart(definition) {
    return h("details", {}, h("summary", {}, "Definition"),
        h("pre", { class: "terminal", tabindex: 0 },
            h("code", {}, JSON.stringify(definition, null, 2))));
}

function shownText(rows) {
    return rows.length > MOST_ROWS
        ? `${count(MOST_ROWS)} of ${plural(rows.length, "trial")} are shown; a click on a column sorts them all`
        : plural(rows.length, "trial");
}

export async function showExperiment(main, signal, id) {
    const experiment = resource(`/experiments/${id}`);
    const trials = followTrials(id);
    const board = sortableTable({ caption: "Leaderboard", key: (t) => t.trial, sort: "rank",
                                  most: MOST_ROWS });
    const top = h("section", { class: "experiment" });
    const shown = h("span", { class: "facts" });
    const search = searchPart();
    const mattered = importancePart(id);
    let isEmpty = true;

    await keep(signal, async (isLive) => {
        const [one, all] = await Promise.all([experiment(signal), trials(signal)]);

        if (one.changed)
            top.replaceChildren(...head(one.data));
        if (all.changed || isEmpty) {
            const names = searched(one.data.definition.space ?? {}, all.rows);
            const range = spreadScale(all.rows.map(interval).filter(Boolean),
                                      one.data.direction === "maximize");
            board.update(all.rows, columnsOf(one.data, all.rows, names, range), JSON.stringify(range));
            search.update(one.data, all.rows, names);
            shown.textContent = shownText(all.rows);
        }
        if (isEmpty)
            main.replaceChildren(h("p", { class: "path" }, h("a", { href: "#/" }, "Experiments")),
                top, search.element, h("div", { class: "line part" }, h("h2", {}, "Leaderboard"), shown),
                board.element, mattered.element, downloads(one.data.id), definitionPart(one.data.definition));
        isEmpty = false;
        document.title = `${one.data.name} · sweepd`;
        if (one.changed && hasEnded(one.data))
            await mattered.update(signal);
        return isUnsealing(one.data) ? pauseFor("running") : pauseFor(one.data.state, isLive);
    }, `/experiments/${id}/events`);
}
