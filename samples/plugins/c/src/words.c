// Finding keywords in texts.
#include "keyword_strikes.h"

#include <stdlib.h>
#include <string.h>
#include <wctype.h>

// One character of a text, which is always sound UTF-8; `at` moves behind it.
static uint32_t decode(const uint8_t **at) {
    uint32_t first = *(*at)++;
    int more = first < 0xc0 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
    uint32_t character = more == 0 ? first : first & (0x3f >> more);
    while (more-- > 0) {
        character = character << 6 | (*(*at)++ & 0x3f);
    }
    return character;
}

// `to` moves behind it.
static void encode(uint32_t character, char **to) {
    if (character < 0x80) {
        *(*to)++ = (char)character;
    } else if (character < 0x800) {
        *(*to)++ = (char)(0xc0 | character >> 6);
        *(*to)++ = (char)(0x80 | (character & 0x3f));
    } else {
        *(*to)++ = (char)(0xe0 | character >> 12);
        *(*to)++ = (char)(0x80 | (character >> 6 & 0x3f));
        *(*to)++ = (char)(0x80 | (character & 0x3f));
    }
}

// Digits, and the letters of nearly all scripts; typographic punctuation and emoji lie in between.
static bool is_in_word(uint32_t character) {
    return (character >= '0' && character <= '9') || (character >= 'a' && character <= 'z')
        || (character >= 0xc0 && character <= 0x1fff) || (character >= 0x3040 && character <= 0xd7ff);
}

// The words of a text in lower case, with a space before and after each; empty where it has none. To be freed.
static char *words(plugin_string_t text) {
    // A letter in lower case takes at most twice the bytes; then the spaces at both ends, and the end.
    char *found = malloc(2 * text.len + 3);
    char *to = found;
    const uint8_t *end = text.ptr + text.len;
    for (const uint8_t *at = text.ptr; at < end;) {
        uint32_t character = towlower(decode(&at));
        if (is_in_word(character)) {
            if (to == found) {
                *to++ = ' ';
            }
            encode(character, &to);
        } else if (to != found && to[-1] != ' ') {
            *to++ = ' ';
        }
    }
    if (to != found && to[-1] != ' ') {
        *to++ = ' ';
    }
    *to = '\0';
    return found;
}

// The first keyword that stands in the text as whole words.
bool find_keyword(plugin_string_t text, const database_rows_t *keywords, char found[KEYWORD_BYTES]) {
    char *spaced = words(text);
    bool is_found = false;
    for (size_t i = 0; i < keywords->values.len && !is_found; i++) {
        char *keyword = words(keywords->values.ptr[i].val.text);
        size_t length = strlen(keyword);
        if (length > 2 && length < KEYWORD_BYTES && strstr(spaced, keyword) != NULL) {
            // Without the spaces around it.
            memcpy(found, keyword + 1, length - 2);
            found[length - 2] = '\0';
            is_found = true;
        }
        free(keyword);
    }
    free(spaced);
    return is_found;
}
