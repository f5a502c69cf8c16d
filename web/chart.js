/*
 * Small drawings: curves over epochs, a score with its spread on a common scale, a share.
 */

import { svg } from "./dom.js";
import { number } from "./format.js";

const WIDTH = 480;
const HEIGHT = 230;
const LEFT = 62;
const RIGHT = 14;
const TOP = 28;
const BOTTOM = 38;
const LOG_FROM = 30; /* a range of more than this ratio is drawn on a logarithmic scale */

const isNumber = (v) => typeof v === "number";

/* Steps of 1, 2 or 5 times a power of ten, about `wanted` of them: Heckbert, Graphics Gems 1990. */
export function linearTicks(low, high, wanted) {
    const rough = (high - low || 1) / wanted;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = power * [1, 2, 5, 10].find((s) => s * power >= rough);
    const ticks = [];
    for (let i = Math.ceil(low / step); i * step <= high + step * 1e-9; i++)
        ticks.push(i * step);
    return ticks;
}

export function logTicks(low, high) {
    const first = Math.ceil(Math.log10(low) - 1e-9);
    const last = Math.floor(Math.log10(high) + 1e-9);
    const every = Math.max(1, Math.ceil((last - first) / 5));
    const ticks = [];
    for (let i = first; i <= last; i += every)
        ticks.push(10 ** i);
    return ticks.length > 1 ? ticks : linearTicks(low, high, 5).filter((t) => t > 0);
}

function scale(values) {
    const least = values.reduce((a, b) => Math.min(a, b));
    const most = values.reduce((a, b) => Math.max(a, b));
    const isLog = least > 0 && most / least > LOG_FROM;
    const at = isLog ? Math.log : (v) => v;
    const margin = (at(most) - at(least) || 1) * 0.04; /* no curve lies on the axis */
    const low = isLog ? Math.exp(at(least) - margin) : least - margin;
    const high = isLog ? Math.exp(at(most) + margin) : most + margin;
    const span = at(high) - at(low);

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
        const dot = pen === "M" ? "h0" : ""; /* a value on its own is seen, too */
        const point = `${pen}${x(i + 1).toFixed(1)} ${y(value).toFixed(1)}${dot}`;
        pen = "L";
        return point;
    }).join("");
}

function frame(x, y, epochs, label) {
    const right = WIDTH - RIGHT;
    const bottom = HEIGHT - BOTTOM;
    const columns = [1, ...linearTicks(2, epochs, 5)
        .filter((t) => Number.isInteger(t) && x(t) - x(1) > 24)];

    return [
        y.ticks.map((t) => svg("line", { class: "grid", x1: LEFT, x2: right, y1: y.y(t), y2: y.y(t) })),
        y.ticks.map((t) => svg("text", { class: "tick end", x: LEFT - 8, y: y.y(t) + 4 }, number(t))),
        columns.map((t) => svg("text", { class: "tick middle", x: x(t), y: bottom + 17 }, number(t))),
        svg("text", { class: "tick end", x: right, y: bottom + 34 }, "epoch"),
        svg("line", { class: "axis", x1: LEFT, x2: right, y1: bottom, y2: bottom }),
        svg("text", { class: "tick", x: 0, y: 14 },
            `${label}${y.isLog ? ", logarithmic scale" : ""}`),
    ];
}

/* The mean at each epoch that all lines of a kind have reached; none for a single line. */
function meanOf(lines, kind) {
    const same = lines.filter((line) => line.kind === kind && line.values.length > 0);
    const epochs = same.reduce((least, line) => Math.min(least, line.values.length), Infinity);
    if (same.length < 2)
        return null;
    return Array.from({ length: epochs }, (_, i) => same.every((line) => isNumber(line.values[i]))
        ? same.reduce((sum, line) => sum + line.values[i], 0) / same.length : null);
}

/**
 * Curves over epochs 1, 2, …; a line is {values, kind, name}, kind a class name. The mean of each
 * kind is drawn on top. Null if there is nothing to draw.
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
        lines.map((line) => svg("path", { class: line.kind, d: path(line.values, x, y.y) },
            svg("title", {}, line.name))),
        [...new Set(lines.map((line) => line.kind))].map((kind) => [kind, meanOf(lines, kind)])
            .filter(([, mean]) => mean !== null)
            .map(([kind, mean]) => svg("path", { class: `mean of-${kind}`, d: path(mean, x, y.y) })));
}

/** The common scale of some scores: the ends of all spreads but for the worst quarter's. */
export function spreadScale(scores, isLargerBetter) {
    const sign = isLargerBetter ? 1 : -1;
    const kept = [...scores].sort((a, b) => sign * (b.middle - a.middle))
        .slice(0, Math.ceil(scores.length * 0.75));
    if (kept.length === 0)
        return null;
    return { low: Math.min(...kept.map((s) => s.low)), high: Math.max(...kept.map((s) => s.high)) };
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

/** A bar from 0 to 1 with its spread. */
export function share({ low, middle, high }) {
    const at = (v) => 4 + Math.min(Math.max(v, 0), 1) * 112;

    return svg("svg", { class: "spread", viewBox: "0 0 120 16", "aria-hidden": "true" },
        svg("rect", { x: 4, y: 4, width: at(middle) - 4, height: 8 }),
        svg("line", { x1: at(low), x2: at(high), y1: 8, y2: 8 }));
}
