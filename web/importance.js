/*
 * What mattered in a search that has ended: a bar for each hyperparameter.
 */

import { Problem, resource } from "./api.js";
import { share } from "./chart.js";
import { h } from "./dom.js";
import { plural } from "./format.js";
import { sortableTable } from "./table.js";

const percent = (value) => typeof value === "number" ? `${(100 * value).toFixed(1)} %` : null;

const hasShares = (found) => found.dimensions.some((d) => d.fanova !== null);

function explanation(found) {
    if (found.reason)
        return `${found.reason[0].toUpperCase()}${found.reason.slice(1)}.`;
    return `Shares of the variance of ${found.metric} over the whole space, each hyperparameter by ` +
        `itself; the line holds 80 % of 64 trees, each from another sample of ${plural(found.trials, "trial")}. ` +
        "What is left is due to combinations.";
}

function table(found) {
    const made = sortableTable({ caption: "Importance of hyperparameters", key: (d) => d.name });
    const shares = [
        { key: "fanova", label: "of the variance", kind: "number", first: "descending",
          value: (d) => d.fanova, cell: (d) => percent(d.fanova) },
        { key: "drawing", label: "share", kind: "drawing", first: "descending",
          value: (d) => d.fanova,
          cell: (d) => share({ low: d.fanova_low, middle: d.fanova, high: d.fanova_high }) }];

    made.update(found.dimensions, [
        { key: "name", label: "hyperparameter", kind: "name", /* what matters most first */
          value: (d) => found.dimensions.indexOf(d), cell: (d) => d.name },
        ...hasShares(found) ? shares : [],
        { key: "ped_anova", label: "to be among the best tenth", kind: "number", first: "descending",
          value: (d) => d.ped_anova, cell: (d) => percent(d.ped_anova) },
    ]);
    return made.element;
}

function part(found) {
    if (found.dimensions.length === 0)
        return [];
    return [h("div", { class: "line part" }, h("h2", {}, "What mattered")),
        h("p", { class: "facts" }, explanation(found)),
        found.dimensions.some((d) => d.ped_anova !== null) ? table(found) : null]
        .filter((one) => one !== null);
}

/** Shows it in an element; nothing where the daemon has nothing to say. */
export function importancePart(id) {
    const read = resource(`/experiments/${id}/importance`);
    const element = h("section", { class: "importance" });

    return {
        element,
        async update(signal) {
            try {
                const { data, changed } = await read(signal);
                if (changed)
                    element.replaceChildren(...part(data));
            } catch (fault) {
                if (!(fault instanceof Problem))
                    throw fault;
                element.replaceChildren();
            }
        },
    };
}
