//! What follows from a score: nothing, a report, or a measure that is explained in the report.

use crate::history::{self, History};
use crate::reports::{self, Earlier};
use crate::settings::Settings;
use crate::signal::{Score, Tier};
use guildhall_sdk::measure::{Case, Measure};
use guildhall_sdk::mod_log::{Entry, Reason, Report, ReportedMessage};
use guildhall_sdk::{Action, Context, Database, Error, Id, Message, Person};

/// Deleted with a softban.
const SEVEN_DAYS_SECONDS: u32 = 7 * 24 * 3600;
pub(crate) const HOUR: u64 = 3_600_000;

/// A message that scored, and all that is needed to answer it.
pub(crate) struct Response<'call> {
    pub(crate) context: &'call Context,
    pub(crate) database: &'call Database,
    pub(crate) settings: &'call Settings,
    pub(crate) message: &'call Message,
    pub(crate) history: &'call History,
    pub(crate) score: &'call Score,
}

impl Response<'_> {
    pub(crate) fn give(&self) -> Result<(), Error> {
        let tier = self.score.tier(self.settings);
        let earlier = Earlier::of(self.database, self.settings, self.message)?;
        reports::add(self.database, self.message, tier, self.score)?;
        let case = Case {
            user: Person::from(&self.message.author),
            message: Some(self.message.id),
        };
        let points = self.score.points;
        let reason = format!("spam, {points} points: {}", self.score);
        let mut kicked_at = None;
        let done = match tier {
            Tier::None => return Ok(()),
            Tier::Low if points <= earlier.low_points => {
                let user = case.user.id;
                self.context
                    .log(&format!("user {user} scored {points} again, which is logged already"));
                return Ok(());
            }
            Tier::Low => "none, only logged".to_owned(),
            Tier::Medium => self.restrict(&case, &reason)?,
            Tier::High => {
                let nth = earlier.high + 1;
                kicked_at = (nth >= u64::from(self.settings.kick_at_report)).then_some(nth);
                self.remove_from_chat(&case, earlier, kicked_at, &reason)?
            }
            Tier::Honeypot => self.softban(&case, &reason)?,
        };
        if tier >= Tier::High {
            Action::flag_user(case.user.id, &reason).submit()?;
        }
        let name = tier.name();
        self.context.log(&format!(
            "user {}: {points} points ({name}): {}: {done}",
            case.user.id, self.score
        ));
        Report {
            reason: Reason::Spam,
            user: case.user.clone(),
            staff: None,
            message: Some(ReportedMessage::from(self.message)),
            note: format!("**{points} points** ({name}): {}\nResponse: {done}", self.score),
        }
        .emit()?;
        if let Some(nth) = kicked_at.filter(|_| !(earlier.high_just_now && earlier.high >= self.kick_at())) {
            let text = format!("Kicked: this is their high report number {nth} in this server.");
            let message = case.message;
            return Entry {
                message,
                ..Entry::about(case.user, text)
            }
            .emit();
        }
        Ok(())
    }

    fn kick_at(&self) -> u64 {
        self.settings.kick_at_report.into()
    }

    /// The message goes, where it is certain its copies go too, and its author is restricted.
    fn restrict(&self, case: &Case, reason: &str) -> Result<String, Error> {
        let deleted = if self.score.holds_for_copies() {
            self.delete_copies(case, reason)?
        } else {
            self.delete(case, self.message.channel, vec![self.message.id], reason)?
        };
        let role = self
            .settings
            .restricted_role()
            .or_else(|| self.context.common().restricted_role);
        let Some(role) = role else {
            return Ok(format!("{deleted}; no restricted role is set"));
        };
        Measure::Restrict.take(case, Action::add_role(case.user.id, role), reason)?;
        Ok(format!("{deleted}, restricted"))
    }

    /// Every copy goes, and the author is timed out; at a later report, kicked. What was asked for a moment ago is not asked
    /// for again: these are messages that were on their way already.
    fn remove_from_chat(
        &self,
        case: &Case,
        earlier: Earlier,
        kicked_at: Option<u64>,
        reason: &str,
    ) -> Result<String, Error> {
        let deleted = self.delete_copies(case, reason)?;
        let user = case.user.id;
        if kicked_at.is_some() {
            if earlier.high_just_now && earlier.high >= self.kick_at() {
                return Ok(format!("{deleted}; kicked a moment ago"));
            }
            Measure::Kick.take(case, Action::kick(user), reason)?;
            return Ok(format!("{deleted}, kicked"));
        }
        if earlier.high_just_now {
            return Ok(format!("{deleted}; timed out a moment ago"));
        }
        let hours = self.settings.timeout_hours;
        let until = self.context.now() + u64::from(hours) * HOUR;
        Measure::Timeout.take(case, Action::timeout(user, until), reason)?;
        Ok(format!("{deleted}, timed out for {hours} h"))
    }

    fn softban(&self, case: &Case, reason: &str) -> Result<String, Error> {
        let user = case.user.id;
        self.delete(case, self.message.channel, vec![self.message.id], reason)?;
        Measure::Ban.take(case, Action::ban(user, SEVEN_DAYS_SECONDS), reason)?;
        let lifted = "softban: the messages are deleted, the user may come back";
        Measure::Unban.take(case, Action::unban(user), lifted)?;
        Ok("softbanned, messages of 7 days deleted".into())
    }

    fn delete_copies(&self, case: &Case, reason: &str) -> Result<String, Error> {
        let copies = self.history.standing_copies(self.settings);
        let count = copies.values().map(Vec::len).sum::<usize>();
        for (channel, messages) in copies {
            self.delete(case, channel, messages, reason)?;
        }
        Ok(if count == 1 {
            "deleted".into()
        } else {
            format!("{count} copies deleted")
        })
    }

    fn delete(&self, case: &Case, channel: Id, messages: Vec<Id>, reason: &str) -> Result<String, Error> {
        for message in &messages {
            history::mark_deleted(self.database, case.user.id, *message)?;
        }
        Measure::Delete.take(case, Action::delete_messages(channel, messages), reason)?;
        Ok("deleted".into())
    }
}
