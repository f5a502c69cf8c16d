/*
 * A search, drawn: the score of each trial in the order of trials, with the best so far, and against
 * any hyperparameter. A pointer or the arrow keys read a trial off either drawing; Enter or a click
 * opens it.
 */

import { linearTicks, logTicks } from "./chart.js";
import { h, svg } from "./dom.js";
import { number, parameter, scoreWithSpread } from "./format.js";

const WIDTH = 520;
const HEIGHT = 320;
const LEFT = 62;
const RIGHT = 16;
const TOP = 30;
const BOTTOM = 44;
const FOOT = 16; /* the strip of the trials without a score */
const LOG_FROM = 10; /* a range of more than this ratio is drawn on a logarithmic scale */
const FEW = 8; /* different values are marked each */
const CLIP_FROM = 4; /* the scale leaves out the worst tenth where it is that much longer with it */
const LAYERS = 12; /* so that dots which lie on each other are darker */
const DENSE_FROM = 300; /* trials are drawn smaller and lighter */
const NEAR = 40; /* a pointer reads trials no farther than that */

const isNumber = (v) => typeof v === "number";
const hasScore = (row) => row.state === "completed" && isNumber(row.score);
const isOver = (row) => !["queued", "running"].includes(row.state);
const distinct = (values) => [...new Set(values)];

/* ---- scales ---- */

/* Over few decades 1, 2 and 5 of each. */
function ticksOfLog(low, high) {
    if (high / low > 300)
        return logTicks(low, high);
    const ticks = [];
    for (let power = 10 ** Math.floor(Math.log10(low)); power <= high; power *= 10)
        ticks.push(...[1, 2, 5].map((digit) => digit * power).filter((t) => t >= low && t <= high));
    return ticks.length > 1 ? ticks : logTicks(low, high);
}

/* From a range of values to one of places: {at, ticks, low, high, isLog}. */
function numericScale(values, from, to, wantsLog = null) {
    const least = values.reduce((a, b) => Math.min(a, b), Infinity);
    const most = values.reduce((a, b) => Math.max(a, b), -Infinity);
    const isLog = least > 0 && (wantsLog ?? most / least > LOG_FROM);
    const apply = isLog ? Math.log : (v) => v;
    const undo = isLog ? Math.exp : (v) => v;
    const margin = (apply(most) - apply(least) || Math.abs(apply(most)) * 0.1 || 1) * 0.04;
    const low = undo(apply(least) - margin);
    const high = undo(apply(most) + margin);
    const span = apply(high) - apply(low);

    return {
        isLog, low, high,
        ticks: isLog ? ticksOfLog(low, high) : linearTicks(low, high, 5),
        at: (v) => from + (apply(v) - apply(low)) / span * (to - from),
    };
}

/* The worst tenth is left out where a few bad trials would press all others together. */
function scoreScale(scores, direction, foot) {
    const best = direction === "maximize" ? 1 : -1;
    const sorted = [...scores].sort((a, b) => best * (b - a));
    const kept = sorted.slice(0, Math.max(Math.ceil(sorted.length * 0.9), 2));
    const range = (list) => Math.abs(list.at(-1) - list[0]);
    const wantsLog = direction === "maximize" ? false : null; /* errors differ by factors */
    const isLog = numericScale(sorted, 0, 1, wantsLog).isLog;
    const used = !isLog && range(kept) > 0 && range(sorted) > CLIP_FROM * range(kept) ? kept : sorted;

    return numericScale(used, HEIGHT - BOTTOM - foot, TOP, isLog);
}

/* Words, or anything that is not a number: a band for each. */
function wordScale(values, from, to) {
    const words = distinct(values).sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
    const step = (to - from) / words.length;
    const place = new Map(words.map((word, i) => [word, from + (i + 0.5) * step]));

    return { words, step, at: (v) => place.get(v), ticks: words, isLog: false };
}

/* Spreads the trials of a band or level out, each always to the same place (Weyl's sequence). */
const offset = (trial) => (trial * 0.6180339887498949) % 1 - 0.5;

