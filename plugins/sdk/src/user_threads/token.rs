//! Tokens of the requests that bring posts into threads: `mod_log:post:5:77`.

use crate::Id;

/// What it is about, and one or two ids; none where the token is another one's.
pub(super) fn parts<'token>(prefix: &str, token: &'token str) -> Option<(&'token str, Id, Id)> {
    let mut parts = token.strip_prefix(prefix)?.strip_prefix(':')?.split(':');
    let verb = parts.next()?;
    let first = parts.next()?.parse().ok()?;
    let second = parts.next().map_or(Some(0), |id| id.parse().ok())?;
    Some((verb, first, second))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_of_others_are_left_alone() {
        assert_eq!(parts("mod_log", "mod_log:post:5:77"), Some(("post", 5, 77)));
        assert_eq!(parts("mod_log", "mod_log:thread:5"), Some(("thread", 5, 0)));
        for other in [
            "",
            "mod_log",
            "mod_log:",
            "mod_log:post",
            "mod_log:post:x",
            "mod_log:post:5:x",
            "click:5",
        ] {
            assert_eq!(parts("mod_log", other), None, "{other}");
        }
    }
}
