/*
 * Who one is. A daemon that has tokens answers 401 to strangers: then a form asks for the token, and
 * gives it for a cookie that no script can read.
 */

import { Offline, Problem, get, send } from "./api.js";
import { h } from "./dom.js";
import { attempt } from "./parts.js";

/** Whether the daemon does not know who asks. */
export function isStranger(error) {
    return error instanceof Problem && error.status === 401;
}

let needsToken = false;

/** Finds out how commands begin here, for a page that has no need to know who asks. */
export async function learnCurl() {
    try {
        needsToken = (await get("/session")).needs_token;
    } catch (fault) {
        needsToken = isStranger(fault);
    }
}

/** How the commands that are shown begin. */
export function curl() {
    return needsToken ? 'curl -H "Authorization: Bearer $TOKEN"' : "curl";
}

function show(...children) {
    document.getElementById("who").replaceChildren(...children);
}

/* Whatever came of it: who cannot log out any more is asked for a token. */
async function leave(again) {
    try {
        await send("/session", { method: "DELETE" });
    } catch (fault) {
        if (!(fault instanceof Problem || fault instanceof Offline))
            throw fault;
    }
    again();
}

/** Shows in the head of the page who one is; nothing where the daemon asks for no token. */
export async function showWho(signal, again) {
    let who;
    try {
        who = await get("/session", signal);
    } catch (fault) {
        if (fault instanceof Offline)
            return; /* the view tells, and tries again */
        show();
        throw fault;
    }
    needsToken = who.needs_token;
    if (!needsToken)
        return show();
    show(h("span", {}, h("strong", {}, who.label), ` · ${who.scope}`),
        h("button", { type: "button", click: () => leave(again) }, "Log out"));
}

/** A form in place of a view; `again` is called once one is known. */
export function showLogin(main, again) {
    const said = h("p", { class: "error", role: "alert", hidden: true });
    const token = h("input", { type: "password", name: "token", autocomplete: "current-password",
                               spellcheck: "false", required: true });
    const act = h("button", { type: "submit", class: "action" }, "Log in");

    async function submit(event) {
        event.preventDefault();
        if (!await attempt(act, said,
                           () => send("/session", { body: { token: token.value.trim() } })))
            return token.select();
        token.value = "";
        again();
    }

    document.title = "Log in · sweepd";
    main.replaceChildren(h("section", { class: "login" },
        h("h1", {}, "Log in"),
        h("p", {}, "This sweepd asks who you are. Its administrator makes tokens by ",
            h("code", {}, "sweepd token create"), "."),
        h("form", { submit }, h("label", {}, "Token", token), act),
        said));
    token.focus();
}
