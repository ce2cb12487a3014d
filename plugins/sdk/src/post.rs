//! What is to stand in a user's thread, and about whom. Plain data; [`UserThreads`](crate::UserThreads) brings it there.

use crate::{Id, User};
use serde::{Deserialize, Serialize};

/// Somebody, with the name that people know.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Person {
    /// The user's id.
    pub id: Id,
    /// The user's name.
    pub name: String,
}

impl From<&User> for Person {
    fn from(user: &User) -> Self {
        Self {
            id: user.id,
            name: user.username.clone(),
        }
    }
}

/// What is to stand in a user's thread. It notifies nobody.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Post {
    /// Text, at most 2000 characters; what is longer is cut.
    pub content: String,
    /// Components as JSON; empty for none.
    #[serde(default)]
    pub components: String,
    /// The message of the thread that it replies to.
    #[serde(default)]
    pub reply_to: Option<Id>,
    /// Comes back when it stands there.
    #[serde(default)]
    pub key: String,
    /// The key of a post that this one replies to. Where that one still waits, this one waits for it.
    #[serde(default)]
    pub follows: String,
    /// Text files to attach: name and text.
    #[serde(default)]
    pub files: Vec<(String, String)>,
}

/// A post that stands in its thread now.
#[derive(Clone, Debug, PartialEq)]
pub struct Posted {
    /// Whose thread.
    pub user: Id,
    /// The thread; the log channel itself, where no thread could be made.
    pub thread: Id,
    /// The message.
    pub message: Id,
    /// What stands in it.
    pub post: Post,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_post_of_an_earlier_version_is_read() {
        let post: Post = serde_json::from_str(r#"{"content":"text"}"#).expect("a post");
        assert_eq!(
            (post.content.as_str(), post.reply_to, post.files.len()),
            ("text", None, 0)
        );
    }
}
