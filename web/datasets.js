/*
 * The data sets, and the column report of one.
 */

import { home, resource } from "./api.js";
import { h, terms } from "./dom.js";
import { NONE, bytes, count, figure, moment } from "./format.js";
import { keep } from "./live.js";
import { terminal, warning } from "./parts.js";
import { curl } from "./session.js";
import { sortableTable } from "./table.js";

const PAUSE_MS = 5000;

const text = (key, label, kind = "name") => ({
    key, label, kind, value: (row) => row[key], cell: (row) => row[key] ?? NONE,
});
const numeric = (key, label, show = count) => ({
    key, label, kind: "number", first: "descending", value: (row) => row[key],
    cell: (row) => show(row[key]),
});

const LIST = [
    numeric("id", "id", String),
    { key: "name", label: "name", kind: "name", value: (d) => d.name,
      cell: (d) => h("a", { href: `#/datasets/${d.id}` }, d.name) },
    text("task", "task"),
    numeric("rows", "rows"),
    numeric("features", "features"),
    { key: "target", label: "target", kind: "name", value: (d) => d.target.join(", "),
      cell: (d) => d.target.join(", ") },
    numeric("bytes", "size", bytes),
    { key: "created_at", label: "uploaded", kind: "name", value: (d) => d.created_at,
      cell: (d) => moment(d.created_at) },
];

const COLUMNS = [
    numeric("number", "no.", String),
    text("name", "column"),
    text("role", "role"),
    text("type", "type"),
    numeric("missing", "missing"),
    numeric("distinct", "distinct"),
    numeric("min", "min", figure),
    numeric("max", "max", figure),
    numeric("mean", "mean", figure),
    numeric("std", "std", figure),
];

export async function showDatasets(main, signal) {
    const list = resource("/datasets?limit=1000");
    const table = sortableTable({ caption: "Data sets", key: (d) => d.id, sort: "id" });

    await keep(signal, async () => {
        const { data, changed } = await list(signal);

        if (changed) {
            table.update(data.items, LIST);
            main.replaceChildren(h("h1", {}, "Data sets"), data.items.length ? table.element
                : h("section", { class: "first" }, h("h2", {}, "No data yet"),
                    h("p", {}, "Send a table with a header row; name the column to predict:"),
                    terminal(`${curl()} -T iris.csv '${home}/api/v1/datasets/iris.csv?target=species'`)));
        }
        return PAUSE_MS;
    });
}

function classes(dataset) {
    if (!dataset.classes?.length)
        return null;
    return dataset.classes.map((each) => `${each.label} (${count(each.rows)})`).join(", ");
}

export async function showDataset(main, signal, id) {
    const one = resource(`/datasets/${id}`);
    const table = sortableTable({ caption: "Columns", key: (c) => c.number, sort: "number" });

    await keep(signal, async () => {
        const { data, changed } = await one(signal);

        if (changed) {
            table.update(data.columns.map((column, i) => ({ number: i + 1, ...column })), COLUMNS);
            main.replaceChildren(
                h("p", { class: "path" }, h("a", { href: "#/datasets" }, "Data sets")),
                h("h1", {}, data.name),
                terms([
                    ["owner", data.owner],
                    ["task", data.task],
                    ["rows", count(data.rows)],
                    ["features", count(data.features)],
                    ["encoded features", count(data.encoded_features)],
                    ["target", data.target.join(", ")],
                    ["classes", classes(data)],
                    ["duplicate rows", count(data.duplicate_rows)],
                    ["size", bytes(data.bytes)],
                    ["uploaded", moment(data.created_at)],
                    ["SHA-256", h("code", {}, data.sha256)],
                ]),
                ...data.warnings.map(warning),
                h("h2", {}, "Columns"), table.element);
            document.title = `${data.name} · sweepd`;
        }
        return PAUSE_MS;
    });
}
