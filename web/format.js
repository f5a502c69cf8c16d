/*
 * Numbers, times and parameters as people read them.
 */

export const NONE = "–";

function places(value) {
    const size = Math.abs(value);
    return size < 10 ? 4 : size < 1000 ? 2 : 0;
}

export function score(value) {
    if (value === null || value === undefined)
        return NONE;
    return value !== 0 && Math.abs(value) < 0.001 ? value.toPrecision(2) : value.toFixed(places(value));
}

/** The spread of a score, to as many places as the score. */
export function spreadOf(value, spread) {
    return typeof value === "number" && typeof spread === "number" ? spread.toFixed(places(value))
                                                                   : NONE;
}

export function scoreWithSpread(value, spread) {
    return typeof spread === "number" ? `${score(value)} ± ${spreadOf(value, spread)}` : score(value);
}

export function count(value) {
    return value === null || value === undefined ? NONE : value.toLocaleString("en");
}

export function plural(n, word) {
    return `${count(n)} ${word}${n === 1 ? "" : "s"}`;
}

/** Four digits are enough to tell values of a search apart: 0.002154434 is 0.002154. */
export function number(value) {
    if (value === null || value === undefined)
        return NONE;
    return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)));
}

/** The same with its zeros, for columns of figures: 5.420 above 11.98. */
export function figure(value) {
    return typeof value === "number" && !Number.isInteger(value) && Math.abs(value) >= 1e-4 &&
           Math.abs(value) < 1e4 ? value.toPrecision(4) : number(value);
}

/** A hyperparameter's value: a number, a word, a list, or absent. */
export function parameter(value) {
    if (value === undefined)
        return NONE;
    if (typeof value === "number")
        return number(value);
    if (Array.isArray(value))
        return `[${value.map(parameter).join(", ")}]`;
    return typeof value === "string" ? value : JSON.stringify(value);
}

export function seconds(value) {
    if (value === null || value === undefined)
        return NONE;
    if (value < 1)
        return `${value.toFixed(2)} s`;
    if (value < 60)
        return `${value.toFixed(1)} s`;
    const whole = Math.round(value);
    if (whole < 3600)
        return `${Math.floor(whole / 60)} min ${whole % 60} s`;
    return `${Math.floor(whole / 3600)} h ${Math.floor(whole / 60) % 60} min`;
}

/** For estimates: no more digits than they deserve. */
export function wholeSeconds(value) {
    return value < 60 ? `${Math.max(1, Math.round(value))} s` : seconds(value);
}

export function bytes(value) {
    const units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let unit = 0;
    for (; value >= 1024 && unit < units.length - 1; unit++)
        value /= 1024;
    return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

export function moment(text) {
    return text ? new Date(text).toLocaleString("en-GB", {
        year: "numeric", month: "short", day: "numeric",
        hour: "2-digit", minute: "2-digit", second: "2-digit",
    }) : NONE;
}

/** "grid" and {"kind": "grid"} are the same. */
export function kind(value) {
    return value === null || typeof value !== "object" ? value : value.kind;
}
