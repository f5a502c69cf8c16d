/*
 * Keeps a view up to date: asks at a steady pace, says when the connection is lost, tries again.
 */

import { Offline } from "./api.js";

const LONGEST_PAUSE_MS = 10000;
const ACTED = "sweepd:acted"; /* an event on the document */

/* Ends early when the view is left, or when the answer may just have changed: the network went or
 * came, somebody looks at the page again or has given an order. */
function sleep(ms, signal) {
    return new Promise((resolve) => {
        const woken = new AbortController();
        const wake = () => {
            clearTimeout(timer);
            woken.abort();
            resolve();
        };
        const timer = setTimeout(wake, ms);
        const listen = (target, name) => target.addEventListener(name, wake, { signal: woken.signal });

        listen(signal, "abort");
        listen(window, "online");
        listen(window, "offline");
        listen(document, "visibilitychange");
        listen(document, ACTED);
    });
}

/** Says that an order was given, whose effect is to be seen. */
export function lookAgain() {
    document.dispatchEvent(new Event(ACTED));
}

function say(text) {
    const line = document.getElementById("connection");
    if (line.textContent !== text)
        line.textContent = text;
}

/**
 * Calls `step` until the signal aborts; step returns the milliseconds until the next call.
 * Faults other than a lost connection are thrown.
 */
export async function keep(signal, step) {
    let failures = 0;

    while (!signal.aborted) {
        let pause;
        try {
            pause = await step();
            failures = 0;
            say("");
        } catch (fault) {
            if (signal.aborted)
                return;
            if (!(fault instanceof Offline))
                throw fault;
            pause = Math.min(1000 * 2 ** failures++, LONGEST_PAUSE_MS);
            say(`Not connected: ${fault.message}. What you see may be old; trying again.`);
        }
        await sleep(pause, signal);
    }
}

/** How long to wait before looking again at something in this state. */
export function pauseFor(state) {
    return state === "running" || state === "queued" ? 1000 : 5000;
}
