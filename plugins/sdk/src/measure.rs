//! What is done to a user, and what is said when Discord does not let it be done. One that fails never stops another: each
//! is an action of its own.

use crate::mod_log::Entry;
use crate::{Action, ActionResult, Context, Error, Id, Outcome, Person, permission};

/// What tokens of measures begin with.
const TOKEN: &str = "measure";

/// Who it is about, and which message.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// Whom it is about.
    pub user: Person,
    /// None where it is no message that it is about.
    pub message: Option<Id>,
}

/// Something done to a user.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Measure {
    /// Messages are deleted.
    Delete,
    /// The restricted role is given.
    Restrict,
    /// They are timed out.
    Timeout,
    /// They are kicked.
    Kick,
    /// They are banned.
    Ban,
    /// The ban of a softban is lifted.
    Unban,
    /// They are told something by direct message.
    Tell,
}

const ALL: [Measure; 7] = [
    Measure::Delete,
    Measure::Restrict,
    Measure::Timeout,
    Measure::Kick,
    Measure::Ban,
    Measure::Unban,
    Measure::Tell,
];

impl Measure {
    /// As it stands in tokens.
    fn word(self) -> &'static str {
        match self {
            Self::Delete => "delete",
            Self::Restrict => "restrict",
            Self::Timeout => "timeout",
            Self::Kick => "kick",
            Self::Ban => "ban",
            Self::Unban => "unban",
            Self::Tell => "tell",
        }
    }

    /// As the end of "Could not".
    fn deed(self) -> &'static str {
        match self {
            Self::Delete => "delete what they wrote",
            Self::Restrict => "give them the restricted role",
            Self::Timeout => "time them out",
            Self::Kick => "kick them",
            Self::Ban => "ban them",
            Self::Unban => "lift the ban of the softban",
            Self::Tell => "tell them by direct message",
        }
    }

    fn needs(self) -> u64 {
        match self {
            Self::Delete => permission::MANAGE_MESSAGES,
            Self::Restrict => permission::MANAGE_ROLES,
            Self::Timeout => permission::MODERATE_MEMBERS,
            Self::Kick => permission::KICK_MEMBERS,
            Self::Ban | Self::Unban => permission::BAN_MEMBERS,
            Self::Tell => 0,
        }
    }

    /// Submits the action that it is. Its result goes to [`tell_refusal`].
    pub fn take(self, case: &Case, action: Action, reason: &str) -> Result<(), Error> {
        action.reason(reason).token(self.token(case)).submit()
    }

    fn token(self, case: &Case) -> String {
        let message = case.message.unwrap_or(0);
        format!("{TOKEN}:{}:{}:{message}:{}", self.word(), case.user.id, case.user.name)
    }

    fn of_token(token: &str) -> Option<(Self, Case)> {
        // Names may hold colons, so the name is the last part.
        let mut parts = token.splitn(5, ':');
        let word = parts.next().filter(|first| *first == TOKEN).and(parts.next())?;
        let measure = ALL.into_iter().find(|measure| measure.word() == word)?;
        let id = parts.next()?.parse().ok()?;
        let message = parts.next()?.parse().ok().filter(|message| *message != 0);
        let name = parts.next()?.to_owned();
        let user = Person { id, name };
        Some((measure, Case { user, message }))
    }
}

/// Tells moderators, below the report of the message, what this plugin could not do and why; does nothing for other results.
/// Wants the capability to emit signals, and [`ENTRY`](crate::mod_log::ENTRY) among the topics that it emits.
pub fn tell_refusal(context: &Context, plugin: &str, result: &ActionResult) -> Result<(), Error> {
    let Some((measure, case)) = Measure::of_token(&result.token) else {
        return Ok(());
    };
    let Outcome::Refused(refusal) = &result.outcome else {
        return Ok(());
    };
    if refusal.is_gone() || refusal.is_channel_gone() {
        // The user has left, or somebody else has deleted the message: that is what was wanted.
        return Ok(());
    }
    let cause = refusal.cause(context, case.user.id, measure.needs());
    let text = format!("Could not {}: {cause}.", measure.deed());
    context.warn(&format!("user {}: {text}", case.user.id));
    Entry {
        message: case.message,
        key: format!("{plugin}:{}:{}", measure.word(), case.user.id),
        ..Entry::about(case.user, text)
    }
    .emit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_tells_the_measure_and_the_case() {
        let user = Person {
            id: 7,
            name: "a:b".into(),
        };
        for (measure, message) in ALL.into_iter().zip([Some(8), None].into_iter().cycle()) {
            let case = Case {
                user: user.clone(),
                message,
            };
            assert_eq!(Measure::of_token(&measure.token(&case)), Some((measure, case)));
        }
        for strange in [
            "",
            "measure",
            "measure:ban:x:1:n",
            "flagged:1:2",
            "measure:warm:1:2:n",
            "ban:1:2:n",
        ] {
            assert_eq!(Measure::of_token(strange), None, "{strange}");
        }
    }
}
