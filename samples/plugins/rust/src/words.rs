//! Finding keywords in texts.

/// Digits, and the letters of nearly all scripts; typographic punctuation and emoji lie in between.
fn is_in_word(character: char) -> bool {
    matches!(character, '0'..='9' | 'a'..='z' | '\u{c0}'..='\u{1fff}' | '\u{3040}'..='\u{d7ff}')
}

/// The words of a text in lower case, with a space before and after each; empty where it has none.
fn words(text: &str) -> String {
    let text = text.to_lowercase();
    let found: Vec<&str> = text
        .split(|character| !is_in_word(character))
        .filter(|word| !word.is_empty())
        .collect();
    if found.is_empty() {
        String::new()
    } else {
        format!(" {} ", found.join(" "))
    }
}

/// The first keyword that stands in the text as whole words.
pub fn find_keyword(text: &str, keywords: &[String]) -> Option<String> {
    let spaced = words(text);
    let mut keywords = keywords.iter().map(|keyword| words(keyword));
    let found = keywords.find(|keyword| !keyword.is_empty() && spaced.contains(keyword.as_str()))?;
    Some(found.trim().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_are_whole_words_in_any_case() {
        let keywords = ["spam", "free nitro", "Straße", "!?"].map(String::from);
        let found = |text| find_keyword(text, &keywords);
        assert_eq!(found("SPAM!").as_deref(), Some("spam"));
        assert_eq!(found("get FREE,\n nitro…").as_deref(), Some("free nitro"));
        assert_eq!(found("“straße”").as_deref(), Some("straße"));
        assert_eq!(found("spammer, freenitro, nitro free !?"), None);
        assert_eq!(found(""), None);
    }
}