/* What a drawing has for its x: {name, label, value(row), wantsLog}; each of the rows has a value. */
function dimensionScale(dimension, rows) {
    const values = rows.map(dimension.value);

    if (values.every(isNumber)) {
        const scale = numericScale(values, LEFT + 8, WIDTH - RIGHT, dimension.wantsLog);
        const levels = distinct(values).sort((a, b) => a - b);
        const places = levels.map(scale.at);
        const gap = places.reduce((least, x, i) => (i === 0 ? least : Math.min(least, x - places[i - 1])), Infinity);
        const isLevels = levels.length <= FEW && gap > 34;
        const width = isLevels && rows.length > levels.length ? Math.min(gap * 0.4, 30) : 0;
        return { ...scale, ticks: isLevels ? levels : scale.ticks,
                 x: (row) => scale.at(dimension.value(row)) + width * offset(row.trial) };
    }
    const scale = wordScale(values.map(parameter), LEFT, WIDTH - RIGHT);
    return { ...scale, x: (row) => scale.at(parameter(dimension.value(row))) +
                                   offset(row.trial) * Math.min(scale.step * 0.6, 60) };
}

/* ---- marks: a path for each kind, however many trials there are ---- */

const place = (x, y) => `${x.toFixed(1)} ${y.toFixed(1)}`;
const dot = ([x, y]) => `M${place(x, y)}h0`;
const cross = ([x, y]) => `M${place(x - 3, y - 3)}l6 6m0-6l-6 6`;
const tick = ([x, y]) => `M${place(x, y - 4)}v8`;
const down = ([x, y]) => `M${place(x - 4, y - 5)}h8l-4 6z`;
const up = ([x, y]) => `M${place(x - 4, y + 5)}h8l-4-6z`;

const KINDS = [
    { name: "completed", label: "completed", test: hasScore, draw: dot },
    { name: "stopped", label: "pruned", test: (row) => row.state === "pruned", draw: tick },
    { name: "broken", label: "failed or without a score", draw: cross,
      test: (row) => isOver(row) && !hasScore(row) && row.state !== "pruned" },
];

/* Where the trials of a drawing are: [{row, kind, x, y, edge}]. Those without a score are at the
 * foot; those outside of the scale at its edge. */
function placed(rows, x, scale) {
    const foot = HEIGHT - BOTTOM - FOOT / 2;

    return rows.filter(isOver).map((row) => {
        const kind = KINDS.find((each) => each.test(row));
        const y = hasScore(row) ? scale.at(row.score) : foot;
        const edge = !hasScore(row) ? null : y < TOP ? up : y > scale.foot ? down : null;
        return { row, kind: kind.name, edge, x: x(row), y: Math.min(Math.max(y, TOP), HEIGHT - BOTTOM - 7) };
    }).filter((point) => Number.isFinite(point.x));
}

function marks(points) {
    const density = points.length > DENSE_FROM ? " dense" : "";
    const draw = (kind, list, shape) => list.length === 0 ? null
        : svg("path", { class: kind + density, d: list.map((p) => shape([p.x, p.y])).join("") });
    const layers = (kind, list, shape) => Array.from({ length: LAYERS }, (_, layer) =>
        draw(kind, list.filter((p) => p.row.trial % LAYERS === layer), shape));

    return [
        ...KINDS.map(({ name, draw: shape }) =>
            layers(name, points.filter((p) => p.kind === name && p.edge === null), shape)),
        draw("outside", points.filter((p) => p.edge === up), up),
        draw("outside", points.filter((p) => p.edge === down), down),
    ];
}

/* The best score up to each trial, as stairs. */
function stairs(points, direction) {
    const isBetter = (a, b) => (direction === "maximize" ? a > b : a < b);
    let best = null;
    let d = "";

    for (const point of points.filter((p) => p.kind === "completed").sort((a, b) => a.row.trial - b.row.trial)) {
        if (best !== null && !isBetter(point.row.score, best))
            continue;
        d += best === null ? `M${place(point.x, point.y)}` : `H${point.x.toFixed(1)}V${point.y.toFixed(1)}`;
        best = point.row.score;
    }
    return best === null ? null : svg("path", { class: "record", d: `${d}H${WIDTH - RIGHT}` });
}

