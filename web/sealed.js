/*
 * Rows that were set aside before the search, and what came of them.
 */

import { send } from "./api.js";
import { h } from "./dom.js";
import { count, moment, plural, score, scoreWithSpread, seconds } from "./format.js";
import { lookAgain } from "./live.js";
import { attempt, badge } from "./parts.js";
import { sortableTable } from "./table.js";

const STANDS = "a choice made after seeing the score would need new rows.";

/* Asks; the view shows what comes of it. */
function button(experiment) {
    const said = h("p", { class: "error", role: "alert", hidden: true });
    const act = h("button", { type: "button", class: "action", click: async () => {
        if (await attempt(act, said, () => send(`/experiments/${experiment.id}/unseal`)))
            lookAgain();
    } }, "Unseal");

    return [h("p", {}, act), said];
}

function offer(experiment, ended) {
    const rows = `${plural(experiment.sealed_rows, "row")} were set aside before the search.`;

    if (!ended || !experiment.best)
        return [h("p", { class: "note" }, `${rows} They can be scored once it has ended` +
                  `${ended ? ", but no trial has completed." : "."}`)];
    return [h("p", {}, `${rows} Unsealing trains the best trial's configuration on all others and ` +
              `scores it on these. It is done once, at the end: ${STANDS}`), ...button(experiment)];
}

function table(record) {
    const scores = Object.entries(record.scores).map(([metric, one]) => ({ metric, ...one }));
    const part = (key, label) => ({ key, label, kind: "number", first: "descending",
                                    value: (s) => s[key], cell: (s) => score(s[key]) });
    const made = sortableTable({ caption: "Scores on the sealed rows", key: (s) => s.metric });

    made.update(scores, [{ key: "metric", label: "metric", kind: "name", value: (s) => s.metric },
                         part("test", "sealed rows"), part("train", "training")]);
    return made.element;
}

function outcome(experiment, record) {
    const { metric } = experiment;
    const decides = record.scores[metric];

    if (record.state === "failed")
        return [h("p", { class: "error" }, record.error)];
    if (record.state !== "completed")
        return [h("p", { class: "facts", role: "status" },
                  `Trial ${record.trial} is trained on ${plural(record.train_rows, "row")}.`)];
    return [
        h("p", { class: "best" },
            h("span", { class: "figure" }, scoreWithSpread(decides?.test, decides?.standard_error)),
            ` ${metric}${typeof decides?.standard_error === "number" ? " ± standard error" : ""} ` +
            `on ${count(record.rows)} rows that no trial has seen`),
        h("p", { class: "facts" }, `Trial ${record.trial}, trained on ${plural(record.train_rows, "row")} ` +
            `in ${seconds(record.seconds)}; unsealed ${moment(record.finished_at)}. This stands: ${STANDS}`),
        table(record),
    ];
}

/** True while the sealed rows are about to be scored. */
export function isUnsealing(experiment) {
    return ["queued", "running"].includes(experiment.unsealed?.state);
}

/** The part of an experiment's page; empty where no rows are sealed. */
export function sealedPart(experiment, ended) {
    const record = experiment.unsealed;

    if (!record && !experiment.sealed_rows)
        return [];
    return [
        h("div", { class: "line part" }, h("h2", {}, "Sealed rows"),
            record && record.state !== "completed" ? badge(record.state) : null),
        ...(record ? outcome(experiment, record) : offer(experiment, ended)),
    ];
}
