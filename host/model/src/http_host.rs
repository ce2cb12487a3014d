//! Which hosts a plugin may ask: a name, or `*.` and a name for all below it. What an address resolves to is not known
//! here: whoever connects refuses private ranges.

use std::collections::BTreeSet;

/// Whether one of the patterns names this host.
pub fn names_host(patterns: &BTreeSet<String>, host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    patterns.iter().any(|pattern| match pattern.strip_prefix('*') {
        Some(below) => host.len() > below.len() && host.ends_with(below),
        None => host == *pattern,
    })
}

/// Whether a plugin can name hosts so; the error says what is wrong.
pub fn check_host_pattern(pattern: &str) -> Result<(), String> {
    let name = pattern.strip_prefix("*.").unwrap_or(pattern);
    let labels: Vec<_> = name.split('.').collect();
    let is_label = |label: &&str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    // A top-level domain is never a number: what ends in one is an address.
    let is_address = labels
        .last()
        .is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
    if labels.len() >= 2 && name.len() <= 253 && labels.iter().all(is_label) && !is_address {
        return Ok(());
    }
    Err(format!(
        "host {pattern:?} is no name in lower case with a domain; write `example.org`, or `*.example.org` for all below it"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_names_one_host_or_all_below() {
        let patterns = BTreeSet::from(["api.example.org".to_owned(), "*.example.net".to_owned()]);
        for (host, named) in [
            ("api.example.org", true),
            ("API.example.org", true),
            ("example.org", false),
            ("x.api.example.org", false),
            ("a.example.net", true),
            ("a.b.example.net", true),
            ("example.net", false),
            (".example.net", false),
            ("badexample.net", false),
        ] {
            assert_eq!(names_host(&patterns, host), named, "{host}");
        }
    }

    #[test]
    fn only_names_with_a_domain_are_patterns() {
        for sound in [
            "example.org",
            "*.example.org",
            "xn--bcher-kva.example",
            "a-b.c1.example",
        ] {
            assert_eq!(check_host_pattern(sound), Ok(()), "{sound}");
        }
        for wrong in [
            "",
            "localhost",
            "*",
            "*.org",
            "*.*.example.org",
            "a.*.org",
            "Example.org",
            "example.org:443",
            "https://example.org",
            "127.0.0.1",
            "[::1]",
            "example.org.",
            "-a.example.org",
            "*example.org",
        ] {
            assert!(check_host_pattern(wrong).is_err(), "{wrong}");
        }
    }
}