function frame(xScale, yScale, label, xLabel) {
    const right = WIDTH - RIGHT;
    const bottom = HEIGHT - BOTTOM;
    const note = (scale) => (scale.isLog ? ", logarithmic" : "");
    const most = xScale.words ? Math.max(3, Math.floor(xScale.step / 7)) : 12;
    const text = (t) => (isNumber(t) ? number(t) : t.length > most ? `${t.slice(0, most - 1)}…` : t);

    return [
        yScale.ticks.map((t) => svg("line", { class: "grid", x1: LEFT, x2: right, y1: yScale.at(t), y2: yScale.at(t) })),
        yScale.ticks.map((t) => svg("text", { class: "tick end", x: LEFT - 8, y: yScale.at(t) + 4 }, number(t))),
        xScale.ticks.map((t) => svg("line", { class: "axis", x1: xScale.at(t), x2: xScale.at(t), y1: bottom, y2: bottom + 4 })),
        xScale.ticks.map((t) => svg("text", { class: "tick middle", x: xScale.at(t), y: bottom + 18 }, text(t))),
        svg("line", { class: "axis", x1: LEFT, x2: right, y1: bottom, y2: bottom }),
        svg("text", { class: "tick end", x: right, y: bottom + 37 }, `${xLabel}${note(xScale)}`),
        svg("text", { class: "tick", x: 0, y: 14 }, `${label}${note(yScale)}`),
    ];
}

/* ---- reading a trial off ---- */

function nearest(points, x, y) {
    let found = null;
    let least = NEAR ** 2;
    for (const point of points) {
        const away = (point.x - x) ** 2 + (point.y - y) ** 2;
        if (away <= least) {
            found = point;
            least = away;
        }
    }
    return found;
}

/* A drawing: its points can be gone through by the arrow keys in the order of x, like a slider. */
function drawing(name, choose, open) {
    const marked = svg("circle", { class: "marked", r: 7, visibility: "hidden" });
    const content = svg("g");
    let points = [];
    let current = -1;

    const select = (index) => choose(points[Math.min(Math.max(index, 0), points.length - 1)]?.row ?? null);
    const MOVES = { ArrowLeft: () => current - 1, ArrowRight: () => current + 1, ArrowDown: () => current - 1,
                    ArrowUp: () => current + 1, PageDown: () => current - 10, PageUp: () => current + 10,
                    Home: () => 0, End: () => points.length - 1 };

    const element = svg("svg", {
        class: `curves search ${name}`, viewBox: `0 0 ${WIDTH} ${HEIGHT}`, tabindex: 0, role: "slider",
        "aria-valuemin": 1, "aria-valuemax": 1, "aria-valuenow": 1,
        keydown: (event) => {
            if (event.key === "Enter" && current >= 0)
                open(points[current].row);
            if (!(event.key in MOVES) || points.length === 0)
                return;
            event.preventDefault();
            select(MOVES[event.key]());
        },
        pointermove: (event) => {
            const box = element.getBoundingClientRect();
            const found = nearest(points, (event.clientX - box.left) / box.width * WIDTH,
                                  (event.clientY - box.top) / box.height * HEIGHT);
            choose(found?.row ?? null);
        },
        pointerleave: () => choose(null),
        click: () => { if (current >= 0) open(points[current].row); },
    }, content, marked);

    return {
        element,
        draw(newPoints, parts, label) {
            points = newPoints.sort((a, b) => a.x - b.x || a.row.trial - b.row.trial);
            content.replaceChildren(...parts.flat(Infinity).filter((part) => part !== null));
            element.setAttribute("aria-label", label);
            element.setAttribute("aria-valuemax", Math.max(points.length, 1));
        },
        mark(row, text) {
            current = row === null ? -1 : points.findIndex((point) => point.row.trial === row.trial);
            marked.setAttribute("visibility", current < 0 ? "hidden" : "visible");
            element.setAttribute("aria-valuenow", current + 1);
            element.setAttribute("aria-valuetext", text);
            if (current < 0)
                return;
            marked.setAttribute("cx", points[current].x);
            marked.setAttribute("cy", points[current].y);
        },
    };
}

/* ---- the part of the page ---- */

function dimensionsOf(names, space, rows) {
    const scaleOf = (name) => (space[name] ?? space[name.replace(/_\d+$/, "")])?.scale;

    return [
        ...names.map((name) => ({ name, label: name, value: (row) => row.params[name],
            wantsLog: { log: true, linear: false }[scaleOf(name)] ?? null })),
        { name: "weight_count", label: "weights", value: (row) => row.weight_count, wantsLog: null },
        { name: "seconds", label: "time in seconds", value: (row) => row.seconds, wantsLog: null },
    ].filter((d) => rows.some((row) => (d.value(row) ?? null) !== null));
}

/* One that is worth a look: a number that varies, else anything that varies. */
function firstChoice(dimensions, rows) {
    const varies = (d) => distinct(rows.map((row) => parameter(d.value(row)))).length > 1;
    const isNumeric = (d) => rows.some((row) => isNumber(d.value(row)));

    return dimensions.find((d) => isNumeric(d) && varies(d)) ?? dimensions.find(varies) ?? dimensions[0];
}

