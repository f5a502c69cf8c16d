/*
 * Parts that several views show.
 */

import { Offline, Problem } from "./api.js";
import { h } from "./dom.js";
import { count, plural, seconds, wholeSeconds } from "./format.js";

export function badge(state, reason = null) {
    return h("span", { class: `badge ${state}` },
        reason === null || reason === undefined ? state : `${state}: ${reason}`);
}

export function loading() {
    return h("p", { class: "note" }, "Loading…");
}

/** A fault of the API, with everything that it says. */
export function fault(error) {
    return h("section", { class: "fault", role: "alert" },
        h("h1", {}, error.title ?? "Something went wrong"),
        h("p", {}, error.message),
        error.errors?.length ? h("ul", {}, error.errors.map((each) =>
            h("li", {}, h("code", {}, each.pointer), ` ${each.detail}`))) : null,
        h("p", {}, h("a", { href: "#/" }, "All experiments")));
}

export function warning(text) {
    return h("p", { class: "warning" }, h("strong", {}, "Warning: "), text);
}

/** Asks for what a button stands for, once at a time; false where it was refused, which is said. */
export async function attempt(button, said, ask) {
    button.disabled = true;
    said.hidden = true;
    try {
        await ask();
        return true;
    } catch (refusal) {
        if (!(refusal instanceof Problem || refusal instanceof Offline))
            throw refusal;
        said.textContent = refusal.message;
        said.hidden = false;
        button.disabled = false;
        return false;
    }
}

/** A bar with the share of folds that are done. */
export function bar(progress, state) {
    if (state === "completed")
        return null; /* the words say it */
    return h("progress", { max: 1, value: progress.fraction ?? 0,
                           "aria-label": `${progress.folds_done} of ${progress.folds} folds done` });
}

export function progressText(progress, state) {
    const parts = [`${count(progress.folds_done)} of ${plural(progress.folds, "fold")}`,
                   `${count(progress.trials_done)} of ${plural(progress.trials, "trial")}`];
    if (progress.trials_failed)
        parts.push(`${count(progress.trials_failed)} failed`);
    if (progress.trials_pruned)
        parts.push(`${count(progress.trials_pruned)} pruned`);
    parts.push(`${seconds(progress.elapsed_seconds)} elapsed`);
    if (state === "running" && typeof progress.eta_seconds === "number")
        parts.push(`about ${wholeSeconds(progress.eta_seconds)} left`);
    return parts.join(" · ");
}

/** Lines for a terminal. */
export function terminal(...lines) {
    return h("pre", { class: "terminal", tabindex: 0 }, h("code", {}, lines.join("\n")));
}
