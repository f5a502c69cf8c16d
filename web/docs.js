/*
 * The page of the API: /openapi.json for people. Every call with its parameters, what goes in and
 * comes out, and lines for curl that can be copied as they stand.
 */

import { home } from "./api.js";
import { h } from "./dom.js";
import { inWords, keys } from "./schema.js";
import { curl, learnCurl, showLogin } from "./session.js";

const METHODS = ["get", "post", "put", "patch", "delete"];
const main = document.getElementById("main");

/* What a reference to a component stands for. */
const component = (api, kind, object) =>
    object.$ref ? api.components[kind][object.$ref.split("/").pop()] : object;

/* All operations in the order of the document, with parameters of their own. */
function operations(api) {
    return Object.entries(api.paths).flatMap(([path, item]) =>
        METHODS.filter((method) => item[method]).map((method) => ({
            method, path, ...item[method],
            parameters: (item[method].parameters ?? []).map((p) => component(api, "parameters", p)),
        })));
}

const quote = (text) => `'${text.replaceAll("'", "'\\''")}'`;

function address(operation) {
    const example = (name) => operation.parameters.find((p) => p.name === name)?.example ?? name;
    return home + operation.path.replace(/\{(\w+)\}/g, (_, name) => example(name));
}

/* What a call is besides its address and its body: "curl -N". */
function command(operation) {
    const words = [operation.security.length > 0 ? curl() : "curl"];
    const ends = (...names) => names.some((name) => operation.path.endsWith(name));

    if (!["get", "post", "put"].includes(operation.method))
        words.push("-X", operation.method.toUpperCase());
    if (ends("/watch", "/events"))
        words.push("-N");
    if (ends(".db"))
        words.push("-O");
    return words.join(" ");
}

/* One line for each example; without any, the call alone. */
function lines(operation) {
    const begin = command(operation), url = address(operation);
    const [type, media] = Object.entries(operation.requestBody?.content ?? {})[0] ?? [];
    const examples = Object.values(media?.examples ?? {});

    if (operation.method === "put")
        return [`${begin} -T iris.csv ${quote(url.replace(/iris$/, "iris.csv"))}`];
    if (type === "text/csv")
        return [`${begin} --data-binary @iris.csv ${quote(url + "?name=iris")}`];
    if (examples.length > 0)
        return examples.map(({ value }) => `${begin} ${quote(url)} -d ${quote(JSON.stringify(value))}`);
    return [`${begin}${operation.method === "post" ? " -X POST" : ""} ${quote(url)}`];
}

function parameters(operation) {
    const list = operation.parameters;
    if (list.length === 0)
        return null;
    return [h("h4", {}, "Parameters"),
        h("ul", { class: "keys" }, list.map((p) =>
            h("li", {}, h("code", { class: "key" }, p.name), " ",
              h("span", { class: "type" }, `${p.in}, `, inWords(p.schema),
                p.schema.default !== undefined ? ["; default ", h("code", {}, String(p.schema.default))] : null),
              p.description ? h("div", { class: "says" }, p.description) : null)))];
}

function request(operation) {
    const content = Object.entries(operation.requestBody?.content ?? {});
    if (content.length === 0)
        return null;
    return [h("h4", {}, operation.requestBody.required ? "Body" : "Body, may be empty"),
        h("ul", { class: "keys" }, content.map(([type, media]) =>
            h("li", {}, h("code", {}, type), " ", media.schema.$ref ? inWords(media.schema) : null)))];
}

function answers(operation) {
    const all = Object.entries(operation.responses);
    const problems = all.filter(([status, answer]) => answer.$ref && status !== "default");
    return [h("h4", {}, "Answers"),
        h("ul", { class: "keys" },
            all.filter(([, answer]) => !answer.$ref).map(([status, answer]) =>
                h("li", {}, h("code", { class: "key" }, status), " ", answer.description, " ",
                    Object.entries(answer.content ?? {}).map(([type, media]) =>
                        [h("code", {}, type), " ", (media.schema.contentSchema?.anyOf ?? [media.schema])
                            .filter((schema) => schema.$ref).map((schema) => [inWords(schema), " "])]))),
            h("li", { class: "type" }, h("a", { href: "#problems" }, "problems"), " ",
              problems.map(([status]) => status).join(", ")))];
}

