/*
 * The API, as the views see it: an address is asked again with the ETag of its last answer, orders
 * are given, and faults come as one of two errors.
 */

/** Where the daemon is, for commands that people copy: a proxy may have put a path before it. */
export const home = new URL(".", document.baseURI).href.replace(/\/$/, "");

/** The daemon cannot be reached, or says that it is not ready: worth trying again. */
export class Offline extends Error {}

/** The daemon refused: an RFC 9457 problem. */
export class Problem extends Error {
    constructor(body, status) {
        super(body.detail ?? body.title ?? `the answer was ${status}`);
        this.status = status;
        this.title = body.title ?? "The request failed";
        this.errors = body.errors ?? [];
    }
}

async function problem(response) {
    const body = await response.json().catch(() => ({}));
    return new Problem(body, response.status);
}

async function ask(path, options) {
    let response;
    try {
        response = await fetch(`api/v1${path}`, { cache: "no-store", ...options });
    } catch (fault) {
        if (options.signal?.aborted)
            throw fault;
        throw new Offline("sweepd does not answer");
    }
    if (response.status >= 502 && response.status <= 504)
        throw new Offline("sweepd is starting or stopping");
    if (!response.ok && response.status !== 304)
        throw await problem(response);
    return response;
}

/** Gives an order; one that needs words has them in `body`. */
export async function send(path, { method = "POST", body } = {}) {
    const words = body === undefined ? {}
        : { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } };
    await ask(path, { method, ...words });
}

/** What an address answers now. */
export async function get(path, signal) {
    return (await ask(path, { signal })).json();
}

/**
 * One address that is read again and again. The function returned answers with
 * {data, changed}; changed is false where the daemon said 304.
 */
export function resource(path) {
    let etag = null;
    let data = null;

    return async function read(signal) {
        const response = await ask(path, { headers: etag ? { "If-None-Match": etag } : {}, signal });

        if (response.status === 304)
            return { data, changed: false };
        data = await response.json();
        etag = response.headers.get("ETag");
        return { data, changed: true };
    };
}
