/*
 * Small drawings: curves over epochs, and a score with its spread on a common scale.
 */

import { svg } from "./dom.js";
import { number } from "./format.js";

const WIDTH = 480;
const HEIGHT = 230;
const LEFT = 52;
const RIGHT = 8;
const TOP = 28;
const BOTTOM = 24;
const LOG_FROM = 30; /* a range of more than this ratio is drawn on a logarithmic scale */

const isNumber = (v) => typeof v === "number";

/* Steps of 1, 2 or 5 times a power of ten, about `wanted` of them: Heckbert, Graphics Gems 1990. */
function linearTicks(low, high, wanted) {
    const rough = (high - low || 1) / wanted;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = power * [1, 2, 5, 10].find((s) => s * power >= rough);
    const ticks = [];
    for (let i = Math.ceil(low / step); i * step <= high + step * 1e-9; i++)
        ticks.push(i * step);
    return ticks;
}

function logTicks(low, high) {
    const first = Math.ceil(Math.log10(low) - 1e-9);
    const last = Math.floor(Math.log10(high) + 1e-9);
    const every = Math.max(1, Math.ceil((last - first) / 5));
    const ticks = [];
    for (let i = first; i <= last; i += every)
        ticks.push(10 ** i);
    return ticks.length > 1 ? ticks : linearTicks(low, high, 5).filter((t) => t > 0);
}

function scale(values) {
    const low = Math.min(...values);
    const high = Math.max(...values);
    const isLog = low > 0 && high / low > LOG_FROM;
    const at = isLog ? Math.log : (v) => v;
    const span = at(high) - at(low) || 1;

    return {
        isLog,
        ticks: isLog ? logTicks(low, high) : linearTicks(low, high, 5),
        y: (v) => TOP + (1 - (at(v) - at(low)) / span) * (HEIGHT - TOP - BOTTOM),
    };
}

/* A curve breaks where a value is missing. */
function path(values, x, y) {
    let pen = "M";
    return values.map((value, i) => {
        if (!isNumber(value)) {
            pen = "M";
            return "";
        }
        const point = `${pen}${x(i + 1).toFixed(1)} ${y(value).toFixed(1)}`;
        pen = "L";
        return point;
    }).join("");
}

function frame(x, y, epochs, label) {
    const right = WIDTH - RIGHT;
    const bottom = HEIGHT - BOTTOM;
    const columns = linearTicks(1, epochs, 5).filter(Number.isInteger);

    return [
        y.ticks.map((t) => svg("line", { class: "grid", x1: LEFT, x2: right, y1: y.y(t), y2: y.y(t) })),
        y.ticks.map((t) => svg("text", { class: "tick end", x: LEFT - 8, y: y.y(t) + 4 }, number(t))),
        columns.map((t) => svg("text", { class: "tick middle", x: x(t), y: bottom + 17 }, number(t))),
        svg("line", { class: "axis", x1: LEFT, x2: right, y1: bottom, y2: bottom }),
        svg("text", { class: "tick", x: 0, y: 14 },
            `${label} by epoch${y.isLog ? ", logarithmic scale" : ""}`),
    ];
}

/**
 * Curves over epochs 1, 2, …; a line is {values, kind}, kind a class name. Null if there is nothing
 * to draw.
 */
export function curves(label, description, lines) {
    const values = lines.flatMap((line) => line.values).filter(isNumber);
    const epochs = Math.max(...lines.map((line) => line.values.length), 0);
    if (values.length === 0)
        return null;

    const y = scale(values);
    const x = (epoch) => LEFT + (epoch - 1) / Math.max(epochs - 1, 1) * (WIDTH - LEFT - RIGHT);

    return svg("svg", { class: "curves", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img",
                        "aria-label": description },
        frame(x, y, epochs, label),
        lines.map((line) => svg("path", { class: line.kind, d: path(line.values, x, y.y) })));
}

/** The common scale of some scores: the ends of all spreads, but for the far outliers below. */
export function spreadScale(scores) {
    const sorted = [...scores].sort((a, b) => a.low - b.low);
    if (sorted.length === 0)
        return null;
    return { low: sorted[Math.floor(sorted.length / 10)].low,
             high: Math.max(...sorted.map((s) => s.high)) };
}

/** A dot with its spread, or a mark at the edge for one that lies outside of the scale. */
export function spread({ low, middle, high }, { low: from, high: to }) {
    const at = (v) => 4 + Math.min(Math.max((v - from) / (to - from || 1), 0), 1) * 112;
    const isInside = middle >= from && middle <= to;

    return svg("svg", { class: "spread", viewBox: "0 0 120 16", "aria-hidden": "true" },
        isInside ? svg("line", { x1: at(low), x2: at(high), y1: 8, y2: 8 }) : null,
        isInside ? svg("circle", { cx: at(middle), cy: 8, r: 3.5 })
                 : svg("path", { d: middle < from ? "M8 4 2 8l6 4z" : "M112 4l6 4-6 4z" }));
}
