// Finding keywords in texts.

/** Digits, and the letters of nearly all scripts; typographic punctuation and emoji lie in between. */
const WORD = /[0-9a-z\u00c0-\u1fff\u3040-\ud7ff]+/g;

/** The words of a text in lower case, with a space before and after each; empty where it has none. */
function words(text) {
    const found = text.toLowerCase().match(WORD);
    return found === null ? "" : ` ${found.join(" ")} `;
}

/** The first keyword that stands in the text as whole words. */
export function findKeyword(text, keywords) {
    const spaced = words(text);
    return keywords.map(words).find((keyword) => keyword !== "" && spaced.includes(keyword))?.trim();
}
