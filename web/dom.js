/*
 * The page's elements are made here. Text enters the document as text nodes only, so a name that
 * looks like HTML is shown as it is written.
 */

const SVG = "http://www.w3.org/2000/svg";

function build(element, attributes, children) {
    for (const [name, value] of Object.entries(attributes)) {
        if (value === null || value === undefined || value === false)
            continue;
        if (typeof value === "function")
            element.addEventListener(name, value);
        else
            element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
    return element;
}

/** An element; an attribute that is a function listens to the event of its name. */
export function h(tag, attributes = {}, ...children) {
    return build(document.createElement(tag), attributes, children);
}

/** An element of a drawing. */
export function svg(tag, attributes = {}, ...children) {
    return build(document.createElementNS(SVG, tag), attributes, children);
}

/** A list of terms: [[term, description], …]; descriptions that are null are left out. */
export function terms(pairs) {
    const known = pairs.filter(([, value]) => value !== null && value !== undefined);
    return h("dl", { class: "terms" },
        known.map(([term, value]) => h("div", {}, h("dt", {}, term), h("dd", {}, value))));
}