function legend(points) {
    const there = KINDS.filter(({ name }) => points.some((p) => p.kind === name));
    return [
        ...there.map(({ name, label }) => h("span", { class: name }, label)),
        h("span", { class: "record" }, "best so far"),
        points.some((p) => p.edge !== null) ? h("span", { class: "outside" }, "outside of the scale") : "",
    ];
}

/**
 * Shows the search in an element; nothing before a trial has a score.
 * update(experiment, rows, names): names of the dimensions that are searched.
 */
export function searchPart() {
    const readout = h("p", { class: "readout" });
    const words = h("p", { class: "legend" });
    const select = h("select", { "aria-label": "Against", change: () => { chosen = select.value; redraw(); } });
    let state = null; /* {experiment, rows, dimensions} */
    let chosen = null;
    let current = null; /* the trial that is read off */

    const open = (row) => { location.hash = `#/experiments/${state.experiment.id}/trials/${row.trial}`; };
    const byTrial = drawing("by-trial", choose, open);
    const byDimension = drawing("by-dimension", choose, open);
    const element = h("section", { class: "search-part", hidden: true },
        h("div", { class: "line part" }, h("h2", {}, "The search"),
            h("label", { class: "against" }, "against ", select)),
        h("div", { class: "drawings" }, byTrial.element, byDimension.element), words, readout);

    function describe(row) {
        const { metric } = state.experiment;
        return [`trial ${row.trial}`, hasScore(row) ? `${metric} ${scoreWithSpread(row.score, row.score_std)}`
                                                    : [row.state, row.reason].filter(Boolean).join(": "),
                ...state.dimensions.filter((d) => row.params[d.name] !== undefined)
                    .map((d) => `${d.name} ${parameter(row.params[d.name])}`)].join(" · ");
    }

    function choose(row) {
        const text = row === null ? "Point at a trial, or go through them with the arrow keys; Enter opens one."
                                  : describe(row);
        current = row?.trial ?? null;
        if (readout.textContent !== text)
            readout.textContent = text;
        byTrial.mark(row, row === null ? "none" : text);
        byDimension.mark(row, row === null ? "none" : text);
    }

    function offer() {
        const names = state.dimensions.map((d) => d.name);
        if (names.join("\n") !== [...select.options].map((option) => option.value).join("\n"))
            select.replaceChildren(...state.dimensions.map((d) => h("option", { value: d.name }, d.label)));
        if (!names.includes(chosen))
            chosen = firstChoice(state.dimensions, state.rows).name;
        select.value = chosen;
    }

    function redraw() {
        const { experiment, rows, dimensions } = state;
        const { metric, direction, progress } = experiment;
        const scored = rows.filter(hasScore);
        const foot = rows.some((row) => isOver(row) && !hasScore(row)) ? FOOT : 0;
        const y = { ...scoreScale(scored.map((row) => row.score), direction, foot), foot: HEIGHT - BOTTOM - foot };
        const last = rows.reduce((most, row) => Math.max(most, row.trial), progress.trials ?? 1);
        const trials = numericScale([1, Math.max(last, 2)], LEFT, WIDTH - RIGHT, false);
        const trialTicks = { ...trials, ticks: trials.ticks.filter((t) => Number.isInteger(t) && t > 0) };
        const dimension = dimensions.find((d) => d.name === chosen);
        const there = rows.filter((row) => (dimension.value(row) ?? null) !== null);
        const x = dimensionScale(dimension, there);
        const one = placed(rows, (row) => trials.at(row.trial), y);
        const two = placed(there, x.x, y);

        byTrial.draw(one, [frame(trialTicks, y, metric, "trial"), marks(one), stairs(one, direction)],
                     `${metric} of each trial, in order`);
        byDimension.draw(two, [frame(x, y, metric, dimension.label), marks(two)],
                         `${metric} of each trial, against ${dimension.label}`);
        words.replaceChildren(...legend(one));
        choose(rows.find((row) => row.trial === current) ?? null);
    }

    return {
        element,
        update(experiment, rows, names) {
            element.hidden = !rows.some(hasScore);
            if (element.hidden)
                return;
            state = { experiment, rows, dimensions: dimensionsOf(names, experiment.definition.space ?? {}, rows) };
            offer();
            redraw();
        },
    };
}