/* What each status of a problem means; all calls share them. */
function problems(api, all) {
    const statuses = all.flatMap((operation) => Object.entries(operation.responses))
        .filter(([status, answer]) => answer.$ref && status !== "default")
        .map(([status, answer]) => [status, component(api, "responses", answer)]);
    const meanings = [...new Map(statuses)].sort(([a], [b]) => a - b);
    return h("section", { class: "call", id: "problems" },
        h("p", {}, "Where there is no answer there is a ", h("a", { href: "#Problem" }, "Problem"),
          ", ", h("code", {}, "application/problem+json"), "."),
        h("ul", { class: "keys" }, meanings.map(([status, meaning]) =>
            h("li", {}, h("code", { class: "key" }, status), " ", meaning.description))));
}

function section(operation) {
    return h("section", { class: "call", id: operation.operationId },
        h("h3", {}, h("span", { class: `method ${operation.method}` }, operation.method.toUpperCase()),
          " ", h("code", {}, operation.path)),
        h("p", {}, operation.summary, ".", operation.description ? ` ${operation.description}` : null),
        h("pre", { class: "terminal" }, lines(operation).join("\n")),
        h("div", { class: "columns" },
            h("div", {}, parameters(operation), request(operation)),
            h("div", {}, answers(operation))));
}

function index(tag, list) {
    return h("tbody", {},
        h("tr", { class: "tag" }, h("th", { colspan: 3, scope: "rowgroup" }, tag.name,
                                     h("span", { class: "type" }, ` ${tag.description}`))),
        list.map((operation) => h("tr", {},
            h("td", {}, h("span", { class: `method ${operation.method}` }, operation.method.toUpperCase())),
            h("td", {}, h("a", { href: `#${operation.operationId}` }, h("code", {}, operation.path))),
            h("td", { class: "wide" }, operation.summary))));
}

function show(api) {
    const all = operations(api);
    const of = (tag) => all.filter((operation) => operation.tags.includes(tag.name));

    document.title = "sweepd: the API"; /* also after a login */
    main.replaceChildren(...[
        h("h1", {}, "The API"),
        h("p", { class: "facts" }, `${api.info.title} ${api.info.version}, OpenAPI ${api.openapi}: `,
          h("a", { href: "openapi.json" }, "openapi.json")),
        h("p", {}, api.info.description),
        h("div", { class: "scroll calls" }, h("table", {}, h("caption", {}, "All calls"),
                                        api.tags.map((tag) => index(tag, of(tag))))),
        api.tags.map((tag) => [h("h2", {}, tag.name), of(tag).map(section)]),
        h("h2", {}, "problems"),
        problems(api, all),
        h("h2", {}, "objects"),
        h("p", { class: "facts" }, "A key of a request that is null is as if it were left out."),
        Object.entries(api.components.schemas).map(([name, schema]) =>
            h("section", { class: "call", id: name }, h("h3", {}, name),
              schema.description ? h("p", {}, schema.description) : null, keys(schema)))].flat(Infinity));
    document.getElementById(location.hash.slice(1))?.scrollIntoView();
}

async function load() {
    try {
        const response = await fetch("openapi.json");
        if (response.status === 401)
            return showLogin(main, load);
        if (!response.ok)
            throw new Error(`the answer was ${response.status}`);
        await learnCurl();
        show(await response.json());
    } catch (error) {
        main.replaceChildren(h("section", { class: "fault", role: "alert" },
            h("h1", {}, "The description cannot be read"), h("p", {}, error.message)));
    }
}

await load();
