/*
 * A stream of server-sent events, read as it comes.
 */

function parse(block) {
    const event = { comment: false };
    for (const line of block.split("\n")) {
        const colon = line.indexOf(":");
        const name = line.slice(0, colon);
        const value = line.slice(colon + 1).replace(/^ /, "");
        if (name === "")
            event.comment = true;
        else
            event[name] = name === "data" ? JSON.parse(value) : value;
    }
    return event;
}

/**
 * Opens a stream: path from /api/v1 on; lastId is sent as the header. The answer:
 *
 *     status, headers   of the response
 *     events            so far: {id, event, data}, and {retry}
 *     until(test)       resolves to the events once test(events) is true; throws if the stream ends
 *                       before, or after `seconds`
 *     ended             resolves when the daemon ends the stream, whole or cut
 *     close()
 */
export async function openEvents(url, path, { lastId } = {}) {
    const leaving = new AbortController();
    const response = await fetch(`${url}/api/v1${path}`, {
        signal: leaving.signal,
        headers: lastId === undefined ? {} : { "Last-Event-ID": String(lastId) },
    });
    const events = [];
    const waiting = new Set();
    let isOver = false;

    function look() {
        for (const each of [...waiting])
            each();
    }

    async function read() {
        const decoder = new TextDecoder();
        let text = "";
        try {
            for await (const chunk of response.body) {
                text += decoder.decode(chunk, { stream: true });
                const blocks = text.split("\n\n");
                text = blocks.pop();
                events.push(...blocks.map(parse));
                look();
            }
        } catch {
            /* closed by us, or cut by the daemon's death: what has come counts */
        }
        isOver = true;
        look();
    }
    const ended = read();

    function until(test, seconds = 60) {
        return new Promise((resolve, reject) => {
            const settle = (act, value) => {
                clearTimeout(timer);
                waiting.delete(attempt);
                act(value);
            };
            const say = (why) => new Error(`${why}; the last events: ` +
                JSON.stringify(events.slice(-3)));
            const timer = setTimeout(() => settle(reject, say(`not within ${seconds} s`)),
                                     seconds * 1000);
            function attempt() {
                if (test(events))
                    settle(resolve, events);
                else if (isOver)
                    settle(reject, say("the stream has ended"));
            }
            waiting.add(attempt);
            attempt();
        });
    }

    return { status: response.status, headers: response.headers, events, until, ended,
             close: () => leaving.abort() };
}

export const ofKind = (events, kind) => events.filter((each) => each.event === kind);

export const isState = (...states) => (events) =>
    ofKind(events, "state").some((each) => states.includes(each.data.state));
