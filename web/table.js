/*
 * A table whose headers sort it. Rows keep their elements while their content stays, so that
 * focus, selection and scrolling survive an update.
 *
 * A column is {key, label, value(row), cell(row), kind, first}:
 *     value  what is sorted by: a number, a text or null (null always comes last)
 *     cell   what is shown: a text or an element; without it, value
 *     kind   a class for its cells: "number", "name"
 *     first  the direction of the first click, "ascending" unless said
 */

import { h } from "./dom.js";

const TURNED = { ascending: "descending", descending: "ascending" };

function compare(a, b) {
    if (typeof a === "number" && typeof b === "number")
        return a - b;
    return String(a).localeCompare(String(b), "en", { numeric: true });
}

function ordered(rows, column, direction) {
    const sign = direction === "ascending" ? 1 : -1;
    const missing = (value) => value === null || value === undefined;

    return [...rows].sort((x, y) => {
        const a = column.value(x);
        const b = column.value(y);
        if (missing(a) || missing(b))
            return missing(a) - missing(b);
        return sign * compare(a, b);
    });
}

/**
 * Makes a table. `key` names a row for ever; `sort` is the column to sort by at first (or else the
 * first of them); `most` is how many rows are drawn at most, the first in the order chosen.
 * update(rows, columns, version) shows rows; a row is drawn again where it or version changed.
 */
export function sortableTable({ caption, key, sort, most = Infinity }) {
    const head = h("tr");
    const body = h("tbody");
    const element = h("div", { class: "scroll", role: "region", "aria-label": caption, tabindex: 0 },
        h("table", {}, h("caption", {}, caption), h("thead", {}, head), body));
    const drawn = new Map(); /* key -> {signature, line} */
    let by = sort;
    let direction = "ascending";
    let rows = [];
    let columns = [];
    let version = "";

    const current = () => columns.find((each) => each.key === by) ?? columns[0];

    function choose(column) {
        direction = current().key === column.key ? TURNED[direction] : column.first ?? "ascending";
        by = column.key;
        drawHead();
        drawBody();
    }

    function drawHead() {
        const focused = head.contains(document.activeElement)
            ? document.activeElement.closest("th").dataset.key : null;

        head.replaceChildren(...columns.map((column) =>
            h("th", { scope: "col", class: column.kind, "data-key": column.key,
                      "aria-sort": column === current() ? direction : null },
                h("button", { type: "button", click: () => choose(column) }, column.label))));
        if (focused !== null)
            head.querySelector(`[data-key="${CSS.escape(focused)}"] button`)?.focus();
    }

    function line(row) {
        const signature = version + JSON.stringify(row);
        const known = drawn.get(key(row));

        if (known?.signature === signature)
            return known.line;
        const made = h("tr", {}, columns.map((column) =>
            h("td", { class: column.kind }, column.cell ? column.cell(row) : column.value(row))));
        drawn.set(key(row), { signature, line: made });
        return made;
    }

    function drawBody() {
        const lines = ordered(rows, current(), direction).slice(0, most).map(line);
        const focused = document.activeElement;

        if (lines.length === body.children.length && lines.every((l, i) => l === body.children[i]))
            return;
        body.replaceChildren(...lines);
        if (focused !== document.activeElement && focused.isConnected)
            focused.focus({ preventScroll: true });
    }

    function update(newRows, newColumns, newVersion = "") {
        const names = (list) => list.map((column) => column.key).join("\n");
        const changed = names(columns) !== names(newColumns);

        rows = newRows;
        columns = newColumns;
        version = newVersion;
        if (changed) {
            drawn.clear();
            drawHead();
        }
        drawBody();
    }

    return { element, update };
}
