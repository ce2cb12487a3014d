package export_wit_world

import (
	"regexp"
	"strings"
)

// Digits, and the letters of nearly all scripts; typographic punctuation and emoji lie in between.
var word = regexp.MustCompile(`[0-9a-z\x{c0}-\x{1fff}\x{3040}-\x{d7ff}]+`)

// The words of a text in lower case, with a space before and after each; empty where it has none.
func words(text string) string {
	found := word.FindAllString(strings.ToLower(text), -1)
	if found == nil {
		return ""
	}
	return " " + strings.Join(found, " ") + " "
}

// The first keyword that stands in the text as whole words.
func findKeyword(text string, keywords []string) (string, bool) {
	spaced := words(text)
	for _, keyword := range keywords {
		keyword = words(keyword)
		if keyword != "" && strings.Contains(spaced, keyword) {
			return strings.TrimSpace(keyword), true
		}
	}
	return "", false
}
