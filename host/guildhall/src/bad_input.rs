//! What whoever types a command can put right: it ends with 2, everything else with 1.

use std::fmt;

/// One message that says what is wrong, and what to do.
#[derive(Debug)]
pub(crate) struct BadInput(pub(crate) String);

impl fmt::Display for BadInput {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for BadInput {}

/// Marks an error as bad input.
pub(crate) trait OrBadInput<T> {
    /// The same, ending with 2.
    fn or_bad_input(self) -> anyhow::Result<T>;
}

impl<T, E: Into<anyhow::Error>> OrBadInput<T> for Result<T, E> {
    fn or_bad_input(self) -> anyhow::Result<T> {
        self.map_err(|error| BadInput(format!("{:#}", error.into())).into())
    }
}
