/*
 * Keeps a view up to date: asks when the daemon tells that something has happened, at a steady pace
 * where it does not; says when the connection is lost, tries again.
 */

import { Offline } from "./api.js";

const LONGEST_PAUSE_MS = 10000;
const LEAST_PAUSE_MS = 400; /* between two looks, however much happens */
const SHARE = 4; /* a look that took long is followed by a pause that many times as long */
const LIVE_PAUSE_MS = 30000; /* while the stream of events is open: for what has no event */
const AGAIN_MS = 30000; /* after the daemon refused a stream: it has too many */
const ACTED = "sweepd:acted"; /* an event on the document */
const NEWS = "sweepd:news"; /* another */
const KINDS = ["state", "trial", "progress", "reset"];

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
        listen(document, NEWS);
    });
}

/* A stream of events, which is there while somebody looks at the page: a browser has few connections
 * for all of its tabs. `isOpen` is false while there is none; `take` tells whether anything came since
 * it was asked before. */
function hear(path, signal) {
    let source = null;
    let isOpen = false;
    let hasNews = false;

    const tell = () => {
        hasNews = true;
        document.dispatchEvent(new Event(NEWS));
    };
    const close = () => {
        source?.close();
        source = null;
        isOpen = false;
    };
    const open = () => {
        if (source !== null || document.hidden || signal.aborted)
            return;
        source = new EventSource(`api/v1${path}`);
        KINDS.forEach((kind) => source.addEventListener(kind, tell));
        source.addEventListener("open", () => { isOpen = true; });
        source.addEventListener("error", () => {
            const wasOpen = isOpen;
            isOpen = false;
            if (source?.readyState === EventSource.CLOSED) { /* refused: it does not try again */
                close();
                setTimeout(open, AGAIN_MS);
            }
            if (wasOpen)
                tell(); /* whoever waited for events looks for himself */
        });
    };

    document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()), { signal });
    document.addEventListener(ACTED, tell, { signal });
    window.addEventListener("online", tell, { signal });
    window.addEventListener("offline", tell, { signal });
    signal.addEventListener("abort", close);
    open();
    return {
        get isOpen() { return isOpen; },
        take() {
            const had = hasNews;
            hasNews = false;
            return had;
        },
    };
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

/* Waits until there is something to see; `took` is what the last look did. */
async function rest(pause, took, news, signal) {
    if (!news.isOpen) {
        await sleep(pause, signal);
        return;
    }
    const least = Math.min(Math.max(LEAST_PAUSE_MS, SHARE * took), LONGEST_PAUSE_MS);
    await new Promise((resolve) => setTimeout(resolve, least));
    if (!news.take() && !signal.aborted)
        await sleep(pause, signal);
    news.take();
}

/**
 * Calls `step` until the signal aborts; step(isLive) returns the milliseconds until the next call.
 * With the path of a stream of events it is called as soon as there is one, and isLive tells whether
 * the stream is open. Faults other than a lost connection are thrown.
 */
export async function keep(signal, step, path = null) {
    const news = path === null ? { isOpen: false } : hear(path, signal);
    let failures = 0;

    while (!signal.aborted) {
        const began = performance.now();
        let pause;
        try {
            pause = await step(news.isOpen);
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
        await rest(pause, performance.now() - began, news, signal);
    }
}

/** How long to wait before looking again at something in this state. */
export function pauseFor(state, isLive = false) {
    if (isLive)
        return LIVE_PAUSE_MS;
    return state === "running" || state === "queued" ? 1000 : 5000;
}
