// Why a call fails, as the text that the contract wants of `handle`.

export function reason(error) {
    if (!(error instanceof Error)) {
        return String(error);
    }
    if ("payload" in error) {
        // An import has answered an error: `{ tag: "constraint", val: "UNIQUE constraint failed: …" }`.
        const { tag, val } = error.payload;
        return `${tag}: ${val ?? ""}\n${error.stack}`;
    }
    return `${error}\n${error.stack}`;
}
