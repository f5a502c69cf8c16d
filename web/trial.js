/*
 * One trial: its parameters, its scores, its folds and their learning curves.
 */

import { resource } from "./api.js";
import { curves } from "./chart.js";
import { h, terms } from "./dom.js";
import { NONE, count, moment, parameter, score, scoreWithSpread, seconds } from "./format.js";
import { keep, pauseFor } from "./live.js";
import { badge, warning } from "./parts.js";
import { sortableTable } from "./table.js";

/* The experiment's metric first, the others after it. */
function metrics(trial) {
    const names = new Set([trial.metric, ...Object.keys(trial.scores ?? {}),
                           ...trial.folds.flatMap((fold) => Object.keys(fold.validation ?? {}))]);
    return [...names];
}

function architecture(hidden) {
    return hidden.length > 0 ? hidden.join(" – ") : "none: a linear model";
}

function head(trial) {
    return [
        h("div", { class: "line" }, h("h1", {}, `Trial ${trial.trial}`),
            badge(trial.state, trial.reason)),
        typeof trial.score === "number"
            ? h("p", { class: "best" },
                h("span", { class: "figure" }, scoreWithSpread(trial.score, trial.score_std)),
                ` ${trial.metric}, rank ${trial.rank}`)
            : h("p", { class: "best none" }, `no score, rank ${trial.rank}`),
        trial.error ? h("p", { class: "error" }, trial.error) : null,
        ...(trial.warnings ?? []).map((text) => warning(text)),
        terms(Object.entries(trial.params).map(([name, value]) => [name, parameter(value)])),
        terms([
            ["hidden layers", trial.hidden ? architecture(trial.hidden) : null],
            ["weights", trial.hidden ? count(trial.weight_count) : null],
            ["standard error", typeof trial.score_sem === "number" ? score(trial.score_sem) : null],
            [`${trial.metric} in training`, trial.scores?.[trial.metric]
                ? score(trial.scores[trial.metric].train_mean) : null],
            ...Object.entries(trial.scores ?? {}).filter(([name]) => name !== trial.metric)
                .map(([name, one]) => [name, scoreWithSpread(one.mean, one.std)]),
            ["time", seconds(trial.seconds)],
            ["reused from", trial.reused_from
                ? h("a", { href: `#/experiments/${trial.reused_from.experiment}` +
                                 `/trials/${trial.reused_from.trial}` },
                    `experiment ${trial.reused_from.experiment}, trial ${trial.reused_from.trial}`)
                : null],
        ]),
    ].filter((part) => part !== null);
}

function foldColumns(trial) {
    const isRepeated = trial.folds.some((fold) => fold.repeat > 1);
    const value = (key, label, show) => ({ key, label, kind: "number", value: (f) => f[key],
                                           cell: (f) => show(f[key]) });
    const part = (side, name) => ({
        key: `${side}.${name}`, kind: "number", first: "descending",
        label: side === "train" ? `${name}, training` : name,
        value: (f) => f[side]?.[name], cell: (f) => score(f[side]?.[name]),
    });

    return [
        ...(isRepeated ? [value("repeat", "repeat", String)] : []),
        value("fold", "fold", String),
        { key: "state", label: "state", kind: "name", value: (f) => f.state,
          cell: (f) => badge(f.state, f.error) },
        ...metrics(trial).flatMap((name) => [part("validation", name), part("train", name)]),
        value("epochs_run", "epochs", (n) => n === null || n === undefined ? NONE : count(n)),
        value("seconds", "time", seconds),
    ];
}

function legend() {
    return h("p", { class: "legend" },
        h("span", { class: "train" }, "training"), " ",
        h("span", { class: "validation" }, "validation"),
        " · a thin line for each fold, a thick one for their mean");
}

function drawings(trial, { folds = [], pruned_at: prunedAt = null }) {
    const isRepeated = folds.some((f) => f.repeat > 1);
    const nameOf = (f) => isRepeated ? `repeat ${f.repeat}, fold ${f.fold}` : `fold ${f.fold}`;
    const line = (name, kind) => folds.map((f) => ({
        values: f[name] ?? [], kind,
        name: `${nameOf(f)}, ${kind === "train" ? "training" : "validation"}`,
    }));
    const losses = curves("loss", `Loss by epoch of trial ${trial.trial}, a line per fold`,
        [...line("train_loss", "train"), ...line("validation_loss", "validation")]);
    const scores = curves(`${trial.metric} on the validation part`, `Validation score by epoch of trial ${trial.trial}`,
        line("validation_score", "validation"));

    if (losses === null && scores === null)
        return [h("p", { class: "note" }, prunedAt
            ? `The learning curves were dropped on ${moment(prunedAt)}; the scores are kept.`
            : "No learning curves yet.")];
    return [legend(), h("div", { class: "drawings" }, [losses, scores].filter(Boolean))];
}

export async function showTrial(main, signal, id, n) {
    const trial = resource(`/experiments/${id}/trials/${n}`);
    const curve = resource(`/experiments/${id}/trials/${n}/curves`);
    const folds = sortableTable({ caption: "Folds and their validation scores",
                                  key: (f) => `${f.repeat}/${f.fold}`, sort: "repeat" });
    const top = h("section", { class: "trial" });
    const plots = h("section");
    const waiting = h("p", { class: "note" });
    let isEmpty = true;

    await keep(signal, async () => {
        const [one, drawn] = await Promise.all([trial(signal), curve(signal)]);

        if (one.changed) {
            top.replaceChildren(...head(one.data));
            folds.update(one.data.folds, foldColumns(one.data));
            waiting.textContent = one.data.folds.length > 0 ? "" : "No fold is done yet.";
        }
        if (one.changed || drawn.changed)
            plots.replaceChildren(...drawings(one.data, drawn.data));
        if (isEmpty)
            main.replaceChildren(
                h("p", { class: "path" }, h("a", { href: "#/" }, "Experiments"), " / ",
                    h("a", { href: `#/experiments/${id}` }, `experiment ${id}`)),
                top, h("h2", {}, "Folds"), folds.element, waiting,
                h("h2", {}, "Learning curves"), plots);
        isEmpty = false;
        return pauseFor(one.data.state);
    });
}
