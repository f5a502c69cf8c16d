/*
 * JSON Schema for people: a schema in a few words, and an object key by key.
 */

import { h } from "./dom.js";

const nameOf = (ref) => ref.replace("#/components/schemas/", "");

function limits(schema) {
    const low = schema.minimum ?? schema.exclusiveMinimum;
    const high = schema.maximum ?? schema.exclusiveMaximum;
    if (low === undefined || Math.abs(low) > 1e15)
        return high === undefined || high > 1e15 ? "" : ` up to ${high}`;
    const from = schema.exclusiveMinimum === undefined ? `from ${low}` : `above ${low}`;
    const to = schema.exclusiveMaximum === undefined ? `to ${high}` : `below ${high}`;
    return high === undefined || high > 1e15 ? ` ${from}` : ` ${from} ${to}`;
}

function length(schema) {
    const least = schema.minItems ?? schema.minLength;
    const most = schema.maxItems ?? schema.maxLength;
    return most === undefined || most > 1e6 ? "" : ` (${least ? `${least} to` : "up to"} ${most})`;
}

const isNull = (schema) => schema.type === "null";
const NAMES = { integer: "integer", number: "number", boolean: "true or false", string: "text",
                object: "object", null: "null" };

function list(schema) {
    return ["list", length(schema), schema.items ? [" of ", inWords(schema.items)] : ""];
}

function simple(schema) {
    const types = [schema.type ?? []].flat();
    return types.map((type, i) => [i > 0 ? " or " : "",
        type === "array" ? list(schema)
        : type === "integer" || type === "number" ? NAMES[type] + limits(schema)
        : type === "string" ? (schema.format === "date-time" ? "time" : NAMES.string + length(schema))
        : NAMES[type]]);
}

/* Each in words; what has keys of its own is shown below them. */
function either(choices) {
    const plain = choices.filter((choice) => !choice.properties);
    const words = plain.map(inWords);
    if (plain.length < choices.length)
        words.push("object");
    return words.map((word, i) => [i > 0 ? " or " : "", word]);
}

/* A key of a request may be null: it is then as if left out, which is not said each time. */
function withoutNull(schema) {
    const rest = { ...schema };
    if (Array.isArray(schema.type))
        rest.type = schema.type.filter((type) => type !== "null");
    if (schema.enum)
        rest.enum = schema.enum.filter((word) => word !== null);
    if (schema.anyOf)
        rest.anyOf = schema.anyOf.filter((choice) => !isNull(choice));
    return rest.anyOf?.length === 1 ? { ...rest, anyOf: undefined, ...rest.anyOf[0] } : rest;
}

/** A schema in words, with links to those that have a name. */
export function inWords(schema) {
    if (schema.$ref)
        return h("a", { href: `#${nameOf(schema.$ref)}` }, nameOf(schema.$ref));
    if (schema.const !== undefined)
        return h("code", {}, JSON.stringify(schema.const));
    if (schema.enum)
        return schema.enum.map((word, i) => [i > 0 ? ", " : "",
            h("code", {}, word === "" ? '""' : String(word))]);
    if (schema.pattern && !schema.type)
        return ["like ", h("code", {}, schema.pattern)];
    if (schema.anyOf)
        return either(schema.anyOf);
    if (schema.type === "object" && typeof schema.additionalProperties === "object")
        return schema.properties ? "object" : ["object, each value: ", inWords(schema.additionalProperties)];
    const words = simple(schema);
    return words.length > 0 ? words : "anything";
}

/* What has keys of its own inside a schema. */
function inside(schema) {
    if (schema.$ref)
        return [];
    if (schema.properties)
        return [schema];
    const parts = [...(schema.anyOf ?? []), schema.items, schema.additionalProperties]
        .filter((part) => part && typeof part === "object" && !isNull(part));
    return parts.flatMap(inside);
}

function entry(key, value, { isRequest, required }) {
    const schema = isRequest ? withoutNull(value) : value;
    const objects = inside(schema);
    return h("li", {},
        h("code", { class: "key" }, key), " ",
        h("span", { class: "type" }, inWords(schema), isRequest && required ? ", needed" : ""),
        schema.default !== undefined
            ? h("span", { class: "type" }, "; default ", h("code", {}, JSON.stringify(schema.default))) : null,
        schema.description ? h("div", { class: "says" }, schema.description) : null,
        objects.length > 0 ? h("details", { class: "forms" },
            h("summary", {}, objects.length > 1 ? `${objects.length} forms` : "its keys"),
            objects.map(keys)) : null);
}

/** An object's keys; for what has none the words, for forms each of them. */
export function keys(schema) {
    const properties = Object.entries(schema.properties ?? {});
    const patterns = Object.entries(schema.patternProperties ?? {});

    if (properties.length + patterns.length === 0) {
        const objects = inside(schema);
        return objects.length > 0 && !schema.additionalProperties ? objects.map(keys)
                                                                  : h("p", { class: "type" }, inWords(schema));
    }
    const isRequest = schema.additionalProperties === false;
    return h("ul", { class: "keys" },
        properties.map(([key, value]) =>
            entry(key, value, { isRequest, required: schema.required?.includes(key) })),
        patterns.map(([key, value]) => entry(key, value, { isRequest, required: false })));
}
